/**
 * Publish rows to Kafka topics.
 *
 * @module
 */
import {
  type Config,
  defineSink,
  fields,
  optional,
} from "../../runtime/component.ts";
import { avroSchema } from "./avro.ts";
import type { KafkaClient } from "./client.ts";
import { kafka } from "./connection.ts";
import { cursorTopic, cursorTopicName } from "./cursor_topic.ts";
import { checkSink } from "./sink_check.ts";
import { topicNames, type TopicSettings, topicStatement } from "./topics.ts";
import type { TopicRecords } from "./sends.ts";

const sinkFields = {
  topic: fields.template(
    "Topic; may use columns whose values are known, as mainnet.tx.{case}. " +
      "Topics that are missing are created, others compared, none altered",
  ),
  key: optional(
    fields.list(
      fields.column("Column"),
      "Columns that key the record: equal keys stay in order. By default a " +
        "block's rows stay together",
    ),
    [],
  ),
  headers: optional(
    fields.boolean(
      "Headers of every record: op (insert or retract), block_number, " +
        "block_hash, block_time (milliseconds), version, row (place in the " +
        "block) and schema. The kafka source needs them",
    ),
    true,
  ),
  format: optional(
    fields.choice(
      ["json", "avro"],
      "json: as the file sink writes it; avro: as the registry of the " +
        "connection knows it, in subject <topic>-value",
    ),
    "json",
  ),
  tombstone: optional(
    fields.boolean(
      "A retraction has no value, so that a compacted topic forgets the key",
    ),
    false,
  ),
  delivery: optional(
    fields.choice(
      ["exactly_once", "at_least_once"],
      "exactly_once: each write is a transaction that also stores the " +
        "cursor, in topic sluice.cursors.<pipeline>.<sink>, which outlives " +
        "the 7 days of a group's offsets; at_least_once: for brokers " +
        "without transactions",
    ),
    "exactly_once",
  ),
  compression: optional(
    fields.choice(
      ["zstd", "lz4", "snappy", "gzip", "none"],
      "How batches are compressed",
    ),
    "zstd",
  ),
  partitions: optional(
    fields.integer("Partitions of the topic, at least", { min: 1 }),
  ),
  replication: optional(
    fields.integer("Replicas of each partition", { min: 1, max: 32 }),
  ),
  retention: optional(fields.either<number | "forever">([
    fields.duration("a duration"),
    fields.choice(["forever"], "forever"),
  ], "How long records stay")),
  cleanup_policy: optional(
    fields.choice(
      ["delete", "compact", "compact,delete"],
      "delete: by age; compact: all but the last record of each key",
    ),
  ),
  config: optional(
    fields.map(
      fields.string("Value"),
      "Further settings of the topic by Kafka's names: " +
        '{ max.message.bytes: "10000000" }',
    ),
    {},
  ),
};

/** A kafka sink's config. */
export type KafkaSinkConfig = Config<typeof sinkFields>;

/**
 * A transaction costs some 15 ms whatever is in it, and many times that on a
 * busy broker; readers of committed records see nothing of it before its end.
 */
const batch = { rows: 20_000, bytes: 16 << 20, every: 200 };

/** Publish rows to Kafka topics, each once. */
export const kafkaSink = defineSink<
  typeof sinkFields,
  KafkaClient,
  readonly TopicRecords[]
>({
  type: "kafka",
  summary: "Publish rows to Kafka topics; a reorg publishes the old rows " +
    "again with the header op: retract, in order behind what they take back",
  connection: kafka,
  fields: sinkFields,
  batch: () => batch,
  target: ({ topic }) => topic.text,
  delivery: ({ delivery, tombstone }) =>
    (delivery === "exactly_once"
      ? "exactly once to readers of committed records: each write is one " +
        "transaction that also stores the cursor"
      : "at least once: after a crash the last write comes again") +
    (tombstone
      ? "; a reorg deletes the keys of the old rows"
      : "; a reorg appends the old rows again, their header op says retract"),
  check: checkSink,
  ddl({ config, name, pipeline, schema }) {
    const topics = topicNames(config.topic, schema) ?? [];
    const cursors = cursorTopicName(pipeline, name);
    return [
      ...topics.map((topic) => topicStatement(topic, settingsOf(config))),
      ...(config.format === "avro"
        ? [`subject <topic>-value: ${avroSchema(schema, "Row")}`]
        : []),
      ...(config.delivery === "exactly_once"
        ? [topicStatement(cursors, cursorTopic)]
        : []),
    ];
  },
  example: `
name: transactions-to-kafka
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  bus: { type: kafka, brokers: ["\${KAFKA_BROKERS:-localhost:9092}"] }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  kind:
    type: classify
    from: chain.transactions
    cases:
      deploy: { to_address: null }
      transfer: { input: "0x" }
      call: {}
sinks:
  transactions:
    type: kafka
    connection: bus
    from: kind
    topic: mainnet.transactions.{case}
    key: hash
    partitions: 8
    retention: 7d
`,
  open: async (config, context) =>
    await (await import("./open_sink.ts")).openSink(config, context),
});

/** What a spec says about the topics of a sink. */
export function settingsOf(config: KafkaSinkConfig): TopicSettings {
  const { cleanup_policy: policy, partitions, replication, retention } = config;
  return {
    partitions,
    replication,
    config: {
      ...(policy === undefined ? {} : { "cleanup.policy": policy }),
      ...(retention === undefined ? {} : {
        "retention.ms": retention === "forever" ? "-1" : String(retention),
      }),
      ...config.config,
    },
  };
}
