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
  type Logger,
  optional,
  type Schema,
  type SourceContext,
  type SourceUnit,
  UserError,
} from "../../runtime/component.ts";
import { columnsOf } from "./avro_columns.ts";
import { avroReader, compareWithRegistry } from "./avro_reader.ts";
import type { KafkaClient } from "./client.ts";
import { kafka } from "./connection.ts";
import { type Claim, Member } from "./group.ts";
import { beginGroup } from "./group_start.ts";
import { unitReader } from "./units.ts";
import { jsonReader, type ReadValue } from "./values.ts";

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

type SourceConfig = Config<typeof sourceFields>;

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
  async open(config, context) {
    const read = await valueReader(config, context);
    const { log, metrics, name } = context;
    const labels = { source: name };
    const tombstones = metrics.counter(
      "sluice_source_tombstones_total",
      labels,
    );
    const toUnit = unitReader({ log, read, tombstones });
    return new TopicsReader(config, context, toUnit);
  },
});

type ToUnit = ReturnType<typeof unitReader>;

/** An open source; see `OpenSource`. */
class TopicsReader implements AsyncDisposable {
  readonly #config: SourceConfig;
  readonly #context: SourceContext<KafkaClient>;
  readonly #toUnit: ToUnit;
  #member: Member | undefined;
  /** A member that this process was until its connection broke. */
  #former: string | undefined;
  /** Units that are on their way through the pipeline, oldest first. */
  #open: { readonly claim: Claim; readonly next: bigint }[] = [];
  /** How many of these are acknowledged already. */
  #done = 0;

  constructor(
    config: SourceConfig,
    context: SourceContext<KafkaClient>,
    toUnit: ToUnit,
  ) {
    this.#config = config;
    this.#context = context;
    this.#toUnit = toUnit;
  }

  async *read(
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<SourceUnit> {
    const { start, topics } = this.#config;
    const { clock, connection, log, metrics, name, pipeline } = this.#context;
    const group = this.#config.group ?? pipeline;
    // One that has failed may still be there, here and to the brokers.
    this.#former = this.#member?.id || this.#former;
    await this[Symbol.asyncDispose]();
    await beginGroup(connection, { group, topics, start, log });
    const lag = metrics.gauge("sluice_source_lag", { source: name });
    const client = connection;
    const member = await Member.join({
      sessionTimeout: this.#config.session_timeout,
      former: this.#former,
      client,
      group,
      topics,
      clock,
      log,
      lag,
    });
    this.#member = member;
    this.#former = undefined;
    for await (const { claim, message, next } of member.records(signal)) {
      const { partition, topic } = claim;
      const unit = this.#toUnit({ ...message, topic, partition });
      this.#open.push({ claim, next });
      yield unit instanceof Promise ? await unit : unit;
    }
  }

  acknowledge(units: number): void {
    const before = this.#done;
    this.#done += units;
    for (const { claim, next } of this.#open.slice(before, this.#done)) {
      if (claim.held) claim.done = next;
    }
    // One at a time would move all of them for each.
    if (this.#done > this.#open.length / 2) {
      this.#open.splice(0, this.#done);
      this.#done = 0;
    }
    this.#member?.commit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const member = this.#member;
    this.#member = undefined;
    await member?.[Symbol.asyncDispose]();
  }
}

/** What reads values; for avro after a look at the registry. */
async function valueReader(
  config: SourceConfig,
  { connection, log, name }: SourceContext<KafkaClient>,
): Promise<ReadValue> {
  const schema = schemaOf(config);
  if (config.format === "json") return jsonReader(schema);
  const { registry } = connection;
  if (!registry) {
    throw new UserError(
      `Source "${name}" reads avro and connection "${connection.name}" has ` +
        "no registry: add registry: { url: … } to it, or write format: json",
    );
  }
  for (const topic of config.topics) {
    const options = { registry, topic, source: name };
    if (!await compareWithRegistry(schema, options)) unknownSubject(log, topic);
  }
  return avroReader(schema, registry);
}

/** Its records may still carry ids of schemas, of another subject. */
function unknownSubject(log: Logger, topic: string): void {
  log.warn("The registry has no subject to compare the columns with", {
    subject: `${topic}-value`,
  });
}

function schemaOf({ columns = {}, schema, topics }: SourceConfig): Schema {
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
