import assert from "node:assert/strict";
import type { KafkaClient } from "../../../connectors/kafka/client.ts";
import {
  type Compression,
  compressionTypes,
} from "../../../connectors/kafka/codecs.ts";
import type { Row, Schema, UnitInfo } from "../../../runtime/component.ts";
import { UserError } from "../../../runtime/errors.ts";
import { javaTest, kafka, registry, uniqueName } from "../../services/mod.ts";
import {
  batchOf,
  connect,
  openKafkaSink,
  type SinkConfig,
  sinkConfig,
} from "./bus.ts";
import { consume, createTopic, Table, until } from "./group_run.ts";

const schema: Schema = [
  { name: "id", type: "uint64", doc: "" },
  { name: "value", type: "uint256", nullable: true, doc: "" },
  { name: "at", type: "timestamp", doc: "" },
];
const columns = { id: "uint64", value: "uint256?", at: "timestamp" };

const row = (id: number): Row => ({
  id,
  value: id % 2 ? 2n ** 255n + BigInt(id) : null,
  at: 1_700_000_000_000 + id,
});

const ids = (table: Table) =>
  table.rows().map(({ id }) => Number(id)).sort((a, b) => a - b);

type Units = readonly (readonly [Partial<UnitInfo>, readonly Row[]])[];

const reorg: Units = [
  [{ number: 1, version: 1 }, [row(1), row(2), row(3)]],
  [{ number: 2, version: 2 }, [row(4), row(5)]],
  [{ number: 2, version: 3, op: "retract" }, [row(4), row(5)]],
  [{ number: 2, id: "0xb2", version: 4 }, [row(5), row(6)]],
];

/** Publish units with a kafka sink. */
async function publish(
  client: KafkaClient,
  topic: string,
  units: Units,
  config: Partial<SinkConfig> = {},
): Promise<void> {
  const options = sinkConfig(topic, {
    key: ["id"],
    partitions: 3,
    ...config,
  });
  await using sink = await openKafkaSink(options, { client, schema });
  await sink.write(batchOf(sink, units));
}

interface Message {
  readonly key?: string;
  readonly value: string | Uint8Array | null;
  readonly partition?: number;
  readonly headers?: Record<string, string>;
}

/** Publish records as anybody else would. */
async function produce(
  client: KafkaClient,
  topic: string,
  messages: readonly Message[],
  compression: Compression = "none",
): Promise<void> {
  const producer = await client.producer({});
  try {
    await producer.send({
      topic,
      compression: compressionTypes[compression],
      messages: messages.map(({ value, ...more }) => ({
        ...more,
        value: value instanceof Uint8Array ? Buffer.from(value) : value,
      })),
    });
  } finally {
    await producer.disconnect();
  }
}

const json = (id: number): string =>
  JSON.stringify({ id, value: null, at: 1_700_000_000_000 + id });

/** Records with these ids, spread over three partitions. */
const messages = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, index) => ({
    partition: index % 3,
    value: json(from + index),
  }));

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** What a group has committed, by partition. */
async function committed(
  client: KafkaClient,
  group: string,
  topic: string,
): Promise<Record<number, number>> {
  const found = await client.admin(
    "ask",
    (admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }),
  );
  return Object.fromEntries(
    (found[0]?.partitions ?? []).map(({ offset, partition }) => [
      partition,
      Number(offset),
    ]),
  );
}

/** A broker, a topic of three partitions and a group for one test. */
async function setup() {
  const brokers = await kafka();
  const client = await connect(brokers);
  const [topic, group] = [uniqueName("rows"), uniqueName("group")];
  await createTopic(client, topic);
  const rows = new Table();
  return { brokers, client, topic, topics: [topic], group, rows, columns };
}

javaTest(
  "kafkaSource reads what a kafka sink wrote, and takes back",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    await publish(client, topic, reorg);
    await using reading = consume({ ...options, rows });
    await until("all rows", () => rows.writes === 9);
    await reading.drain();
    assert.deepEqual(ids(rows), [1, 2, 3, 5, 6]);
    for (const found of rows.rows()) {
      assert.deepEqual(found, row(Number(found["id"])));
    }
  },
);

javaTest("kafkaSource reads Avro by the registry's schemas", async () => {
  const url = await registry();
  const connection = { registry: { url } };
  const { brokers, rows, topic, ...options } = await setup();
  await using client = await connect(brokers, {
    registry: { url, username: undefined, password: undefined },
  });
  await publish(client, topic, reorg, { format: "avro" });
  const source = { format: "avro" };
  await using reading = consume({
    ...{ ...options, brokers, connection, rows, source },
  });
  await until("all rows", () => rows.writes === 9);
  await reading.drain();
  assert.deepEqual(ids(rows), [1, 2, 3, 5, 6]);

  await using wrong = consume({
    ...{ ...options, brokers, connection, rows, source },
    group: uniqueName("group"),
    columns: { id: "uint64", valeu: "uint256", at: "bool" },
  });
  await assert.rejects(wrong.ended, (error) => {
    assert(error instanceof UserError, String(error));
    assert.equal(
      error.message,
      `Source "topic" does not fit subject "${topic}-value": column ` +
        '"valeu" is not in it; column "at" is timestamp there and bool ' +
        "here. The registry has these, copy what you need:\n" +
        "columns:\n  id: int64\n  value: string?\n  at: timestamp",
    );
    return true;
  });
});

