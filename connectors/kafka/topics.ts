/**
 * The topics of a sink: their names, how they are made, what they must be.
 *
 * @module
 */
import type { Admin, ITopicConfig } from "kafkajs";
import {
  type Row,
  type Schema,
  type Template,
  UserError,
} from "../../runtime/component.ts";
import type { KafkaClient } from "./client.ts";
import { protocolError } from "./errors.ts";

/** Kafka's number for a topic in requests about configurations. */
const topicResource = 2;

/** What a spec says about its topics; what is left out is the brokers'. */
export interface TopicSettings {
  readonly partitions?: number | undefined;
  readonly replication?: number | undefined;
  /** Kafka's own names: `retention.ms`. */
  readonly config: Readonly<Record<string, string>>;
}

/** A topic that exists. */
export interface Topic {
  readonly name: string;
  readonly partitions: number;
  /** Largest batch of records that it takes, in bytes as they are stored. */
  readonly maxBytes: number;
}

/** Every topic that a template can name; undefined when nobody knows. */
export function topicNames(
  template: Template,
  schema: Schema,
): readonly string[] | undefined {
  let rows: Record<string, string>[] = [{}];
  for (const name of template.columns) {
    const { nullable, values } = schema.find((one) => one.name === name) ?? {};
    if (values === undefined || nullable) return undefined;
    rows = rows.flatMap((row) =>
      values.map((value) => ({ ...row, [name]: value }))
    );
  }
  return [...new Set(rows.map((row: Row) => template.render(row)))];
}

/** What `plan` says about a topic. */
export function topicStatement(name: string, settings: TopicSettings): string {
  const { config, partitions, replication } = settings;
  const said = [
    ...(partitions === undefined ? [] : [`partitions ${partitions}`]),
    ...(replication === undefined ? [] : [`replication ${replication}`]),
    ...Object.entries(config).map(([key, value]) => `${key} ${value}`),
  ];
  return `topic ${name}${said.length > 0 ? `: ${said.join(", ")}` : ""}`;
}

/** Options of {@linkcode ensureTopics}. */
export interface EnsureOptions {
  readonly settings: TopicSettings;
  /** The sink, for messages. */
  readonly sink: string;
}

/**
 * Create the topics that are missing and compare those that exist.
 *
 * @throws {UserError} when one is not as the spec says; none is altered.
 */
export async function ensureTopics(
  client: KafkaClient,
  names: readonly string[],
  options: EnsureOptions,
): Promise<ReadonlyMap<string, Topic>> {
  const shown = names.length === 1
    ? `topic "${names[0]}"`
    : `topics ${names.map((name) => `"${name}"`).join(", ")}`;
  return await client.admin(`open ${shown}`, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = names.filter((name) => !existing.has(name));
    if (missing.length > 0) {
      const topics = missing.map((name) => creation(name, options.settings));
      // Another process may create them at the same time: false, no error.
      await admin.createTopics({ topics, waitForLeaders: false });
      for (const name of missing) await untilKnown(admin, name);
    }
    return await compareTopics(admin, names, options);
  });
}

/**
 * Wait until the brokers have heard of a new topic. `waitForLeaders` fails
 * where they have not, and only this question is asked again by kafkajs.
 */
async function untilKnown(admin: Admin, topic: string): Promise<void> {
  try {
    await admin.fetchTopicOffsets(topic);
  } catch (error) {
    // Known, and its leader is about to begin: the producer waits for that.
    if (protocolError(error) !== "NOT_LEADER_FOR_PARTITION") throw error;
  }
}

function creation(
  topic: string,
  { config, partitions, replication }: TopicSettings,
): ITopicConfig {
  return {
    topic,
    ...(partitions === undefined ? {} : { numPartitions: partitions }),
    ...(replication === undefined ? {} : { replicationFactor: replication }),
    configEntries: Object.entries(config).map(([name, value]) => ({
      name,
      value,
    })),
  };
}

async function compareTopics(
  admin: Admin,
  names: readonly string[],
  { settings, sink }: EnsureOptions,
): Promise<ReadonlyMap<string, Topic>> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
  const configNames = [
    ...new Set([...Object.keys(settings.config), "max.message.bytes"]),
  ];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({
      type: topicResource,
      name,
      configNames,
    })),
  });
  const found = new Map<string, Topic>();
  const conflicts: string[] = [];
  for (const { name, partitions } of topics) {
    const entries = resources.find((one) => one.resourceName === name)
      ?.configEntries ?? [];
    const config = new Map(
      entries.map(({ configName, configValue }) => [configName, configValue]),
    );
    conflicts.push(
      ...differences(name, settings, {
        partitions: partitions.length,
        replication: partitions[0]?.replicas.length ?? 0,
        config,
      }),
    );
    const maxBytes = Number(config.get("max.message.bytes") ?? 1_048_588);
    found.set(name, { name, partitions: partitions.length, maxBytes });
  }
  if (conflicts.length === 0) return found;
  throw new UserError(
    `Topics are not as sink "${sink}" says: ${conflicts.join("; ")}`,
  );
}

interface Found {
  readonly partitions: number;
  readonly replication: number;
  readonly config: ReadonlyMap<string, string>;
}

/** What is wrong with a topic, each with both ways out. */
function differences(
  topic: string,
  { config, partitions, replication }: TopicSettings,
  found: Found,
): string[] {
  const wrong: string[] = [];
  if (partitions !== undefined && found.partitions < partitions) {
    wrong.push(
      `"${topic}" has ${found.partitions} partitions, not ${partitions}: ` +
        `write partitions: ${found.partitions}, or add some with ` +
        `kafka-topics.sh --alter --topic ${topic} --partitions ${partitions} ` +
        "(which moves keys to other partitions)",
    );
  }
  if (replication !== undefined && found.replication !== replication) {
    wrong.push(
      `"${topic}" has replication ${found.replication}, not ${replication}: ` +
        `write replication: ${found.replication}, or move its replicas with ` +
        "kafka-reassign-partitions.sh",
    );
  }
  for (const [name, wanted] of Object.entries(config)) {
    const value = found.config.get(name);
    if (value !== undefined && same(value, wanted)) continue;
    wrong.push(
      `"${topic}" has ${name} ${value ?? "not at all"}, not ${wanted}: ` +
        `correct the sink, or run kafka-configs.sh --alter --topic ${topic} ` +
        `--add-config '${name}=[${wanted}]'`,
    );
  }
  return wrong;
}

/** Lists are sets to Kafka: `compact,delete` is `delete,compact`. */
function same(a: string, b: string): boolean {
  const parts = (text: string) =>
    text.split(",").map((one) => one.trim()).sort().join();
  return parts(a) === parts(b);
}
