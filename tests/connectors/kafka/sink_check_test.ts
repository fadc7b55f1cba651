import assert from "node:assert/strict";
import { kafka } from "../../../connectors/kafka/connection.ts";
import { kafkaSink } from "../../../connectors/kafka/sink.ts";
import type { Config, Schema, Template } from "../../../runtime/component.ts";
import { Reports } from "../../contracts/reports.ts";
import { fixed, type SinkConfig, sinkConfig } from "./bus.ts";

const schema: Schema = [
  { name: "hash", type: "hash", doc: "A hash" },
  { name: "to", type: "address", nullable: true, doc: "An address or null" },
  { name: "case", type: "string", values: ["a", "b c"], doc: "A case" },
  { name: "kind", type: "string", values: ["x", "y"], doc: "A kind" },
];

function byColumns(...columns: string[]): Template {
  return {
    text: columns.map((name) => `{${name}}`).join("."),
    columns,
    render: (row) => columns.map((name) => row[name]).join("."),
  };
}

function problems(other: Partial<SinkConfig>, columns = schema): string[] {
  const reports = new Reports(columns);
  kafkaSink.check?.({
    config: { ...sinkConfig(fixed("rows")), ...other },
    place: reports.place,
    schema: columns,
    name: "out",
  });
  return reports.lines;
}

Deno.test("kafkaSink wants topics that are known before anything runs", () => {
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ topic: byColumns("kind") }), []);
  assert.deepEqual(problems({ topic: byColumns("hash") }), [
    `topic: Cannot name topics by "hash": its values are not known (use ` +
    "{case} or {kind})",
  ]);
  assert.deepEqual(problems({ topic: byColumns("to") }, schema.slice(0, 2)), [
    `topic: Cannot name topics by "to": its values are not known (a ` +
    "classify transform gives a column case, whose values are)",
  ]);
  assert.deepEqual(problems({ topic: byColumns("case") }), [
    'topic: "b c" cannot be a topic (letters, digits, dots, - and _ only, ' +
    "249 at most)",
  ]);
});

Deno.test("kafkaSink lists every topic and setting in the plan", () => {
  const config = sinkConfig(byColumns("kind", "kind"), {
    partitions: 4,
    retention: "forever",
    config: { "max.message.bytes": "2000000" },
  });
  const shape = { schema, name: "out", pipeline: "blocks" };
  assert.deepEqual(kafkaSink.ddl?.({ ...shape, config }), [
    "topic x.x: partitions 4, retention.ms -1, max.message.bytes 2000000",
    "topic y.y: partitions 4, retention.ms -1, max.message.bytes 2000000",
    "topic sluice.cursors.blocks.out: partitions 1, cleanup.policy " +
    "compact, segment.ms 3600000",
  ]);
  const plain = sinkConfig("rows", { delivery: "at_least_once" });
  assert.deepEqual(kafkaSink.ddl?.({ ...shape, config: plain }), [
    "topic rows",
  ]);
});

Deno.test("kafkaSink wants a key where a topic is compacted", () => {
  const compacted = { cleanup_policy: "compact", tombstone: true } as const;
  assert.deepEqual(problems({ ...compacted, key: ["hash"] }), []);
  assert.deepEqual(
    problems({ ...compacted }),
    [
      "key!key: A compacted topic needs a key (write key: hash, or whatever " +
      "makes a row unique)",
    ].map((line) => line.replace("key!key", "key!")),
  );
  assert.deepEqual(problems({ ...compacted, key: ["to"] }), [
    `key.0: Cannot key by "to": it may be null (a compacted topic needs a ` +
    "key in every record)",
  ]);
  assert.deepEqual(problems({ tombstone: true, key: ["hash"] }), [
    "tombstone: Tombstones are for compacted topics (write cleanup_policy: " +
    "compact)",
  ]);
  assert.deepEqual(
    problems({ ...compacted, key: ["hash"], headers: false }),
    [
      "headers: A tombstone without headers (its headers say which row it " +
      "takes back: leave headers out)",
    ],
  );
});

Deno.test("kafkaSink wants names that Avro takes", () => {
  const odd: Schema = [{ name: "a b", type: "string", doc: "Odd" }];
  assert.deepEqual(problems({}, odd), []);
  assert.deepEqual(problems({ format: "avro" }, odd), [
    'from: Avro has no field "a b" (rename it with a select transform)',
  ]);
});

function connectionProblems(
  other: Partial<Config<typeof kafka.fields>>,
): string[] {
  const reports = new Reports();
  kafka.check?.({
    config: {
      brokers: ["one:9092"],
      client_id: "sluice",
      tls: undefined,
      sasl: undefined,
      registry: undefined,
      ...other,
    },
    place: reports.place,
  });
  return reports.lines;
}

Deno.test("kafka says what is wrong with its addresses", () => {
  assert.deepEqual(connectionProblems({}), []);
  assert.deepEqual(
    connectionProblems({ brokers: ["one:9092, two:9093", "three"] }),
    [],
  );
  assert.deepEqual(connectionProblems({ brokers: [" , "] }), [
    "brokers: No broker (write host:port)",
  ]);
  assert.deepEqual(connectionProblems({ brokers: ["kafka://one:9092"] }), [
    'brokers: "kafka://one:9092" is no broker (write host:port)',
  ]);
  const tls = { ca: undefined, cert: "a.pem", key: undefined };
  assert.deepEqual(connectionProblems({ tls }), [
    "tls: A cert without key (a client's certificate needs both)",
  ]);
  const registry = {
    url: "localhost:8081",
    username: undefined,
    password: undefined,
  };
  assert.deepEqual(connectionProblems({ registry }), [
    "registry.url: Expected an http or https URL (write http://host:8081)",
  ]);
});
