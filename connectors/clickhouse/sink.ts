/**
 * Store rows in ClickHouse.
 *
 * @module
 */
import {
  type Config,
  defineSink,
  fields,
  optional,
  type SinkShape,
  UserError,
} from "../../runtime/component.ts";
import type { Warehouse } from "./client.ts";
import { clickhouse } from "./connection.ts";
import { native } from "./native.ts";
import {
  addColumn,
  compareTable,
  createTable,
  createView,
  type Described,
  rebuildTable,
  rowsTable,
  type TableShape,
} from "./table.ts";
import { addedColumns } from "./types.ts";

const sinkFields = {
  table: fields.string(
    "View to query; its rows live in <table>_rows. Both are created",
  ),
  order_by: fields.list(
    fields.column("Column"),
    "Sorting key; begin with the block, so that reads after a reorg stay cheap",
  ),
  index: optional(
    fields.list(fields.column("Column"), "Columns with a skip index"),
    [],
  ),
  add_columns: optional(
    fields.boolean("Add columns that an existing table lacks"),
    false,
  ),
};

type SinkConfig = Config<typeof sinkFields>;

/** Few and large parts: while history comes in, merging costs most. */
const batch = { rows: 200_000, bytes: 32 * 1024 ** 2, every: 2000 };

/** Store rows in a table that merges by key, behind a view that is right. */
export const clickhouseSink = defineSink<
  typeof sinkFields,
  Warehouse,
  Uint8Array
>({
  type: "clickhouse",
  summary: "Store rows in a ClickHouse table, behind a view that is right " +
    "at every moment",
  connection: clickhouse,
  fields: sinkFields,
  batch: () => batch,
  target: ({ table }) => table,
  merges: true,
  delivery: () =>
    "exactly once: rows merge by key and version, repeated inserts are " +
    "dropped by token, retracted rows leave the view",
  check({ config, place, schema }) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(config.table)) {
      place.at("table").report(
        `"${config.table}" cannot be a table`,
        "letters, digits and _ only; the database is a field of the connection",
      );
    }
    if (config.order_by.length === 0) {
      place.at("order_by").report("No column to order by");
    }
    for (const [position, name] of config.order_by.entries()) {
      const column = schema.find((one) => one.name === name);
      const type = column?.type ?? "string";
      if (!column?.nullable && type !== "json" && !type.startsWith("list<")) {
        continue;
      }
      place.at("order_by").at(position).report(
        column?.nullable
          ? `Cannot order by "${name}": it may be null`
          : `Cannot order by "${name}": it is ${type}`,
        "order by block_number and an index, which every row has",
      );
    }
    for (const { name } of addedColumns) {
      if (!schema.some((column) => column.name === name)) continue;
      place.at("from").report(
        `The input has a column "${name}", which the table needs for itself`,
        "rename it with a select transform",
      );
    }
  },
  ddl: (shape) => {
    const table = shapeOf({ ...shape, database: undefined });
    return [createTable(table), createView(table)];
  },
  example: `
name: transfers-to-clickhouse
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  warehouse: { type: clickhouse, embedded: data/warehouse }
sources:
  chain: { type: evm.chain, connection: eth, emit: [token_transfers] }
sinks:
  transfers:
    type: clickhouse
    connection: warehouse
    from: chain.token_transfers
    table: token_transfers
    order_by: [block_number, log_index]
    index: [token_address, transaction_hash]
`,
  async open(config, { connection, name, schema }) {
    const { database } = connection;
    const table = shapeOf({ config, schema, name, database });
    await prepare(table, { config, connection, name });
    const encode = native(schema);
    const columns = [...schema, ...addedColumns].map(({ name }) => name);
    return {
      encode(rows, unit, reject) {
        const data = encode(rows, unit, reject);
        return { data, bytes: data.length };
      },
      async write({ chunks, signal, token }) {
        await connection.insert({
          table: rowsTable(table),
          columns,
          rows: chunks.map(({ data }) => data),
          token,
          signal,
        });
      },
    };
  },
});

function shapeOf(
  { config, database = "default", schema }: SinkShape<typeof sinkFields> & {
    readonly database: string | undefined;
  },
): TableShape {
  const { index, order_by: orderBy, table } = config;
  return { database, table, schema, orderBy, index };
}

/** Create what is missing; compare what exists, column by column. */
async function prepare(
  shape: TableShape,
  { config, connection, name }: {
    readonly config: SinkConfig;
    readonly connection: Warehouse;
    readonly name: string;
  },
): Promise<void> {
  const { database, table } = shape;
  const [view] = await connection.rows<{ engine: string }>(
    "SELECT engine FROM system.tables " +
      "WHERE database = {database:String} AND name = {table:String}",
    { database, table },
  );
  if (view && view.engine !== "View") {
    throw new UserError(
      `Sink "${name}" cannot create the view "${database}.${table}": there ` +
        `is a table of that name (${view.engine}); choose another table`,
    );
  }
  await connection.command(createTable(shape));
  const existing = await connection.rows<Described>(
    "SELECT name, type FROM system.columns " +
      "WHERE database = {database:String} AND table = {table:String} " +
      "ORDER BY position",
    { database, table: `${table}_rows` },
  );
  const { conflicts, missing } = compareTable(shape, existing);
  if (conflicts.length > 0) {
    throw new UserError(
      `Table "${database}.${table}_rows" does not fit sink "${name}": ` +
        `${conflicts.join("; ")}; choose another table, or drop this one ` +
        "and run `reset`, or keep its rows with\n" +
        rebuildTable(shape, existing).map((one) => `${one};`).join("\n"),
    );
  }
  if (missing.length > 0 && !config.add_columns) {
    const names = missing.map((column) => `"${column.name}"`).join(", ");
    throw new UserError(
      `Table "${database}.${table}_rows" lacks ${names} of sink "${name}": ` +
        "write `add_columns: true` in the sink to have them added",
    );
  }
  for (const column of missing) {
    await connection.command(addColumn(shape, column));
  }
  await connection.command(createView(shape));
}
