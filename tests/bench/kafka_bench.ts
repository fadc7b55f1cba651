/**
 * The kafka sink beside the bare kafkajs client, which sends the same records
 * (encoded before its clock starts), compressed alike, on rows of recorded
 * mainnet blocks.
 *
 * Run with `deno run -A tests/bench/kafka_bench.ts`; it starts a Kafka of its
 * own. Or with `--brokers HOST:PORT` against one that runs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { KafkaClient } from "../../connectors/kafka/client.ts";
import { compressionTypes } from "../../connectors/kafka/codecs.ts";
import type { TopicRecords } from "../../connectors/kafka/sends.ts";
import { kafkaSink } from "../../connectors/kafka/sink.ts";
import { schemas } from "../../connectors/evm/chain/schema.ts";
import type { Chunk } from "../../runtime/component.ts";
import {
  connect,
  type OpenKafka,
  openKafkaSink,
  sinkConfig,
} from "../connectors/kafka/bus.ts";
import { startKafka, uniqueName } from "../services/mod.ts";
import { type MadeBlock, madeBlocks } from "./mainnet_rows.ts";
import { cpuSeconds, peakMiB } from "./processes.ts";
import { compare, type Measured, print } from "./rivals.ts";

/** A port and the key of its records. */
const ports = { transactions: "hash", logs: "transaction_hash" } as const;

type Port = keyof typeof ports;

/** `encode` is the sink's own share of the work. */
const rivals = ["client", "sink", "encode"] as const;

type Rival = typeof rivals[number];

/** Messages of one send: the best of those measured. */
const batchSize = 2_000;

const { values: args } = parseArgs({
  options: {
    brokers: { type: "string" },
    blocks: { type: "string", default: "300" },
    runs: { type: "string", default: "3" },
    /** One run, in a process of its own: `transactions/sink`. */
    only: { type: "string" },
  },
});

async function parent(): Promise<void> {
  await using own = args.brokers ? undefined : await startKafka();
  const brokers = own?.address ?? args.brokers ?? "";
  await compare({
    file: import.meta.filename ?? "",
    args: ["--brokers", brokers, "--blocks", args.blocks],
    ports: Object.keys(ports),
    rivals,
    ratio: ["sink", "client"],
    runs: Number(args.runs),
  });
}

interface Work {
  readonly blocks: readonly MadeBlock[];
  readonly port: Port;
  readonly sink: OpenKafka;
}

async function child(only: string, brokers: string): Promise<void> {
  const [port, rival] = only.split("/") as [Port, Rival];
  await using client = await connect(brokers);
  const config = sinkConfig(uniqueName("bench"), {
    key: [ports[port]],
    partitions: 6,
    retention: 600_000,
  });
  const blocks = [
    ...madeBlocks({
      ports: [port],
      blocks: Number(args.blocks),
      spacing: 12_000,
    }),
  ];
  await using sink = await openKafkaSink(config, {
    client,
    schema: schemas[port],
  });
  const work: Work = { blocks, port, sink };
  // Whatever is loaded or compiled once is so before the clock starts.
  await write({ ...work, blocks: blocks.slice(0, 20) });
  const measured = await runs[rival](client, work);
  const rows = blocks.reduce(
    (sum, one) => sum + (one.rows[port]?.length ?? 0),
    0,
  );
  const peak = await peakMiB(Deno.pid);
  print(JSON.stringify({ rows, peak, ...measured }));
}

const runs: Record<
  Rival,
  (client: KafkaClient, work: Work) => Promise<Omit<Measured, "rows" | "peak">>
> = {
  async client(client, work) {
    const producer = await client.producer({});
    const chunks = [...encoded(work)];
    const records = chunks.flatMap(({ data }) => data);
    const [{ topic } = { topic: "" }] = records;
    const messages = records.flatMap(({ messages }) => messages);
    const measured = await timed(async () => {
      for (let i = 0; i < messages.length; i += batchSize) {
        await producer.send({
          topic,
          messages: messages.slice(i, i + batchSize),
          compression: compressionTypes.zstd,
        });
      }
    });
    await producer.disconnect();
    return { ...measured, megabytes: megabytes(chunks) };
  },
  async sink(_, work) {
    let bytes = 0;
    const measured = await timed(async () => {
      bytes = await write(work);
    });
    return { ...measured, megabytes: bytes / 1e6 };
  },
  async encode(_, work) {
    let bytes = 0;
    const measured = await timed(() => {
      for (const chunk of encoded(work)) bytes += chunk.bytes;
    });
    return { ...measured, megabytes: bytes / 1e6 };
  },
};

function* encoded(
  { blocks, port, sink }: Work,
): Generator<Chunk<readonly TopicRecords[]>> {
  for (const { rows: { [port]: rows = [] }, unit } of blocks) {
    yield { ...sink.encode(rows, unit, () => {}), rows: rows.length, unit };
  }
}

/** As the runtime does: encode by block, write by batch. */
async function write(work: Work): Promise<number> {
  const limits = kafkaSink.batch(sinkConfig(""));
  const { signal } = new AbortController();
  let total = 0;
  let chunks: Chunk<readonly TopicRecords[]>[] = [];
  let rows = 0;
  let bytes = 0;
  const flush = async () => {
    const token = String(total += bytes);
    await work.sink.write({ chunks, rows, bytes, token, signal });
    chunks = [];
    rows = bytes = 0;
  };
  for (const chunk of encoded(work)) {
    chunks.push(chunk);
    rows += chunk.rows;
    bytes += chunk.bytes;
    if (rows >= limits.rows || bytes >= limits.bytes) await flush();
  }
  await flush();
  return total;
}

async function timed(work: () => Promise<void> | void) {
  const before = await cpuSeconds(Deno.pid);
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpu: await cpuSeconds(Deno.pid) - before };
}

function megabytes(chunks: readonly Chunk<unknown>[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
}

if (args.only) await child(args.only, args.brokers ?? "");
else await parent();
