/**
 * What can be wrong with a kafka sink, found before anything is opened.
 *
 * @module
 */
import type { Place, Schema } from "../../runtime/component.ts";
import type { KafkaSinkConfig } from "./sink.ts";
import { topicNames } from "./topics.ts";

/** Names that Kafka takes. */
const topicPattern = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;

/** Names that Avro takes. */
const avroName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Report what is wrong with a sink. */
export function checkSink(
  { config, place, schema }: {
    readonly config: KafkaSinkConfig;
    readonly place: Place;
    readonly schema: Schema;
  },
): void {
  checkTopic(config, place, schema);
  checkKey(config, place, schema);
  const { format, headers, tombstone } = config;
  if (tombstone && !headers) {
    place.at("headers").report(
      "A tombstone without headers",
      "its headers say which row it takes back: leave headers out",
    );
  }
  if (format !== "avro") return;
  for (const { name } of schema) {
    if (avroName.test(name)) continue;
    place.at("from").report(
      `Avro has no field "${name}"`,
      "rename it with a select transform",
    );
  }
}

function checkTopic(
  { topic }: KafkaSinkConfig,
  place: Place,
  schema: Schema,
): void {
  const at = place.at("topic");
  const open = topic.columns.find((name) => {
    const column = schema.find((one) => one.name === name);
    return !column?.values || column.nullable;
  });
  if (open !== undefined) {
    const known = schema.filter(({ nullable, values }) => values && !nullable)
      .map(({ name }) => `{${name}}`);
    at.report(
      `Cannot name topics by "${open}": its values are not known`,
      known.length > 0
        ? `use ${known.join(" or ")}`
        : "a classify transform gives a column case, whose values are",
      { part: `{${open}}` },
    );
    return;
  }
  const wrong = topicNames(topic, schema)?.find((one) =>
    !topicPattern.test(one)
  );
  if (wrong === undefined) return;
  at.report(
    `"${wrong}" cannot be a topic`,
    "letters, digits, dots, - and _ only, 249 at most",
  );
}

function checkKey(
  { cleanup_policy: policy, key, tombstone }: KafkaSinkConfig,
  place: Place,
  schema: Schema,
): void {
  const compacted = policy?.includes("compact") ?? false;
  if (tombstone && !compacted) {
    place.at("tombstone").report(
      "Tombstones are for compacted topics",
      "write cleanup_policy: compact",
    );
  }
  if (!compacted && !tombstone) return;
  if (key.length === 0) {
    place.at("key").report(
      "A compacted topic needs a key",
      "write key: hash, or whatever makes a row unique",
      { key: true },
    );
  }
  for (const [index, name] of key.entries()) {
    if (!schema.find((column) => column.name === name)?.nullable) continue;
    place.at("key").at(index).report(
      `Cannot key by "${name}": it may be null`,
      "a compacted topic needs a key in every record",
    );
  }
}
