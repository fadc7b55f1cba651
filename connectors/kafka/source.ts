/**
 * Read Kafka topics as a member of a consumer group.
 *
 * @module
 */
import { resolve } from "node:path";
import {
  type Config,
  defineSource,
  type Field,
  fields,
  optional,
  type Schema,
} from "../../runtime/component.ts";
import { columnsOf } from "./avro_columns.ts";
import type { KafkaClient } from "./client.ts";
import { kafka } from "./connection.ts";

const sourceFields = {
  topics: fields.list(fields.string("Topic"), "Topics to read"),
  group: optional(fields.string(
    "Consumer group: its members share the partitions, and Kafka keeps what " +
      "they have stored. The pipeline's name by default",
  )),
  format: optional(
    fields.choice(
      ["json", "avro"],
      "json: an object a record; avro: with the schema that the record's id " +
        "names in the connection's registry",
    ),
    "json",
  ),
  columns: optional(fields.map(
    fields.columnType(),
    "Columns of the records: name to type; a ? behind the type allows null. " +
      "What else a record holds is left out",
  )),
  schema: optional(avroFile(
    "Avro schema (.avsc) to take the columns from, instead of columns; " +
      "relative to the folder of the spec",
  )),
  start: optional(
    fields.choice(
      ["earliest", "latest"],
      "Where a group that is new begins; afterwards Kafka knows",
    ),
    "earliest",
  ),
  session_timeout: optional(
    fields.duration(
      "A process that Kafka has not heard of for so long is dead, and the " +
        "others get its partitions; the brokers allow 6s to 30m by default",
    ),
    "30s",
  ),
};

/** A kafka source's config. */
export type SourceConfig = Config<typeof sourceFields>;

/** Read Kafka topics, shared out among all processes of the pipeline. */
export const kafkaSource = defineSource<typeof sourceFields, KafkaClient>({
  type: "kafka",
  summary: "Read Kafka topics as a consumer group: any number of processes " +
    "may run the pipeline and share the partitions",
  connection: kafka,
  fields: sourceFields,
  reorgs: false,
  shared: true,
  rejects: true,
  positions: ({ group }, pipeline) =>
    `Kafka's consumer group "${group ?? pipeline}"`,
  check({ config, place }) {
    const { columns = {}, schema, topics } = config;
    const names = Object.keys(columns);
    if (topics.length === 0) place.at("topics").report("No topic");
    for (const [index, topic] of topics.entries()) {
      if (topics.indexOf(topic) === index) continue;
      place.at("topics").at(index).report(`Topic "${topic}" is there twice`);
    }
    if (schema !== undefined && config.columns !== undefined) {
      place.at("schema").report("Both columns and schema", "leave one out", {
        key: true,
      });
    } else if (schema === undefined && names.length === 0) {
      place.report(
        "Neither columns nor schema",
        "write columns: { name: type }, or schema: FILE.avsc; with a " +
          "registry any column will do: a run then shows those that there are",
        { key: true },
      );
    }
    for (const name of names) {
      if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
      place.at("columns").at(name).report(
        `"${name}" cannot be a column`,
        "letters, digits and _ only, no digit first",
        { key: true },
      );
    }
  },
  outputs: (config) => ({ rows: schemaOf(config) }),
  example: `
name: large-transactions
connections:
  bus: { type: kafka, brokers: ["\${KAFKA_BROKERS:-localhost:9092}"] }
  warehouse: { type: clickhouse, embedded: data/warehouse }
sources:
  transactions:
    type: kafka
    connection: bus
    topics: [mainnet.transactions]
    columns:
      hash: hash
      block_number: uint64
      transaction_index: uint32
      from_address: address
      to_address: address?
      value: uint256
transforms:
  large: { type: filter, from: transactions, where: { value: { gte: 100 ether } } }
sinks:
  table:
    type: clickhouse
    connection: warehouse
    from: large
    table: large_transactions
    order_by: [block_number, transaction_index]
  rejects: { type: clickhouse, connection: warehouse, from: errors, table: rejects, order_by: [time] }
`,
  open: async (config, context) =>
    await (await import("./topics_reader.ts")).openTopics(config, context),
});

/** The columns of the records. */
export function schemaOf(
  { columns = {}, schema, topics }: SourceConfig,
): Schema {
  if (schema !== undefined) return schema;
  return Object.entries(columns).map(([name, column]) => ({
    name,
    ...column,
    doc: `Read from ${topics.join(", ")}`,
  }));
}

/** A field that names an Avro schema and yields its columns. */
function avroFile(doc: string): Field<Schema> {
  return {
    ...fields.file(doc),
    read(value, place) {
      if (typeof value !== "string") {
        return place.report("Expected the path of an Avro schema");
      }
      const path = resolve(place.folder, value);
      try {
        return columnsOf(JSON.parse(Deno.readTextFileSync(path)));
      } catch (error) {
        return place.report(
          error instanceof Deno.errors.NotFound
            ? `No file "${value}"`
            : `Cannot take columns from "${value}": ` +
              (error as Error).message,
          `it would be ${path}`,
        );
      }
    },
  };
}
