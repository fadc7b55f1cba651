/**
 * Kafka, Cassandra and ClickHouse together, and what is in them: read with
 * their own clients, past anything of ours.
 *
 * @module
 */
import { Client, types } from "cassandra-driver";
import { CompressionCodecs, CompressionTypes, Kafka, logLevel } from "kafkajs";
import { zstdDecompressSync } from "node:zlib";
import type { Op } from "../../runtime/component.ts";
import type { Change } from "../contracts/canonical.ts";
import {
  cassandra,
  clickhouse,
  kafka,
  type Service,
  startCassandra,
  startClickhouse,
  startKafka,
} from "../services/mod.ts";
import type { StoredRow } from "./truth.ts";

/** A store by the name of its server. */
export type StoreName = keyof typeof stores;

const stores = {
  kafka: { shared: kafka, start: startKafka },
  cassandra: { shared: cassandra, start: startCassandra },
  clickhouse: { shared: clickhouse, start: startClickhouse },
};

/** Every store. */
export const storeNames = Object.keys(stores) as readonly StoreName[];

/** One server of each kind: the run's, or the test's own. */
export class Stores implements AsyncDisposable {
  readonly #addresses: ReadonlyMap<StoreName, string>;
  readonly #own: ReadonlyMap<StoreName, Service>;
  readonly #ending: AsyncDisposableStack;

  private constructor(
    addresses: ReadonlyMap<StoreName, string>,
    own: ReadonlyMap<StoreName, Service>,
    ending: AsyncDisposableStack,
  ) {
    this.#addresses = addresses;
    this.#own = own;
    this.#ending = ending;
  }

  /** Start those that a test needs for itself; the others are the run's. */
  static async start(names: readonly StoreName[]): Promise<Stores> {
    await using ending = new AsyncDisposableStack();
    const own = new Map<StoreName, Service>();
    const addresses = await Promise.all(storeNames.map(async (name) => {
      const { shared, start } = stores[name];
      if (!names.includes(name)) return [name, await shared()] as const;
      const service = ending.use(await start());
      own.set(name, service);
      return [name, service.address] as const;
    }));
    return new Stores(new Map(addresses), own, ending.move());
  }

  address(name: StoreName): string {
    return this.#addresses.get(name) ?? "";
  }

  /** A server that is the test's own, to be killed and started again. */
  own(name: StoreName): Service {
    const service = this.#own.get(name);
    if (!service) throw new Error(`${name} is the run's, not the test's`);
    return service;
  }

  /** What `pipelines/connections.yaml` wants to know. */
  get env(): Record<string, string> {
    return {
      KAFKA_BROKERS: this.address("kafka"),
      SCYLLA_HOSTS: this.address("cassandra"),
      CLICKHOUSE_URL: this.address("clickhouse"),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending.disposeAsync();
  }
}

/** A record as a consumer that reads what is committed sees it. */
export interface TopicRecord {
  readonly partition: number;
  readonly key: string | null;
  /** Undefined for a tombstone. */
  readonly row: StoredRow | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

const end = "__end";

/** Every committed record of a topic, partition by partition, in order. */
export async function topicRecords(
  brokers: string,
  topic: string,
): Promise<TopicRecord[]> {
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: () => Promise.reject(new Error("It only reads")),
    decompress: (data: Uint8Array) => Promise.resolve(zstdDecompressSync(data)),
  });
  const kafka = new Kafka({
    brokers: brokers.split(","),
    logLevel: logLevel.NOTHING,
    retry: { retries: 20 },
  });
  const last = `${end}-${crypto.randomUUID()}`;
  const partitions = await mark(kafka, topic, last);
  const consumer = kafka.consumer({ groupId: `reader-${crypto.randomUUID()}` });
  const read: TopicRecord[][] = partitions.map(() => []);
  const seen = new Set<number>();
  const all = Promise.withResolvers<void>();
  await consumer.connect();
  consumer.on("consumer.crash", ({ payload: { error, restart } }) => {
    if (!restart) all.reject(error);
  });
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message, partition }) => {
        const key = message.key?.toString() ?? null;
        if (key === last) seen.add(partition);
        if (seen.size === partitions.length) all.resolve();
        if (key?.startsWith(end) || seen.has(partition)) {
          return Promise.resolve();
        }
        read[partition]?.push({
          partition,
          key,
          row: message.value ? JSON.parse(message.value.toString()) : undefined,
          headers: Object.fromEntries(
            Object.entries(message.headers ?? {})
              .map(([name, value]) => [name, String(value)]),
          ),
        });
        return Promise.resolve();
      },
    });
    await all.promise;
  } finally {
    await consumer.disconnect();
  }
  return read.flat();
}

/** Put a record at the end of every partition; return the partitions. */
async function mark(
  kafka: Kafka,
  topic: string,
  key: string,
): Promise<readonly number[]> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const partitions = offsets.map(({ partition }) => partition);
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({
    topic,
    messages: partitions.map((partition) => ({ partition, key, value: "{}" })),
  });
  await producer.disconnect();
  return partitions;
}

/** What a topic says happened to its rows. */
export function changesOf(records: readonly TopicRecord[]): Change[] {
  return records.map(({ headers, row = {} }) => ({
    op: headers["op"] as Op,
    row,
  }));
}

/** Every row of a table in Cassandra. */
export async function cassandraRows(
  address: string,
  table: string,
): Promise<StoredRow[]> {
  const client = new Client({
    contactPoints: [address],
    localDataCenter: "datacenter1",
    encoding: { useBigIntAsLong: true, useBigIntAsVarint: true },
    queryOptions: { consistency: types.consistencies.localQuorum },
  });
  try {
    const rows: StoredRow[] = [];
    const found = await client.execute(`SELECT * FROM ${table}`, [], {
      prepare: true,
      fetchSize: 1000,
    });
    for await (const row of found) {
      rows.push(Object.fromEntries(row.keys().map((key) => [key, row[key]])));
    }
    return rows;
  } finally {
    await client.shutdown();
  }
}

/** What a query of ClickHouse returns. */
export async function clickhouseRows(
  url: string,
  sql: string,
): Promise<StoredRow[]> {
  const response = await fetch(url, {
    method: "POST",
    body: `${sql} FORMAT JSONEachRow`,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.trim().split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