javaTest(
  "kafkaSource sends what it cannot read to errors, and goes on",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    const poison: readonly Message[] = [
      { key: "a", value: "{", headers: { trace: "t1" }, partition: 1 },
      { value: Uint8Array.of(0xff, 0x00), partition: 1 },
      { value: '{"id":"x","at":1}', partition: 1 },
      { value: '{"value":"1","at":1}', partition: 1 },
    ];
    await produce(client, topic, [
      ...messages(0, 6),
      ...poison,
      ...messages(6, 9),
    ]);
    const errors = new Table();
    await using reading = consume({ ...options, rows, errors });
    await until(
      "all rows",
      () => rows.writes === 9 && errors.writes === poison.length,
    );
    await reading.drain();
    assert.deepEqual(ids(rows), range(0, 9));
    const found = errors.rows().map(({ block_number, reason, row, stage }) => ({
      block_number,
      stage,
      reason: String(reason),
      row: row as Row,
    })).sort((a, b) => Number(a.block_number) - Number(b.block_number));
    assert.deepEqual(
      found.map(({ block_number, stage }) => [block_number, stage]),
      [2, 3, 4, 5].map((offset) => [offset, "topic"]),
    );
    const [first, second, third, last] = found;
    assert.match(
      first?.reason ?? "",
      new RegExp(`^Record "${topic}/1/2": Not`),
    );
    const { timestamp, ...raw } = first?.row ?? {};
    assert(Number(timestamp) > Date.UTC(2020));
    assert.deepEqual(raw, {
      topic,
      partition: 1,
      offset: 2,
      headers: { trace: "t1" },
      key: "a",
      value: "{",
    });
    assert.equal(second?.row["value_base64"], "/wA=");
    assert.match(
      third?.reason ?? "",
      /: Column "id" expects uint64, found "x"$/,
    );
    assert.match(
      last?.reason ?? "",
      /: Column "id" expects uint64, found noth/,
    );
  },
);

javaTest(
  "kafkaSource stops at what it cannot read when nothing reads errors",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    await produce(client, topic, [{ value: "{" }]);
    await using reading = consume({ ...options, rows });
    await assert.rejects(reading.ended, /^UserError: Stage "topic" rejected /);
    // It stays where it is: whoever mends it finds it again.
    const offsets = Object.values(
      await committed(client, options.group, topic),
    );
    assert(offsets.every((offset) => offset <= 0), String(offsets));
  },
);

javaTest("kafkaSource skips tombstones, but no retraction", async () => {
  const { client, rows, topic, ...options } = await setup();
  await produce(client, topic, [{ key: "gone", value: null, partition: 0 }]);
  await publish(client, topic, reorg, { tombstone: true });
  const errors = new Table();
  await using reading = consume({ ...options, rows, errors });
  await until("all rows", () => rows.writes === 7 && errors.writes === 2);
  await reading.drain();
  const skipped = reading.metrics.total("sluice_source_tombstones_total");
  assert.equal(skipped, 1);
  for (const { reason } of errors.rows()) {
    assert.match(String(reason), /A retraction without its row: the sink that/);
  }
});

for (const compression of ["gzip", "zstd", "lz4", "snappy"] as const) {
  javaTest(`kafkaSource reads records in ${compression}`, async () => {
    const { client, rows, topic, ...options } = await setup();
    await produce(client, topic, messages(0, 300), compression);
    await using reading = consume({ ...options, rows });
    await until("all rows", () => rows.writes === 300);
    await reading.drain();
    assert.deepEqual(ids(rows), range(0, 300));
  });
}

javaTest(
  "kafkaSource goes on where the sinks were, after a drain and a failure",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    await produce(client, topic, messages(0, 300));
    await using first = consume({ ...options, rows });
    await until("all rows", () => rows.writes === 300);
    await first.drain();
    assert.deepEqual(await committed(client, options.group, topic), {
      0: 100,
      1: 100,
      2: 100,
    });

    await produce(client, topic, messages(300, 600));
    await using failing = consume({
      ...options,
      rows,
      hook: () => {
        throw new Error("The disk is on fire");
      },
    });
    await assert.rejects(failing.ended, /The disk is on fire/);
    assert.equal(rows.writes, 300);

    await using last = consume({ ...options, rows });
    await until("the other rows", () => rows.writes === 600);
    await last.drain();
    assert.deepEqual(ids(rows), range(0, 600));
  },
);

