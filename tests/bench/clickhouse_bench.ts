// deno-lint-ignore-file no-console -- a benchmark prints its table
/**
 * Our sink into ClickHouse beside the bare client doing the same work, which
 * is given the rows as objects (made before its clock starts) and encodes them
 * itself; and beside the ceiling of both, the sink's own bytes sent prepared.
 *
 *   deno run -A tests/bench/clickhouse_bench.ts [--blocks 300] [--runs 3]
 *       [--url http://default:secret@host:8123]
 *
 * Each run is a process and a table of its own, the two in turn. Timed is
 * from the first row to the last acknowledgement; the peak of the memory has
 * the rows (or the prepared bytes) in it, which both hold beforehand.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Readable } from "node:stream";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { native } from "../../connectors/clickhouse/native.ts";
import { clickhouseSink } from "../../connectors/clickhouse/sink.ts";
import { schemas } from "../../connectors/evm/chain/schema.ts";
import {
  type Chunk,
  jsonLines,
  type Row,
  type UnitInfo,
} from "../../runtime/component.ts";
import {
  config,
  connect,
  openSink,
} from "../connectors/clickhouse/warehouses.ts";
import { startClickhouse } from "../services/mod.ts";
import { type MadeBlock, madeBlocks } from "./mainnet_rows.ts";
import { cpuSeconds, peakMiB } from "./processes.ts";

const ports = ["transactions", "logs"] as const;
type Port = typeof ports[number];

const ways = ["client", "sink", "prepared"] as const;
type Way = typeof ways[number];

/** What one run measured. */
interface Result {
  readonly rows: number;
  readonly bytes: number;
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
}

interface Run {
  readonly url: string;
  readonly port: Port;
  readonly blocks: number;
}

const table = "sluice_bench_rows";

/** Times that the encoder sees the first blocks before it is measured. */
const warmUps = 5;

const limits = clickhouseSink.batch({ ...config });

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      blocks: { type: "string", default: "300" },
      runs: { type: "string", default: "3" },
      url: { type: "string" },
      way: { type: "string" },
      port: { type: "string" },
    },
  });
  const blocks = Number(values.blocks);
  const { way, port, url } = values;
  if (way && url) {
    const run = { url, port: port as Port, blocks };
    const result = await runs[way as Way](run);
    console.log(JSON.stringify(result));
    return;
  }
  await using service = url === undefined ? await startClickhouse() : undefined;
  const address = url ?? service?.address ?? "";
  const server = await service?.pid();
  console.log(
    "| port | what | rows/s | MB/s | client CPU s | client peak MiB | " +
      "server CPU s |\n|---|---|---|---|---|---|---|",
  );
  for (const port of ports) {
    const all = new Map<Way, (Result & { server: number })[]>();
    for (let run = 0; run < Number(values.runs); run++) {
      for (const way of run % 2 ? ways : ways.toReversed()) {
        const before = server ? await cpuSeconds(server) : NaN;
        const result = await start(way, { url: address, port, blocks });
        const used = server ? await cpuSeconds(server) - before : NaN;
        all.set(way, [...all.get(way) ?? [], { ...result, server: used }]);
      }
    }
    print(port, all);
  }
  if (server) {
    console.log(`\nServer: peak ${Math.round(await peakMiB(server))} MiB`);
  }
}

/** One run in a process of its own. */
async function start(way: Way, run: Run): Promise<Result> {
  const options = Object.entries({ ...run, way })
    .flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stderr, stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename ?? "", ...options],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Open the sink on an empty table; the rows are there beforehand. */
async function arrange({ blocks, port, url }: Run) {
  const warehouse = await connect({ url, database: "default" });
  for (const [kind, name] of [["VIEW", table], ["TABLE", `${table}_rows`]]) {
    await warehouse.command(`DROP ${kind} IF EXISTS ${name} SYNC`);
  }
  const index = port === "logs" ? "log_index" : "transaction_index";
  const sink = await openSink(warehouse, {
    schema: schemas[port],
    table,
    order_by: ["block_number", index],
    index: [],
  });
  const made = [...madeBlocks({ ports: [port], blocks, spacing: 12_000 })];
  return { warehouse, sink, made };
}

async function runSink(run: Run): Promise<Result> {
  const { made, sink, warehouse } = await arrange(run);
  await using _ = warehouse;
  // A pipeline encodes for hours: its code is compiled.
  for (let round = 0; round < warmUps; round++) {
    batches(made.slice(0, 50), run.port, sink.encode).next();
  }
  const signal = new AbortController().signal;
  let waiting: Promise<unknown> = Promise.resolve();
  return await measure(async () => {
    const total = { rows: 0, bytes: 0 };
    // As the runtime does it: the next batch is encoded during a write.
    for (const chunks of batches(made, run.port, sink.encode)) {
      const rows = sum(chunks, ({ rows }) => rows);
      const bytes = sum(chunks, ({ bytes }) => bytes);
      total.rows += rows;
      total.bytes += bytes;
      await waiting;
      const token = `bench/${chunks[0]?.unit.number}`;
      waiting = sink.write({ chunks, rows, bytes, token, signal });
    }
    await waiting;
    return total;
  });
}

