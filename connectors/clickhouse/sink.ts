/**
 * Store rows in ClickHouse.
 *
 * @module
 */
import {
  defineSink,
  type SinkShape,
  UserError,
} from "../../runtime/component.ts";
import type { Warehouse } from "./client.ts";
import { clickhouse, type ClickhouseConfig } from "./connection.ts";
import { checkFields, shapeOf, sinkFields } from "./sink_fields.ts";
import type { UnitData } from "./small_units.ts";
import { createTables, createView, insertTable } from "./table.ts";
import { addedColumns } from "./types.ts";

/** Few and large parts: while history comes in, merging costs most. */
const batch = { rows: 200_000, bytes: 32 * 1024 ** 2, every: 2000 };

/** Store rows in a table that merges by key, behind a view that is right. */
export const clickhouseSink = defineSink<
  typeof sinkFields,
  Warehouse,
  UnitData
>({
  type: "clickhouse",
  summary: "Store rows in a ClickHouse table, behind a view that is right " +
    "at every moment",
  connection: clickhouse,
  fields: sinkFields,
  batch: () => batch,
  target: ({ table }) => table,
  delivery: () =>
    "exactly once: rows merge by key and version, whatever comes again, " +
    "and retracted rows leave the view",
  merges: true,
  check: checkFields,
  ddl: ({ config, connection, schema }) => {
    const { cluster, database = "default" } = (connection ?? {}) as Partial<
      ClickhouseConfig
    >;
    const table = shapeOf({ config, schema, database, cluster });
    return [...createTables(table), createView(table)];
  },
  async migrate(shape, { connection }) {
    const { migrationOf } = await import("./prepare.ts");
    const { name } = shape;
    return await migrationOf(shapeAt(shape, connection), { connection, name });
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
    const { prepareTable } = await import("./prepare.ts");
    const { unitEncoder } = await import("./small_units.ts");
    const table = shapeAt({ config, schema, name }, connection);
    await prepareTable(table, { connection, name });
    const { blocks, encode } = unitEncoder(schema);
    const columns = [...schema, ...addedColumns].map(({ name }) => name);
    return {
      encode,
      async write({ chunks, rows, signal, token }) {
        if (rows === 0) return;
        await connection.insert({
          sink: name,
          table: insertTable(table),
          columns,
          blocks: blocks(chunks.map(({ data }) => data)),
          token,
          signal,
        });
      },
    };
  },
});

function shapeAt(
  { config, name, schema }: SinkShape<typeof sinkFields>,
  { cluster, database, name: connection }: Warehouse,
) {
  if (config.shard_by.length > 0 && cluster === undefined) {
    throw new UserError(
      `Sink "${name}" has shard_by, but connection "${connection}" has no ` +
        "cluster: leave it out, or name the cluster in the connection",
    );
  }
  return shapeOf({ config, schema, database, cluster });
}
