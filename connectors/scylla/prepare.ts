/**
 * What is there when a sink opens: create what is missing, refuse what does
 * not fit, and say how it can be made to.
 *
 * @module
 */
import { type Migration, UserError } from "../../runtime/component.ts";
import type { ScyllaClient } from "./client.ts";
import {
  addColumn,
  compareTable,
  createTable,
  type Described,
  dropTable,
  type TableShape,
} from "./table.ts";

/** Whose table it is, and where. */
export interface Prepared {
  readonly connection: ScyllaClient;
  /** Name of the sink. */
  readonly name: string;
}

/**
 * Create the table, or compare the one that exists, column by column.
 *
 * @throws {UserError} when what exists is of another shape.
 */
export async function prepareTable(
  shape: TableShape,
  { connection, name }: Prepared,
): Promise<void> {
  // Whoever may only write need not be allowed to create.
  if ((await describeTable(shape, connection)).length === 0) {
    await connection.execute(createTable(shape), [], { prepare: false });
  }
  const existing = await describeTable(shape, connection);
  const { conflicts, missing } = compareTable(shape, existing);
  checkConflicts(conflicts, { shape, name });
  if (missing.length > 0) {
    const names = missing.map((column) => `"${column.name}"`).join(", ");
    throw new UserError(
      `Table "${fullName(shape)}" lacks ${names} of sink "${name}": run ` +
        "`migrate` with --apply to have them added",
    );
  }
}

/** How the table of a sink differs from its spec; undefined without a table. */
export async function migrationOf(
  shape: TableShape,
  { connection, name }: Prepared,
): Promise<Migration | undefined> {
  const existing = await describeTable(shape, connection);
  if (existing.length === 0) return undefined;
  const { conflicts, missing } = compareTable(shape, existing);
  const statements = missing.map((column) => addColumn(shape, column));
  return {
    statements,
    // Neither keys nor types can be altered: the table has to be made anew.
    refusals: conflicts.length === 0 ? [] : [{
      reason: conflicts.join("; "),
      statements: [dropTable(shape), createTable(shape)],
    }],
    async apply() {
      checkConflicts(conflicts, { shape, name });
      for (const statement of statements) {
        await connection.execute(statement, [], { prepare: false });
      }
    },
  };
}

/** The columns of a table; none when there is no such table. */
export async function describeTable(
  { keyspace, table }: TableShape,
  connection: ScyllaClient,
): Promise<readonly Described[]> {
  const { rows } = await connection.execute(
    "SELECT column_name, type, kind, position FROM system_schema.columns " +
      "WHERE keyspace_name = ? AND table_name = ?",
    [keyspace, table],
    { consistency: "one", idempotent: true },
  );
  return rows as unknown as readonly Described[];
}

function checkConflicts(
  conflicts: readonly string[],
  { name, shape }: { readonly name: string; readonly shape: TableShape },
): void {
  if (conflicts.length === 0) return;
  throw new UserError(
    `Table "${fullName(shape)}" does not fit sink "${name}": ` +
      `${conflicts.join("; ")}; choose another table, or drop this one and ` +
      "run `reset`",
  );
}

/** The table as messages name it. */
export function fullName({ keyspace, table }: TableShape): string {
  return `${keyspace}.${table}`;
}