/** The client with its own encoding: one insert of objects a batch. */
async function runClient(run: Run): Promise<Result> {
  const { made, warehouse } = await arrange(run);
  await using _ = warehouse;
  const encode = native(schemas[run.port]);
  const text = jsonLines(schemas[run.port]);
  const prepared = [...batches(made, run.port, (rows, unit, reject) => ({
    bytes: encode(rows, unit, reject).length,
    data: text(rows).split("\n").slice(0, -1).map((line, index) => ({
      ...JSON.parse(line),
      _unit: unit.number,
      _index: index,
      _version: unit.version,
      _deleted: 0,
    })),
  }))];
  await using client = bareClient(run);
  return await measure(async () => {
    for (const chunks of prepared) {
      await client.insert({
        table: `${table}_rows`,
        values: chunks.flatMap(({ data }) => data),
        format: "JSONEachRow",
        clickhouse_settings: { date_time_input_format: "best_effort" },
      });
    }
    return totalOf(prepared.flat());
  });
}

/** Only the sending: one insert a batch, of bytes that are there beforehand. */
async function runPrepared(run: Run): Promise<Result> {
  const { made, warehouse } = await arrange(run);
  await using _ = warehouse;
  const encode = native(schemas[run.port]);
  const prepared = [...batches(made, run.port, (rows, unit, reject) => {
    const data = encode(rows, unit, reject);
    return { data, bytes: data.length };
  })];
  await using client = bareClient(run);
  return await measure(async () => {
    for (const chunks of prepared) {
      const { stream } = await client.exec({
        query: `INSERT INTO ${table}_rows FORMAT Native`,
        values: Readable.from(chunks.map(({ data }) => data), {
          objectMode: false,
        }),
      });
      for await (const _ of stream);
    }
    return totalOf(prepared.flat());
  });
}

const runs: Record<Way, (run: Run) => Promise<Result>> = {
  client: runClient,
  sink: runSink,
  prepared: runPrepared,
};

function bareClient({ url }: Run) {
  const client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } });
  return Object.assign(client, {
    [Symbol.asyncDispose]: () => client.close(),
  });
}

function totalOf(chunks: readonly Chunk<unknown>[]) {
  return {
    rows: sum(chunks, ({ rows }) => rows),
    bytes: sum(chunks, ({ bytes }) => bytes),
  };
}

type Encode<T> = (
  rows: readonly Row[],
  unit: UnitInfo,
  reject: (row: Row, reason: string) => void,
) => { readonly data: T; readonly bytes: number };

/** Batches by the sink's own limits. */
function* batches<T>(
  blocks: readonly MadeBlock[],
  port: Port,
  encode: Encode<T>,
): Generator<Chunk<T>[]> {
  let chunks: Chunk<T>[] = [];
  for (const { rows: made, unit } of blocks) {
    const rows = made[port] ?? [];
    const encoded = encode(rows, unit, (_, reason) => {
      throw new Error(reason);
    });
    chunks.push({ ...encoded, rows: rows.length, unit });
    const full = sum(chunks, ({ bytes }) => bytes) >= limits.bytes ||
      sum(chunks, ({ rows }) => rows) >= limits.rows;
    if (!full) continue;
    yield chunks;
    chunks = [];
  }
  if (chunks.length > 0) yield chunks;
}

async function measure(
  work: () => Promise<{ rows: number; bytes: number }>,
): Promise<Result> {
  const cpu = await cpuSeconds(Deno.pid);
  const began = performance.now();
  const { bytes, rows } = await work();
  const wall = (performance.now() - began) / 1000;
  return {
    ...{ rows, bytes, wall },
    cpu: await cpuSeconds(Deno.pid) - cpu,
    peak: await peakMiB(Deno.pid),
  };
}

function print(
  port: Port,
  all: ReadonlyMap<Way, readonly (Result & { server: number })[]>,
): void {
  const rates = new Map<Way, number>();
  for (const [way, results] of [...all].sort()) {
    const middle = (of: (result: Result & { server: number }) => number) =>
      results.map(of).sort((a, b) => a - b)[results.length >> 1] ?? NaN;
    rates.set(way, middle(({ rows, wall }) => rows / wall));
    const cells = [
      port,
      way,
      Math.round(rates.get(way) ?? 0),
      middle(({ bytes, wall }) => bytes / wall / 1e6).toFixed(0),
      middle(({ cpu }) => cpu).toFixed(2),
      Math.round(middle(({ peak }) => peak)),
      middle(({ server }) => server).toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  for (const way of ["client", "prepared"] as const) {
    const ratio = (rates.get("sink") ?? 0) / (rates.get(way) ?? 1);
    console.log(`| ${port} | sink / ${way} | ${ratio.toFixed(2)} | | | | |`);
  }
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

if (import.meta.main) await main();
