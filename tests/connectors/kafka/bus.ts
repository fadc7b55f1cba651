/**
 * What tests need of a Kafka: a client, and what a reader sees.
 *
 * @module
 */
import type { KafkaMessage, Producer } from "kafkajs";
import type { KafkaClient } from "../../../connectors/kafka/client.ts";
import { kafka } from "../../../connectors/kafka/connection.ts";
import type { TopicRecords } from "../../../connectors/kafka/sends.ts";
import { kafkaSink } from "../../../connectors/kafka/sink.ts";
import type {
  Batch,
  Config,
  OpenSink,
  Row,
  Schema,
  SinkState,
  Template,
  UnitInfo,
} from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { createScheduler } from "../../../runtime/budget/scheduler.ts";
import { openContext } from "../../contracts/open_context.ts";
import { uniqueName } from "../../services/mod.ts";

/** A kafka sink's config. */
export type SinkConfig = Config<typeof kafkaSink.fields>;

/** A sink that is open. */
export type OpenKafka =
  & OpenSink<readonly TopicRecords[]>
  & AsyncDisposable;

/** A client of a connection. */
export async function connect(
  brokers: string,
  other: Partial<Config<typeof kafka.fields>> = {},
): Promise<KafkaClient> {
  return await kafka.open({
    brokers: [brokers],
    client_id: "tests",
    tls: undefined,
    sasl: undefined,
    registry: undefined,
    ...other,
  }, {
    ...openContext({ name: "bus" }),
    scheduler: createScheduler({ clock: systemClock, metrics: new Metrics() }),
  });
}

/** A template without columns. */
export function fixed(topic: string): Template {
  return { text: topic, columns: [], render: () => topic };
}

/** A sink's config with its defaults. */
export function sinkConfig(
  topic: string | Template,
  other: Partial<SinkConfig> = {},
): SinkConfig {
  return {
    topic: typeof topic === "string" ? fixed(topic) : topic,
    key: [],
    headers: true,
    format: "json",
    tombstone: false,
    delivery: "exactly_once",
    compression: "zstd",
    partitions: undefined,
    replication: undefined,
    retention: undefined,
    cleanup_policy: undefined,
    config: {},
    ...other,
  };
}

/** What a sink is opened with besides its config. */
export interface SinkOptions {
  readonly client: KafkaClient;
  readonly schema: Schema;
  readonly pipeline?: string;
  readonly state?: SinkState | void;
  readonly life?: number;
  readonly shared?: boolean;
}

/** Open a sink; its pipeline is its topic's unless stated. */
export async function openKafkaSink(
  config: SinkConfig,
  { client, life = 1, pipeline, schema, shared = false, state }: SinkOptions,
): Promise<OpenKafka> {
  const open = await kafkaSink.open(config, {
    ...openContext({
      name: "out",
      pipeline: pipeline ?? config.topic.text.replace(/[{}]/g, ""),
    }),
    connection: client,
    schema,
    state: state ?? undefined,
    life,
    shared,
  });
  return {
    ...open,
    [Symbol.asyncDispose]: () =>
      open[Symbol.asyncDispose]?.() ?? Promise.resolve(),
  };
}

/** Rows of some units as one write. */
export function batchOf(
  sink: OpenKafka,
  units: readonly (readonly [Partial<UnitInfo>, readonly Row[]])[],
): Batch<readonly TopicRecords[]> {
  const chunks = units.map(([given, rows]) => {
    const unit: UnitInfo = {
      number: 1,
      id: `0xa${given.number ?? 1}`,
      time: 1_700_000_000_000,
      op: "insert",
      version: 1,
      ...given,
    };
    const encoded = sink.encode(rows, unit, (row, reason) => {
      throw new Error(`Rejected ${JSON.stringify(row)}: ${reason}`);
    });
    return { ...encoded, rows: rows.length, unit };
  });
  return {
    chunks,
    rows: chunks.reduce((sum, { rows }) => sum + rows, 0),
    bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    token: chunks.map(({ unit }) => `${unit.op}:${unit.id}`).join(),
    signal: new AbortController().signal,
  };
}

/** A record as a reader sees it. */
export interface Read {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The end of a partition, as far as a test is concerned. */
const endHeader = "test_end";

/** Every committed record of a topic, by partition and in order. */
export async function readTopic(
  client: KafkaClient,
  topic: string,
): Promise<Read[]> {
  const end = crypto.randomUUID();
  const partitions = await markEnd(client, topic, end);
  const deadline = Date.now() + 20_000;
  while (true) {
    try {
      return await readTo(client, topic, { end, waiting: new Set(partitions) });
    } catch (error) {
      // A coordinator that has just started is loading its groups.
      if (!/coordinator/i.test(String(error)) || Date.now() > deadline) {
        throw error;
      }
    }
  }
}

async function readTo(
  client: KafkaClient,
  topic: string,
  { end, waiting }: { readonly end: string; readonly waiting: Set<number> },
): Promise<Read[]> {
  const library = await client.kafka();
  const consumer = library.consumer({
    groupId: uniqueName("reader"),
    allowAutoTopicCreation: false,
    // kafkajs reads committed records only unless it is told otherwise.
    maxWaitTimeInMs: 50,
  });
  const records: Read[] = [];
  const done = Promise.withResolvers<void>();
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      done.reject(payload.error);
    });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ message, partition }) => {
        const headers = textHeaders(message);
        if (headers[endHeader] === end) waiting.delete(partition);
        if (headers[endHeader] === undefined) {
          records.push(read(message, partition, headers));
        }
        if (waiting.size === 0) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
  }
  return records.sort((a, b) =>
    a.partition - b.partition || Number(a.offset - b.offset)
  );
}

/** Write a last record into each partition; the partitions. */
async function markEnd(
  client: KafkaClient,
  topic: string,
  end: string,
): Promise<readonly number[]> {
  const { topics } = await client.admin(
    "read",
    (admin) => admin.fetchTopicMetadata({ topics: [topic] }),
  );
  const partitions = topics[0]?.partitions.map((one) => one.partitionId) ?? [];
  const producer: Producer = await client.producer({});
  try {
    await producer.send({
      topic,
      messages: partitions.map((partition) => ({
        partition,
        key: "end",
        value: "",
        headers: { [endHeader]: end },
      })),
    });
  } finally {
    await producer.disconnect();
  }
  return partitions;
}

function read(
  { key, offset, timestamp, value }: KafkaMessage,
  partition: number,
  headers: Readonly<Record<string, string>>,
): Read {
  return {
    partition,
    offset: BigInt(offset),
    key: key === null ? null : key.toString(),
    value,
    timestamp: Number(timestamp),
    headers,
  };
}

function textHeaders({ headers = {} }: KafkaMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value)]),
  );
}

/** Values as JSON, beside what happened to them. */
export function changesOf(records: readonly Read[]) {
  return records.map(({ headers, value }) => ({
    op: headers["op"] ?? "none",
    row: JSON.parse(String(value)) as Record<string, unknown>,
  }));
}
