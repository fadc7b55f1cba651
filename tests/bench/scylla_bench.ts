/**
 * The scylla sink beside the bare driver, which does the same inserts with as
 * many requests under way, on rows of recorded mainnet blocks.
 *
 * Run with `deno run -A tests/bench/scylla_bench.ts`; it starts a Cassandra of
 * its own, whose log is written through (`commitlog_sync: batch`). Or with
 * `--hosts HOST:PORT` against one that runs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { types } from "cassandra-driver";
import type { ScyllaClient } from "../../connectors/scylla/client.ts";
import { type EncodedRows, rowEncoder } from "../../connectors/scylla/rows.ts";
import { scyllaSink } from "../../connectors/scylla/sink.ts";
import {
  insertRow,
  orderedColumns,
  type TableShape,
} from "../../connectors/scylla/table.ts";
import { schemas } from "../../connectors/evm/chain/schema.ts";
import { type Chunk, plainJson, type Row } from "../../runtime/component.ts";
import { connect } from "../connectors/scylla/hot.ts";
import { openContext } from "../contracts/open_context.ts";
import { startCassandra } from "../services/mod.ts";
import { type MadeBlock, madeBlocks } from "./mainnet_rows.ts";
import { cpuSeconds, peakMiB } from "./processes.ts";
import { compare, print } from "./rivals.ts";

/** A port and the key of its table. */
const tables = {
  transactions: [["hash"]],
  logs: [["block_number"], "log_index"],
} as const;

type Port = keyof typeof tables;

const rivals = ["driver", "sink", "encode"] as const;
type Rival = typeof rivals[number];

/** As the sink: measured to be where the rate stops growing. */
const concurrency = 256;

const { values: args } = parseArgs({
  options: {
    hosts: { type: "string" },
    blocks: { type: "string", default: "150" },
    runs: { type: "string", default: "3" },
    /** One run, in a process of its own: `transactions/sink`. */
    only: { type: "string" },
  },
});

if (args.only) await child(args.only, args.hosts ?? "");
else await parent();

async function parent(): Promise<void> {
  await using own = args.hosts ? undefined : await startCassandra();
  const hosts = own?.address ?? args.hosts ?? "";
  await compare({
    file: import.meta.filename ?? "",
    args: ["--hosts", hosts, "--blocks", args.blocks],
    ports: Object.keys(tables),
    rivals,
    ratio: ["sink", "driver"],
    runs: Number(args.runs),
  });
}

async function child(only: string, hosts: string): Promise<void> {
  const [port, rival] = only.split("/") as [Port, Rival];
  const client = await connect({ hosts: [hosts] });
  await client.health();
  const blocks = [...madeBlocks({
    ports: [port],
    blocks: Number(args.blocks),
    spacing: 12_000,
  })];
  const rows = blocks.reduce(
    (sum, one) => sum + (one.rows[port]?.length ?? 0),
    0,
  );
  const before = await cpuSeconds(Deno.pid);
  const start = performance.now();
  const work = { driver: bare, sink, encode }[rival];
  const ended = await work(client, { blocks, port });
  const seconds = ((ended ?? performance.now()) - start) / 1000;
  const cpu = await cpuSeconds(Deno.pid) - before;
  const peak = await peakMiB(Deno.pid);
  const stored = await client.execute(
    `DROP KEYSPACE "${client.keyspace}"`,
    [],
    {
      prepare: false,
    },
  );
  if (!stored.applied) throw new Error("The keyspace is still there");
  await client[Symbol.asyncDispose]();
  print(JSON.stringify({ rows, seconds, cpu, peak }));
}

interface Work {
  readonly blocks: readonly MadeBlock[];
  readonly port: Port;
}

function configOf(port: Port) {
  return {
    table: port,
    primary_key: tables[port],
    ttl: undefined,
    compaction: undefined,
    consistency: undefined,
  };
}

function shapeOf(port: Port, keyspace: string): TableShape {
  const [partition, ...clustering] = tables[port];
  return {
    keyspace,
    table: port,
    schema: schemas[port],
    partition,
    clustering: clustering as string[],
    compaction: undefined,
    ttl: undefined,
  };
}

/** The sink, fed as the runtime does: encode by block, write by batch. */
async function sink(client: ScyllaClient, { blocks, port }: Work) {
  const config = configOf(port);
  const schema = schemas[port];
  const open = await scyllaSink.open(config, {
    ...openContext({ name: "out" }),
    connection: client,
    schema,
    state: undefined,
  });
  const limits = scyllaSink.batch(config);
  const { signal } = new AbortController();
  let chunks: Chunk<EncodedRows>[] = [];
  let rows = 0;
  let bytes = 0;
  const write = async () => {
    await open.write({ chunks, rows, bytes, token: String(rows), signal });
    chunks = [];
    rows = bytes = 0;
  };
  for (const { rows: { [port]: all = [] }, unit } of blocks) {
    const encoded = open.encode(all, unit, () => {});
    chunks.push({ ...encoded, rows: all.length, unit });
    rows += all.length;
    bytes += encoded.bytes;
    if (rows >= limits.rows || bytes >= limits.bytes) await write();
  }
  await write();
}

/** Only the sink's own share: encoding. */
function encode(client: ScyllaClient, { blocks, port }: Work) {
  const encode = rowEncoder(shapeOf(port, client.keyspace));
  for (const { rows } of blocks) encode(rows[port] ?? [], "insert", () => {});
  return Promise.resolve(performance.now());
}

/** The driver's own `executeConcurrent` with plain values. */
async function bare(client: ScyllaClient, { blocks, port }: Work) {
  const { concurrent } = await import("cassandra-driver");
  await scyllaSink.open(configOf(port), {
    ...openContext({ name: "out" }),
    connection: client,
    schema: schemas[port],
    state: undefined,
  });
  const shape = shapeOf(port, client.keyspace);
  const columns = orderedColumns(shape);
  const params = function* () {
    let timestamp = BigInt(Date.now()) * 1000n;
    for (const { rows } of blocks) {
      timestamp++;
      for (const row of rows[port] ?? []) {
        yield [
          ...columns.map(({ name, type }) => plain(row[name], type)),
          timestamp,
        ];
      }
    }
  };
  await client.use(({ client: driver }) =>
    concurrent.executeConcurrent(
      driver,
      insertRow(shape),
      [...params()],
      { concurrencyLevel: concurrency },
    ) as Promise<types.ResultSet[] | unknown>
  );
}

/** A value as the driver takes it. */
function plain(value: Row[string] | undefined, type: string): unknown {
  if (value === null || value === undefined) return null;
  if (type === "json") return plainJson(value);
  if (type === "timestamp") return value;
  return typeof value === "number" && type !== "float64"
    ? BigInt(value)
    : value;
}
