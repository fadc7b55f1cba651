/**
 * What is there when a sink opens: create what is missing, refuse what does
 * not fit, and say how it can be made to.
 *
 * @module
 */
import {
  type Migration,
  type Refusal,
  UserError,
} from "../../runtime/component.ts";
import type { Warehouse } from "./client.ts";
import { compareTable, type Existing } from "./difference.ts";
import { createTables, createView, type TableShape } from "./table.ts";

/** Whose table it is, and where. */
export interface Prepared {
  readonly connection: Warehouse;
  /** Name of the sink. */
  readonly name: string;
}

/**
 * Make ready what a sink writes to.
 *
 * @throws {UserError} when something else is there, or another shape of it.
 */
export async function prepareTable(
  shape: TableShape,
  { connection, name }: Prepared,
): Promise<void> {
  const { database, table } = shape;
  const view = await readTable(table, { shape, connection });
  if (view && view.engine !== "View") {
    throw new UserError(
      `Sink "${name}" cannot create the view "${database}.${table}": there ` +
        `is a table of that name (${view.engine}); choose another table`,
    );
  }
  const existing = await readTable(`${table}_rows`, { shape, connection });
  if (existing) checkTable(shape, { existing, name });
  const sharded = !shape.sharding || !existing ||
    await readTable(`${table}_sharded`, { shape, connection });
  if (!existing || !sharded) {
    for (const sql of createTables(shape)) await connection.command(sql);
  }
  const wanted = createView(shape);
  if (view && await sameView(connection, { view, wanted })) return;
  await connection.command(wanted);
}

/** How the table of a sink differs from its spec; undefined without a table. */
export async function migrationOf(
  shape: TableShape,
  { connection, name }: Prepared,
): Promise<Migration | undefined> {
  const where = { shape, connection };
  const existing = await readTable(`${shape.table}_rows`, where);
  if (!existing) return undefined;
  const { refusals, statements } = compareTable(shape, existing);
  return {
    statements,
    refusals,
    async apply() {
      if (refusals.length > 0) checkTable(shape, { existing, name });
      for (const sql of statements) await connection.command(sql);
    },
  };
}

function checkTable(
  shape: TableShape,
  { existing, name }: { readonly existing: Existing; readonly name: string },
): void {
  const { database, table } = shape;
  const { added, refusals } = compareTable(shape, existing);
  if (refusals.length > 0) {
    throw new UserError(
      `Table "${database}.${table}_rows" does not fit sink "${name}": ` +
        refusals.map(({ reason }) => reason).join("; ") + remedy(refusals),
    );
  }
  if (added.length > 0) {
    throw new UserError(
      `Table "${database}.${table}_rows" lacks ${added.join(", ")} of sink ` +
        `"${name}": run \`migrate\` with --apply to have it added`,
    );
  }
}

function remedy(refusals: readonly Refusal[]): string {
  return refusals.some(({ statements }) => statements.length > 0)
    ? "; `migrate` prints the statements that make it fit, or choose another " +
      "table"
    : "";
}

interface Described extends Omit<Existing, "columns" | "indices"> {
  readonly select: string;
}

async function readTable(
  table: string,
  { connection, shape: { database } }: {
    readonly connection: Warehouse;
    readonly shape: TableShape;
  },
): Promise<(Existing & Described) | undefined> {
  const of = { database, table };
  const [found] = await connection.rows<Described>(
    "SELECT engine, engine_full, partition_key, sorting_key, " +
      "as_select AS select FROM system.tables " +
      "WHERE database = {database:String} AND name = {table:String}",
    of,
  );
  if (!found) return undefined;
  const columns = await connection.rows<Existing["columns"][number]>(
    "SELECT name, type, default_kind FROM system.columns " +
      "WHERE database = {database:String} AND table = {table:String} " +
      "ORDER BY position",
    of,
  );
  const indices = await connection.rows<{ readonly name: string }>(
    "SELECT name FROM system.data_skipping_indices " +
      "WHERE database = {database:String} AND table = {table:String}",
    of,
  );
  return { ...found, columns, indices: indices.map(({ name }) => name) };
}

/** Whether the view is there already: replacing it needs a right. */
async function sameView(
  connection: Warehouse,
  { view, wanted }: { readonly view: Described; readonly wanted: string },
): Promise<boolean> {
  const select = wanted.slice(wanted.indexOf("\nSELECT "));
  const [as] = await connection.rows<{ readonly sql: string }>(
    "SELECT formatQuerySingleLine({select:String}) AS sql",
    { select },
  );
  return as?.sql === view.select;
}
