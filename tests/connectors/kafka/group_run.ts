/**
 * Pipelines that read a topic into memory, for tests of the kafka source.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KafkaClient } from "../../../connectors/kafka/client.ts";
import { kafka } from "../../../connectors/kafka/connection.ts";
import { kafkaSource } from "../../../connectors/kafka/source.ts";
import {
  type Batch,
  defineSink,
  type Row,
  rowPlace,
} from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger, type LogLine } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";

/** A store that merges rows by place and version, shared by processes. */
export class Table {
  /** How often any row was written. */
  writes = 0;
  readonly #rows = new Map<
    string,
    { readonly version: number; readonly deleted: boolean; readonly row: Row }
  >();

  insert({ chunks }: Batch<readonly Row[]>): void {
    for (const { data, unit } of chunks) {
      const { number, op, version } = unit;
      for (const [index, row] of data.entries()) {
        this.writes++;
        const place = `${number}/${rowPlace(unit, index)}`;
        const known = this.#rows.get(place);
        if (known !== undefined && known.version > version) continue;
        this.#rows.set(place, { version, deleted: op === "retract", row });
      }
    }
  }

  /** What a reader sees. */
  rows(): readonly Row[] {
    return [...this.#rows.values()]
      .flatMap(({ deleted, row }) => deleted ? [] : [row]);
  }
}

/** What a run reads and where it writes. */
export interface ConsumeOptions {
  readonly brokers: string;
  readonly topics: readonly string[];
  readonly group: string;
  /** Columns of the rows: `{ id: "uint64" }`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Further fields of the source, as YAML would have them. */
  readonly source?: Readonly<Record<string, unknown>>;
  readonly connection?: Readonly<Record<string, unknown>>;
  readonly rows: Table;
  readonly errors?: Table;
  /** Called before every write of rows; may wait, or throw. */
  readonly hook?: (batch: Batch<readonly Row[]>) => Promise<void> | void;
}

/** A pipeline that runs until it is drained. */
export interface Consuming extends AsyncDisposable {
  readonly log: readonly LogLine[];
  readonly metrics: Metrics;
  /** Resolves when it has ended; rejects as it fails. */
  readonly ended: Promise<void>;
  drain(): Promise<void>;
}

/** Start a process of a pipeline, as far as the brokers can tell. */
export function consume(options: ConsumeOptions): Consuming {
  const { errors, hook = () => {}, rows } = options;
  const spec = specOf(options, [
    tableSink("rows_table", async (batch) => {
      await hook(batch);
      rows.insert(batch);
    }),
    tableSink("errors_table", (batch) => errors?.insert(batch)),
  ]);
  const drain = new AbortController();
  const lines: LogLine[] = [];
  const metrics = new Metrics();
  const run = async () => {
    await using state = openSqliteState(":memory:", { clock: systemClock });
    await runPipeline(spec, {
      state,
      clock: systemClock,
      log: createLogger({
        level: "info",
        secrets: [],
        write: (line) => void lines.push(line),
      }),
      metrics,
      drain: drain.signal,
    });
  };
  const ended = run();
  // Who drains it hears of it; until then it is nobody's.
  ended.catch(() => {});
  const end = () => {
    drain.abort();
    return ended;
  };
  return {
    log: lines,
    metrics,
    ended,
    drain: end,
    [Symbol.asyncDispose]: () => end().catch(() => {}),
  };
}

/** Poll until it holds, or fail. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!await holds()) {
    assert(Date.now() < deadline, `Not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function tableSink(
  type: string,
  write: (batch: Batch<readonly Row[]>) => Promise<void> | void,
) {
  return defineSink<Record<never, never>, object, readonly Row[]>({
    type,
    summary: "Rows in memory, merged by place and version",
    fields: {},
    batch: () => ({ rows: 500, bytes: 1_000_000, every: 50 }),
    delivery: () => "at least once",
    merges: true,
    example: "",
    open: () => ({
      encode: (rows) => ({ data: rows, bytes: rows.length * 100 }),
      write: async (batch) => await write(batch),
    }),
  });
}

function specOf(
  options: ConsumeOptions,
  sinks: readonly ReturnType<typeof tableSink>[],
) {
  const { brokers, columns, connection, errors, group, source, topics } =
    options;
  const text = JSON.stringify({
    name: group.replaceAll("_", "-"),
    connections: {
      bus: { type: "kafka", brokers: brokers.split(","), ...connection },
    },
    sources: {
      topic: {
        type: "kafka",
        connection: "bus",
        topics,
        group,
        columns,
        ...source,
      },
    },
    sinks: {
      rows: { type: "rows_table", from: "topic" },
      ...errors ? { rejects: { type: "errors_table", from: "errors" } } : {},
    },
  });
  const { diagnostics, spec } = checkSpec("pipeline.yaml", {
    registry: [kafka, kafkaSource, ...sinks],
    env: () => undefined,
    read: () => text,
  });
  assert(spec, formatDiagnostics(diagnostics));
  return spec;
}

/** Create a topic and wait until its partitions can be asked. */
export async function createTopic(
  client: KafkaClient,
  topic: string,
  partitions = 3,
): Promise<void> {
  await client.admin("create", (admin) =>
    admin.createTopics({
      topics: [{ topic, numPartitions: partitions }],
      waitForLeaders: false,
    }));
  await until(`topic ${topic}`, async () => {
    const asked = client.admin(
      "ask",
      (admin) => admin.fetchTopicOffsets(topic),
    );
    return await asked.then(
      (found) => found.length === partitions,
      () => false,
    );
  });
}

/** Publish records `{ "id": n }`, spread over three partitions. */
export async function produceIds(
  client: KafkaClient,
  topic: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const producer = await client.producer({});
  try {
    await producer.send({
      topic,
      messages: Array.from({ length: to - from }, (_, index) => ({
        partition: index % 3,
        value: JSON.stringify({ id: from + index }),
      })),
    });
  } finally {
    await producer.disconnect();
  }
}
