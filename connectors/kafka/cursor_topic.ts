/**
 * The topic that holds a sink's cursor, and how its end is read.
 *
 * @module
 */
import type { Broker, Cluster } from "kafkajs";
import { RetryableError } from "../../runtime/component.ts";
import type { KafkaClient } from "./client.ts";
import type { TopicSettings } from "./topics.ts";

/**
 * One partition, because one transactional id writes it: no transaction of
 * another sink can hold back what a read of committed records sees. Compacted
 * by the hour to its last record, which stays for ever; a group's offsets are
 * forgotten after `offsets.retention.minutes`, 7 days by default.
 */
export const cursorTopic: TopicSettings = {
  partitions: 1,
  config: { "cleanup.policy": "compact", "segment.ms": "3600000" },
};

/** The name of the topic with a sink's cursor. */
export function cursorTopicName(pipeline: string, sink: string): string {
  return `sluice.cursors.${pipeline}.${sink}`;
}

/** What each transaction stores beside its rows. */
export interface CursorRecord {
  /** The process that wrote it. */
  readonly owner: string;
  /** See `SinkContext.life`. */
  readonly life: number;
  /** The write's token; undefined where a process has only begun. */
  readonly token?: string;
  /** Names of the units that the transaction stored. */
  readonly units: readonly string[];
}

/** Committed records from some offset to the end. */
export interface Tail {
  readonly records: readonly CursorRecord[];
  /** The offset behind the last one. */
  readonly next: bigint;
}

/** The part of a fetched partition that is read here. */
interface FetchedPartition {
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly {
    readonly producerId: string;
    readonly firstOffset: string;
  }[];
  readonly messages: readonly FetchedMessage[];
}

interface FetchedMessage {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string };
}

/** Bytes of one fetch; a record is some hundred. */
const fetchBytes = 4 << 20;

/** Read committed, in the protocol. */
const readCommitted = 1;

/**
 * Read the committed records of a cursor topic.
 *
 * Not as a member of a group: joining one takes 3 seconds by the brokers'
 * defaults. kafkajs hands its cluster to whoever assigns partitions, and the
 * cluster's brokers can fetch.
 *
 * @param settled whether no transaction may be open on the topic.
 * @throws {RetryableError} when one is all the same.
 */
export async function readTail(
  client: KafkaClient,
  topic: string,
  { from, settled }: { readonly from: bigint; readonly settled: boolean },
): Promise<Tail> {
  const action = `read the cursor in topic "${topic}"`;
  const cluster = await clusterOf(client);
  try {
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    const broker = await leaderOf(cluster, topic);
    const records: CursorRecord[] = [];
    let next = await startOf(cluster, topic, from);
    while (true) {
      const fetched = await fetchFrom(broker, topic, next);
      if (settled && fetched.lastStableOffset !== fetched.highWatermark) {
        throw new RetryableError(
          `Kafka "${client.name}" cannot ${action}: a transaction is open`,
        );
      }
      for (const { value } of committed(fetched)) {
        if (value !== null) records.push(JSON.parse(value.toString()));
      }
      const last = fetched.messages.at(-1);
      if (last === undefined) return { records, next };
      next = BigInt(last.offset) + 1n;
    }
  } catch (error) {
    throw client.error(error, action);
  } finally {
    await cluster.disconnect().catch(() => {});
  }
}

async function clusterOf(client: KafkaClient): Promise<Cluster> {
  const kafka = await client.kafka();
  return await new Promise<Cluster>((resolve) => {
    kafka.consumer({
      groupId: "sluice",
      allowAutoTopicCreation: false,
      partitionAssigners: [({ cluster }) => {
        resolve(cluster);
        return {
          name: "none",
          version: 0,
          assign: () => Promise.resolve([]),
          protocol: () => ({ name: "none", metadata: Buffer.of() }),
        };
      }],
    });
  });
}

async function leaderOf(cluster: Cluster, topic: string): Promise<Broker> {
  const [partition] = cluster.findTopicPartitionMetadata(topic);
  return await cluster.findBroker({ nodeId: String(partition?.leader ?? -1) });
}

/** Where to begin: the topic may have been cut, or made anew. */
async function startOf(
  cluster: Cluster,
  topic: string,
  from: bigint,
): Promise<bigint> {
  const [earliest = 0n, latest = 0n] = await Promise.all(
    [true, false].map(async (fromBeginning) => {
      const [found] = await cluster.fetchTopicsOffset([{
        topic,
        partitions: [{ partition: 0 }],
        fromBeginning,
      }]);
      return BigInt(found?.partitions[0]?.offset ?? 0);
    }),
  );
  return from < earliest || from > latest ? earliest : from;
}

async function fetchFrom(
  broker: Broker,
  topic: string,
  offset: bigint,
): Promise<FetchedPartition> {
  const { responses } = await broker.fetch({
    isolationLevel: readCommitted,
    maxWaitTime: 0,
    minBytes: 0,
    maxBytes: fetchBytes,
    topics: [{
      topic,
      partitions: [{
        partition: 0,
        fetchOffset: String(offset),
        maxBytes: fetchBytes,
      }],
    }],
  }) as {
    responses: { partitions: FetchedPartition[] }[];
  };
  const partition = responses[0]?.partitions[0];
  if (partition === undefined) throw new Error(`No answer for "${topic}"`);
  return partition;
}

/** A fetch brings aborted records along, and a list of what they are. */
function* committed(
  { abortedTransactions, messages }: FetchedPartition,
): Generator<FetchedMessage> {
  const waiting = [...abortedTransactions].sort((a, b) =>
    Number(BigInt(a.firstOffset) - BigInt(b.firstOffset))
  );
  const aborted = new Set<string>();
  for (const message of messages) {
    while (
      waiting[0] && BigInt(waiting[0].firstOffset) <= BigInt(message.offset)
    ) {
      aborted.add(waiting.shift()?.producerId ?? "");
    }
    const { producerId } = message.batchContext;
    // A control record ends its producer's transaction, either way.
    if (message.isControlRecord) aborted.delete(producerId);
    else if (!aborted.has(producerId)) yield message;
  }
}
