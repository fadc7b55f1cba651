/**
 * Records on their way: in which portions they are sent.
 *
 * @module
 */
import type { TopicMessages } from "kafkajs";

/**
 * Records of one send. Larger ones were slower with kafkajs (measured: 1,000
 * to 2,000 are best), smaller ones wait more.
 */
const mostMessages = 2_000;

/** One record; kafkajs writes only a Buffer as it is. */
export interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly partition: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Records for one topic, in order. */
export interface TopicRecords {
  readonly topic: string;
  /** Largest batch that a partition of the topic takes, in bytes. */
  readonly maxBytes: number;
  readonly messages: readonly Message[];
  /** What a record takes besides key and value, in bytes, at most. */
  readonly overhead: number;
}

/** Bytes of a record before compression. */
export function sizeOf(message: Message, overhead: number): number {
  return (message.key?.length ?? 0) + (message.value?.length ?? 0) + overhead;
}

/**
 * Cut records into sends that the brokers take: the records of a partition
 * are one batch, and a batch has a limit. The order within a partition stays.
 */
export function* sends(
  records: Iterable<TopicRecords>,
): Generator<TopicMessages[]> {
  let topics = new Map<string, { messages: Message[]; bytes: number[] }>();
  let count = 0;
  const flush = () => {
    const send = [...topics].map(([topic, { messages }]) => ({
      topic,
      messages,
    }));
    topics = new Map();
    count = 0;
    return send;
  };
  for (const { maxBytes, messages, overhead, topic } of records) {
    for (const message of messages) {
      const { partition } = message;
      const size = sizeOf(message, overhead);
      const filled = topics.get(topic)?.bytes[partition] ?? 0;
      const full = filled > 0 && filled + size > maxBytes;
      if (full || count >= mostMessages) yield flush();
      const open = topics.get(topic) ?? { messages: [], bytes: [] };
      topics.set(topic, open);
      open.messages.push(message);
      open.bytes[partition] = (open.bytes[partition] ?? 0) + size;
      count++;
    }
  }
  if (count > 0) yield flush();
}
