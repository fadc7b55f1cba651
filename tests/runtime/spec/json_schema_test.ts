import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Fields } from "../../../runtime/spec/field.ts";
import { specSchema } from "../../../runtime/spec/json_schema.ts";
import { registry } from "./registry.ts";
import { validate } from "./schema_validator.ts";

const folder = fileURLToPath(new URL("../../specs/", import.meta.url));
const schema = specSchema(registry);

function wrong(text: string): string[] {
  return validate(parse(text), schema);
}

Deno.test("specSchema() accepts every valid spec and a file to include", () => {
  for (const part of ["", "parts/"]) {
    for (const { name } of Deno.readDirSync(`${folder}valid/${part}`)) {
      if (!name.endsWith(".yaml")) continue;
      const text = Deno.readTextFileSync(`${folder}valid/${part}${name}`);
      assert.deepEqual(wrong(text), [], name);
    }
  }
});

Deno.test("specSchema() blames the type that was written, no other", () => {
  assert.deepEqual(
    wrong(`
name: a
sources:
  chain: { type: evm.chain, connection: eth, emit: [blokcs], confirmation: 2 }
  feeds: { type: evm.stat }
sinks:
  out: { type: clickhouse, connection: w, from: chain, tabel: a, order_by: [a] }
  file: { type: file, from: chain, path: a, batch: { rows: many } }
`),
    [
      // Either the list or a single port: both are wrong.
      "/sources/chain/emit/0 enum",
      "/sources/chain/emit/0 pattern",
      "/sources/chain/emit enum",
      "/sources/chain/emit type",
      "/sources/chain/confirmation additionalProperties",
      "/sources/feeds/type enum",
      "/sinks/out/tabel additionalProperties",
      "/sinks/out/table required",
      "/sinks/file/batch/rows pattern",
    ],
  );
});

Deno.test("specSchema() takes a variable for anything", () => {
  assert.deepEqual(
    wrong(`
name: "\${NAME}"
connections:
  eth: { type: evm, chain_id: "\${ID}", rate: "\${RATE}", in_flight: "\${N}" }
  bus: { type: kafka, brokers: "\${BROKERS}", tls: "\${TLS:-true}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: "\${PORTS}" }
  feeds: { type: evm.state, connection: eth, every: 1s, contracts: { a: "\${A}" }, read: {} }
sinks:
  out: { type: file, from: chain, path: "\${P}", format: "\${F}", batch: { bytes: "\${B}" } }
`),
    [],
  );
});

Deno.test("specSchema() requires sections, but not of a file to include", () => {
  assert.deepEqual(wrong("name: a\n"), [
    "/sources required",
    "/sinks required",
  ]);
  assert.deepEqual(wrong("connections:\n"), []);
  assert.deepEqual(wrong("connection: {}\n"), [
    "/connection additionalProperties",
  ]);
});

Deno.test("specSchema() says what everything is", () => {
  const text = JSON.stringify(schema);
  for (const { fields, summary } of registry) {
    assert.ok(text.includes(JSON.stringify(summary)));
    for (const { doc } of Object.values(fields as Fields)) {
      assert.ok(text.includes(JSON.stringify(doc)), doc);
    }
  }
  assert.ok(!text.includes("oneOf"));
});
