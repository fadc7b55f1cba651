/**
 * Opens a kafka sink.
 *
 * @module
 */
import {
  type OpenSink,
  type SinkContext,
  UserError,
} from "../../runtime/component.ts";
import { AtLeastOnce } from "./at_least_once.ts";
import { avroValues, registerSchema } from "./avro.ts";
import type { KafkaClient } from "./client.ts";
import { compressionTypes } from "./codecs.ts";
import { cursorTopic, cursorTopicName } from "./cursor_topic.ts";
import { ExactlyOnce } from "./exactly_once.ts";
import { type EncodeValues, jsonValues, recordEncoder } from "./records.ts";
import type { TopicRecords } from "./sends.ts";
import { type KafkaSinkConfig, settingsOf } from "./sink.ts";
import { ensureTopics, topicNames } from "./topics.ts";

/** Open a sink: its topics exist then, and know its values' schema. */
export async function openSink(
  config: KafkaSinkConfig,
  context: SinkContext<KafkaClient>,
): Promise<OpenSink<readonly TopicRecords[]>> {
  const { connection, name, pipeline, schema } = context;
  const names = topicNames(config.topic, schema) ?? [];
  const topics = await ensureTopics(connection, names, {
    settings: settingsOf(config),
    sink: name,
  });
  const values = await valueEncoders(config, context, names);
  const delivery = await openDelivery(config, context);
  return {
    encode: recordEncoder({
      pipeline,
      sink: name,
      schema,
      topic: config.topic,
      topics,
      key: config.key,
      headers: config.headers,
      tombstone: config.tombstone,
      compression: config.compression,
      values,
    }),
    write: (batch) => delivery.write(batch),
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  };
}

async function openDelivery(
  config: KafkaSinkConfig,
  context: SinkContext<KafkaClient>,
): Promise<ExactlyOnce | AtLeastOnce> {
  const { connection, life = 0, log, name, pipeline, shared, state } = context;
  const options = {
    client: connection,
    pipeline,
    sink: name,
    compression: compressionTypes[config.compression],
    log,
  };
  // Behind a shared source several processes write at once: a transactional
  // id would let only the last of them, and no cursor says what is stored.
  const plain = config.delivery === "at_least_once" || shared;
  if (!plain) {
    const settings = { ...cursorTopic, replication: config.replication };
    const topic = cursorTopicName(pipeline, name);
    await ensureTopics(connection, [topic], { settings, sink: name });
  }
  const delivery = plain
    ? new AtLeastOnce(options)
    : new ExactlyOnce({ ...options, life, state });
  try {
    await delivery.start();
    return delivery;
  } catch (error) {
    await delivery[Symbol.asyncDispose]();
    throw error;
  }
}

/** What encodes the values of each topic. */
async function valueEncoders(
  { format }: KafkaSinkConfig,
  { connection, name, schema }: SinkContext<KafkaClient>,
  topics: readonly string[],
): Promise<(topic: string) => EncodeValues> {
  if (format === "json") {
    const json = jsonValues(schema);
    return () => json;
  }
  const { registry } = connection;
  if (!registry) {
    throw new UserError(
      `Sink "${name}" writes avro and connection "${connection.name}" has ` +
        "no registry: add registry: { url: … } to it, or write format: json",
    );
  }
  const encoders = new Map<string, EncodeValues>();
  for (const topic of topics) {
    const id = await registerSchema(registry, { topic, schema, sink: name });
    encoders.set(topic, await avroValues(schema, { id }));
  }
  return (topic) => {
    const encode = encoders.get(topic);
    if (!encode) throw new Error(`No schema for topic "${topic}"`);
    return encode;
  };
}
