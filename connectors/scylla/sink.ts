/**
 * Store rows in Scylla or Cassandra.
 *
 * @module
 */
import {
  type Config,
  defineSink,
  fields,
  optional,
  type SinkShape,
} from "../../runtime/component.ts";
import { checkKey } from "./advice.ts";
import type { ScyllaClient } from "./client.ts";
import { namePattern, scylla } from "./connection.ts";
import { consistencies } from "./consistency.ts";
import type { EncodedRows } from "./rows.ts";
import { compactions, createTable, type TableShape } from "./table.ts";

/** A column, or the columns of the partition key. */
const keyPart = {
  ...fields.either<string | readonly string[]>([
    fields.column("a column"),
    fields.list(fields.column("Column"), "a list of columns"),
  ], "Column, or the columns of the partition key"),
  noun: "key part",
};

const sinkFields = {
  table: fields.string(
    "Table; created when it is missing, altered by `migrate` only",
  ),
  primary_key: fields.list(
    keyPart,
    "Partition key and clustering columns, [[a, b], c]; the first alone is " +
      "the partition key. A row replaces the one that has the same key; " +
      "when it is retracted, the one it replaced does not come back",
  ),
  ttl: optional(fields.duration(
    "How long rows live from the moment they are written; for ever otherwise",
  )),
  compaction: optional(fields.choice(
    compactions,
    "How a table that is created is compacted; the server's choice otherwise. " +
      "incremental is Scylla's, unified Cassandra's",
  )),
  consistency: optional(fields.choice(
    consistencies,
    "How many replicas must have stored a row; as the connection otherwise",
  )),
};

/** A scylla sink's config. */
export type SinkConfig = Config<typeof sinkFields>;

/** Rows wait briefly: whoever reads here wants the head of the chain. */
const batch = { rows: 20_000, bytes: 16 * 1024 ** 2, every: 200 };

/** Longest life that the store takes: 20 years. */
const longestLife = 630_720_000_000;

/** Store rows by their primary key; the chain's latest word wins. */
export const scyllaSink = defineSink<
  typeof sinkFields,
  ScyllaClient,
  EncodedRows
>({
  type: "scylla",
  summary: "Store rows in a table of ScyllaDB or Apache Cassandra",
  connection: scylla,
  fields: sinkFields,
  batch: () => batch,
  target: ({ table }) => table,
  delivery: () =>
    "exactly once: upserts by primary key, each with a timestamp that grows " +
    "with the chain, so that nothing late or repeated changes a row; " +
    "retracted rows are deleted",
  merges: true,
  check({ config, place, schema }) {
    if (!namePattern.test(config.table)) {
      place.at("table").report(
        `"${config.table}" cannot be a table`,
        "a letter, then letters, digits and _, 48 at most; the keyspace is a " +
          "field of the connection",
      );
    }
    const { ttl } = config;
    if (ttl !== undefined && (ttl < 1000 || ttl > longestLife)) {
      place.at("ttl").report(
        "Rows can live from 1s to 7300d",
        ttl < 1000 ? "the store counts whole seconds" : "leave ttl out",
      );
    }
    checkKey({ ...keyOf(config), schema, place: place.at("primary_key") });
  },
  ddl: (shape) => [createTable(shapeOf({ ...shape, keyspace: undefined }))],
  async migrate({ config, name, schema }, { connection }) {
    const { keyspace } = connection;
    const { migrationOf } = await import("./prepare.ts");
    const shape = shapeOf({ config, name, schema, keyspace });
    return await migrationOf(shape, { connection, name });
  },
  example: `
name: transfers-to-scylla
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  hot: { type: scylla, hosts: ["localhost:9042"], keyspace: mainnet }
sources:
  chain: { type: evm.chain, connection: eth, emit: [token_transfers] }
sinks:
  transfers:
    type: scylla
    connection: hot
    from: chain.token_transfers
    table: transfers_by_token
    primary_key: [token_address, block_number, log_index, batch_index]
    ttl: 30d
    compaction: time_window
`,
  open: async (config, context) =>
    await (await import("./open_sink.ts")).openSink(config, context),
});

/** The two halves of a primary key. */
function keyOf(
  { primary_key: [first = [], ...clustering] }: SinkConfig,
): Pick<TableShape, "clustering" | "partition"> {
  const partition = typeof first === "string" ? [first] : first;
  return { partition, clustering: clustering.flat() };
}

/** The table that a sink needs. */
export function shapeOf(
  { config, keyspace, schema }: SinkShape<typeof sinkFields> & {
    readonly keyspace: string | undefined;
  },
): TableShape {
  const { compaction, table, ttl } = config;
  return { keyspace, table, schema, ...keyOf(config), compaction, ttl };
}
