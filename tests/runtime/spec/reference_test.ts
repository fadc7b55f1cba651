import assert from "node:assert/strict";
import type { Component } from "../../../runtime/component.ts";
import {
  referenceFile,
  referenceIndex,
  referencePage,
} from "../../../runtime/spec/reference.ts";
import { registry } from "./registry.ts";

const folder = "pipelines";

function component(kind: string, type: string, example?: string): Component {
  const found = registry.find((one) => one.kind === kind && one.type === type);
  assert.ok(found);
  return example === undefined ? found : { ...found, example };
}

function page(one: Component): string {
  const known = registry.map((other) =>
    other.kind === one.kind && other.type === one.type ? one : other
  );
  return referencePage(one, { registry: known, folder });
}

const example = `
name: kinds
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  kind: { type: classify, from: chain, cases: { a|b: {}, rest: {} } }
sinks:
  all: { type: file, from: kind, path: data/all.jsonl }
  rejects: { type: stdout, from: errors }
`;

Deno.test("referencePage() lists fields with what is inside of them", () => {
  const text = page(component("connection", "evm"));
  assert.match(text, /^# evm connection$/m);
  assert.match(text, /^Ethereum JSON-RPC endpoints\.$/m);
  const rows = [
    "| `in_flight` | whole number | `16` | Most calls at once |",
    "| `rate` | rate |  | Most calls |",
    "| `endpoints` | list of maps |  | Endpoints, in order of preference |",
    "| `endpoints[].name` | text | required | Name in logs |",
    "| `endpoints[].keys` | secret |  | Keys, comma separated |",
  ];
  for (const row of rows) assert.ok(text.includes(`${row}\n`), row);
});

Deno.test("referencePage() shows the outputs of the example", () => {
  const text = page(component("transform", "classify", example));
  assert.ok(text.includes(example.trim()));
  assert.match(text, /^## Outputs of the example$/m);
  assert.match(
    text,
    /### rest\n\nAll columns of the input\.\n\n\| column .*\n.*\n\| `case` \| `string` \| The case \|/,
  );
});

Deno.test("referencePage() shows the outputs of a source, with its example", () => {
  const text = page(component("source", "evm.chain", example));
  assert.match(text, /### transactions/);
  assert.match(text, /\| `to_address` \| `address` or null \| /);
  assert.match(text, /Fields that it shares with other sources:/);
});

Deno.test("referencePage() shows how a sink delivers", () => {
  const text = page(component("sink", "file", example));
  assert.match(text, /## Delivery\n\nWith the fields of the example: exactly/);
  assert.match(text, /\| `batch\.every` \| duration \|/);
});

Deno.test("referencePage() cannot be broken by the words of a component", () => {
  const one = component("sink", "file");
  const text = page({
    ...one,
    fields: {
      a: { ...one.fields["path"], doc: "a | b, <table>, `<b>`" },
    } as Component["fields"],
  } as Component);
  assert.ok(text.includes("| a \\| b, &lt;table>, `<b>` |"));
});

Deno.test("referenceIndex() links the page of every component", () => {
  const text = referenceIndex(registry);
  const names = new Set(registry.map(referenceFile));
  assert.equal(names.size, registry.length);
  for (const name of names) assert.ok(text.includes(`(${name})`), name);
  assert.ok(names.has("source_evm_chain.md"));
});
