/**
 * Reads topics as a member of a consumer group.
 *
 * @module
 */
import {
  type Logger,
  type OpenSource,
  type SourceContext,
  type SourceUnit,
  UserError,
} from "../../runtime/component.ts";
import { avroReader, compareWithRegistry } from "./avro_reader.ts";
import type { KafkaClient } from "./client.ts";
import { type Claim, Member } from "./group.ts";
import { beginGroup } from "./group_start.ts";
import { schemaOf, type SourceConfig } from "./source.ts";
import { unitReader } from "./units.ts";
import { jsonReader, type ReadValue } from "./values.ts";

/** Open a source; nothing is joined before it is read. */
export async function openTopics(
  config: SourceConfig,
  context: SourceContext<KafkaClient>,
): Promise<OpenSource> {
  const read = await valueReader(config, context);
  const { log, metrics, name } = context;
  const labels = { source: name };
  const tombstones = metrics.counter(
    "sluice_source_tombstones_total",
    labels,
  );
  const toUnit = unitReader({ log, read, tombstones });
  return new TopicsReader(config, context, toUnit);
}

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
