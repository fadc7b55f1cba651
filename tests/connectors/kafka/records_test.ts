import assert from "node:assert/strict";
import fc from "fast-check";
import {
  fingerprint,
  jsonValues,
  recordEncoder,
} from "../../../connectors/kafka/records.ts";
import {
  type Message,
  sends,
  sizeOf,
  type TopicRecords,
} from "../../../connectors/kafka/sends.ts";
import type { Schema, UnitInfo } from "../../../runtime/component.ts";
import { arbitraryTable } from "../../contracts/arbitrary_rows.ts";
import { everyType, extremeRows } from "../../contracts/extreme_rows.ts";
import { jsonLines } from "../../../runtime/encode/json.ts";
import { fixed } from "./bus.ts";

const unit: UnitInfo = {
  number: 7,
  id: "0xab",
  time: 1_700_000_000_000,
  op: "insert",
  version: 3,
};

function encoder(schema: Schema, key: readonly string[]) {
  const encode = jsonValues(schema);
  return recordEncoder({
    pipeline: "p",
    sink: "s",
    schema,
    topic: fixed("rows"),
    topics: new Map([
      ["rows", { name: "rows", partitions: 4, maxBytes: 1 << 20 }],
    ]),
    key,
    headers: true,
    tombstone: false,
    compression: "none",
    values: () => encode,
  });
}

Deno.test("jsonValues() cuts a block into its rows", () => {
  fc.assert(fc.property(arbitraryTable(), ({ rows, schema }) => {
    const encode = jsonValues(schema);
    const lines = jsonLines(schema);
    assert.deepEqual(
      encode(rows, () => assert.fail()).map((value) => `${value}\n`),
      rows.map((row) => lines([row])),
    );
  }));
});

Deno.test("recordEncoder() keys by any column", () => {
  const [row] = extremeRows(1);
  const keys: Readonly<Record<string, string | null>> = {
    block_number: "1",
    flag: String(row?.["flag"]),
    nonce: String(row?.["nonce"]),
    value: String(row?.["value"]),
    address: row?.["address"] as string,
    label: row?.["label"] as string,
    time: new Date(row?.["time"] as number).toISOString(),
    topics: JSON.stringify(row?.["topics"]),
  };
  for (const [name, expected] of Object.entries(keys)) {
    const { data } = encoder(everyType, [name])(
      row ? [row] : [],
      unit,
      () => assert.fail(),
    );
    assert.equal(String(data[0]?.messages[0]?.key), expected, name);
  }
});

Deno.test("recordEncoder() keys by several columns without collisions", () => {
  const schema: Schema = [
    { name: "a", type: "string", doc: "" },
    { name: "b", type: "string", nullable: true, doc: "" },
  ];
  const rows = [
    { a: "x", b: 'y","z' },
    { a: 'x","y', b: "z" },
    { a: "x", b: null },
    { a: "x", b: "null" },
  ];
  const { data } = encoder(schema, ["a", "b"])(
    rows,
    unit,
    () => assert.fail(),
  );
  const keys = data[0]?.messages.map(({ key }) => JSON.parse(String(key)));
  assert.deepEqual(keys, rows.map(({ a, b }) => [a, b]));
});

Deno.test("fingerprint() changes with what a reader sees", () => {
  const schema: Schema = [{ name: "a", type: "string", doc: "Text" }];
  const same = [{ ...schema[0], doc: "Other" }] as Schema;
  assert.equal(fingerprint(schema), fingerprint(same));
  for (
    const other of [{ type: "bytes" }, { name: "b" }, { nullable: true }]
  ) {
    const changed = [{ ...schema[0], ...other }] as Schema;
    assert.notEqual(fingerprint(schema), fingerprint(changed));
  }
});

Deno.test("sends() keeps to every limit and to the order", () => {
  const message = fc.record({
    partition: fc.nat(3),
    size: fc.integer({ min: 1, max: 400 }),
  });
  const topic = fc.record({
    topic: fc.constantFrom("a", "b"),
    messages: fc.array(message, { maxLength: 60 }),
  });
  const maxBytes = 500;
  const overhead = 10;
  fc.assert(fc.property(fc.array(topic, { maxLength: 60 }), (given) => {
    let count = 0;
    const records: TopicRecords[] = given.map(({ messages, topic }) => ({
      topic,
      maxBytes,
      overhead,
      messages: messages.map(({ partition, size }) => ({
        key: Buffer.from(String(count++)),
        value: Buffer.alloc(size),
        partition,
        headers: {},
      })),
    }));
    const order = new Map<string, string[]>();
    for (const portion of sends(records)) {
      const all = portion.flatMap(({ messages }) => messages);
      assert(all.length > 0 && all.length <= 2000);
      for (const { messages, topic } of portion) {
        const bytes = new Map<number, number[]>();
        for (const message of messages as Message[]) {
          const { key, partition } = message;
          bytes.set(partition, [
            ...bytes.get(partition) ?? [],
            sizeOf(message, overhead),
          ]);
          const place = `${topic}/${partition}`;
          order.set(place, [...order.get(place) ?? [], String(key)]);
        }
        for (const sizes of bytes.values()) {
          const sum = sizes.reduce((a, b) => a + b, 0);
          assert(sum <= maxBytes || sizes.length === 1);
        }
      }
    }
    const sent = [...order.values()];
    assert.equal(sent.flat().length, count);
    for (const keys of sent) {
      assert.deepEqual(keys, keys.toSorted((a, b) => Number(a) - Number(b)));
    }
  }));
});