javaTest(
  "kafkaSource commits nothing of partitions that went to another process",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    await produce(client, topic, messages(0, 300));
    const [gateA, gateB] = [
      Promise.withResolvers<void>(),
      Promise.withResolvers<void>(),
    ];
    await using a = consume({ ...options, rows, hook: () => gateA.promise });
    await until(
      "rows on their way",
      () => a.metrics.total("sluice_source_units_total") >= 300,
    );
    await using b = consume({ ...options, rows, hook: () => gateB.promise });
    await until("a share for each", () => partitionsOf(b).length > 0);
    const [ofA, ofB] = [partitionsOf(a), partitionsOf(b)];
    assert.deepEqual([...ofA, ...ofB].sort(), [0, 1, 2]);

    gateA.resolve();
    await until("a's offsets", async () => {
      const offsets = await committed(client, options.group, topic);
      return ofA.every((partition) => offsets[partition] === 100);
    });
    const offsets = await committed(client, options.group, topic);
    for (const partition of ofB) assert.equal(offsets[partition], -1);
    assert.equal(rows.writes, 300);
    gateB.resolve();
    await until("b's offsets", async () => {
      const all = Object.values(await committed(client, options.group, topic));
      return all.every((offset) => offset === 100);
    });
    await a.drain();
    await b.drain();
    // What a kept it has read once; b's share has come twice, and merged.
    assert.equal(rows.writes, 300 + 100 * ofB.length);
    assert.deepEqual(ids(rows), range(0, 300));
  },
);

/** The partitions that a process has now. */
function partitionsOf({ log }: ReturnType<typeof consume>): number[] {
  const line = log.findLast(({ message }) => message === "Reads partitions");
  const { partitions = {} } = (line?.fields ?? {}) as {
    partitions?: Record<string, number[]>;
  };
  return Object.values(partitions).flat();
}

javaTest("kafkaSource loses nothing when processes come and go", async () => {
  const { client, rows, topic, ...options } = await setup();
  const total = 6000;
  const producing = (async () => {
    for (let from = 0; from < total; from += 200) {
      await produce(client, topic, messages(from, from + 200));
    }
  })();
  await using a = consume({ ...options, rows });
  await until("a reads", () => rows.writes > 200);
  await using b = consume({ ...options, rows });
  await until("b reads", () => partitionsOf(b).length > 0);
  await a.drain();
  await using c = consume({ ...options, rows });
  await producing;
  await until("all rows", () => rows.rows().length === total);
  await b.drain();
  await c.drain();
  assert.deepEqual(ids(rows), range(0, total));
  const ends = Object.values(await committed(client, options.group, topic));
  assert.equal(ends.reduce((sum, offset) => sum + offset, 0), total);
});

javaTest(
  "kafkaSource with start: latest begins once, whoever comes first",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    await produce(client, topic, messages(0, 30));
    const source = { start: "latest" };
    await using first = consume({ ...options, rows, source });
    await until("its partitions", () => partitionsOf(first).length === 3);
    // Nothing was read, so nothing was stored; yet its place is known.
    await first.drain();
    assert.deepEqual(await committed(client, options.group, topic), {
      0: 10,
      1: 10,
      2: 10,
    });
    await produce(client, topic, messages(30, 60));
    await using second = consume({ ...options, rows, source });
    await until("the rows since", () => rows.writes >= 30);
    await second.drain();
    assert.deepEqual(ids(rows), range(30, 60));
  },
);

javaTest("kafkaSource waits for a topic that is not there yet", async () => {
  const brokers = await kafka();
  await using client = await connect(brokers);
  const [topic, group] = [uniqueName("rows"), uniqueName("group")];
  const rows = new Table();
  await using reading = consume({
    ...{ brokers, topics: [topic], group, rows, columns },
  });
  await until(
    "a complaint",
    () =>
      reading.log.some(({ fields, message }) =>
        message === "Source fails, tries again" &&
        /UNKNOWN_TOPIC_OR_PARTITION/.test(String(fields["reason"]))
      ),
  );
  await createTopic(client, topic);
  await produce(client, topic, messages(0, 3));
  await until("all rows", () => rows.writes === 3);
  await reading.drain();
});

javaTest(
  "kafkaSource fetches no more than it has room for while a sink is slow",
  async () => {
    const { client, rows, topic, ...options } = await setup();
    const count = 60_000;
    const note = "x".repeat(1000);
    for (let from = 0; from < count; from += 2000) {
      await produce(
        client,
        topic,
        range(from, from + 2000).map((id) => ({
          partition: id % 3,
          value: JSON.stringify({ id, value: null, at: 0, note }),
        })),
      );
    }
    const gate = Promise.withResolvers<void>();
    await using reading = consume({
      ...options,
      rows,
      source: { session_timeout: "6s" },
      hook: () => gate.promise,
    });
    using _ = { [Symbol.dispose]: () => gate.resolve() };
    const lag = () => reading.metrics.total("sluice_source_lag");
    await until("a full buffer", () => lag() > 0);
    // Longer than the session: it speaks although it fetches nothing.
    const enough = Date.now() + 8000;
    await until("eight seconds", () => Date.now() > enough);
    // 60 MB in the topic, 16 MiB of room and what comes in one fetch more.
    assert(lag() > count / 3, `${lag()} records are left`);
    gate.resolve();
    await until("all rows", () => rows.rows().length === count);
    assert.equal(rows.writes, count, "It was thrown out of the group");
    assert.equal(lag(), 0);
    await reading.drain();
  },
);
