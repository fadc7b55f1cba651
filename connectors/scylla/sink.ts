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
  UserError,
} from "../../runtime/component.ts";
import { checkKey } from "./advice.ts";
import type { ScyllaClient } from "./client.ts";
import { namePattern, scylla } from "./connection.ts";
import { responseCode } from "./errors.ts";
import { type EncodedRows, rowEncoder } from "./rows.ts";
import { consistencies } from "./session.ts";
import {
  describeTable,
  fullName,
  migrationOf,
  prepareTable,
} from "./prepare.ts";
import { compactions, createTable, type TableShape } from "./table.ts";
import { Timeline } from "./timeline.ts";
import { executor, type Plan, planWrite } from "./writes.ts";

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

type SinkConfig = Config<typeof sinkFields>;

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
  migrate: ({ config, name, schema }, { connection }) =>
    migrationOf(
      shapeOf({ config, name, schema, keyspace: connection.keyspace }),
      { connection, name },
    ),
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
  async open(config, { connection, name, schema, shared = false, state }) {
    const { keyspace } = connection;
    const shape = shapeOf({ config, schema, name, keyspace });
    await prepareTable(shape, { connection, name });
    const encode = rowEncoder(shape);
    const { execute } = executor(connection, { ...config, shape });
    let last = Number(state?.["timestamp"] ?? 0);
    let unfinished: Plan | undefined;
    return {
      encode(rows, unit, reject) {
        const data = encode(rows, unit.op, reject);
        return { data, bytes: data.values.length };
      },
      async write({ chunks, signal }) {
        const plan = unfinished?.chunks === chunks
          ? unfinished
          : planWrite(chunks, {
            shape,
            timeline: new Timeline(last, { shared }),
          });
        unfinished = plan;
        try {
          await execute(plan, signal);
        } catch (error) {
          throw await causeOf(error, { connection, name, shape });
        } finally {
          // Rejected or stored: either way these rows are behind us.
          if (plan.waiting.length === 0) last = plan.last;
        }
        return { timestamp: last };
      },
    };
  },
});

/** The two halves of a primary key. */
function keyOf(
  { primary_key: [first = [], ...clustering] }: SinkConfig,
): Pick<TableShape, "clustering" | "partition"> {
  const partition = typeof first === "string" ? [first] : first;
  return { partition, clustering: clustering.flat() };
}

function shapeOf(
  { config, keyspace, schema }: SinkShape<typeof sinkFields> & {
    readonly keyspace: string | undefined;
  },
): TableShape {
  const { compaction, table, ttl } = config;
  return { keyspace, table, schema, ...keyOf(config), compaction, ttl };
}

/**
 * A statement that a server does not know and cannot prepare again, as when
 * it has been restarted, is of a table that somebody has dropped.
 */
async function causeOf(
  error: unknown,
  { connection, name, shape }: {
    readonly connection: ScyllaClient;
    readonly name: string;
    readonly shape: TableShape;
  },
): Promise<unknown> {
  const { cause } = error as Error;
  if (responseCode(cause) !== unprepared) return error;
  if ((await describeTable(shape, connection)).length > 0) return error;
  return new UserError(
    `Table "${fullName(shape)}" of sink "${name}" is gone: run ` +
      "`reset` for the sink to fill a new one",
    { cause },
  );
}

const unprepared = 0x2500;
