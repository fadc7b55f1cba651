import assert from "node:assert/strict";
import type { Component, Value } from "../../../runtime/component.ts";
import { covers } from "../../../runtime/spec/covers.ts";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";
import { runSpecTests } from "../../../runtime/spec/run_tests.ts";
import { check, registry } from "./registry.ts";

const env = { ETH_RPC_URL: "https://rpc.example.org" };

async function run(tests: string, known = registry): Promise<string> {
  const { diagnostics, spec } = check(
    `name: tests
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
  lookup: { type: abi_lookup, url: "https://x", keys: "\${ETH_RPC_URL}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, transactions] }
transforms:
  kind: { type: classify, from: chain.transactions, cases: { deploy: { to_address: null }, dear: { value: { gt: 1 ether } } } }
  calls: { type: decode, from: kind.dear, lookup: lookup }
sinks:
  out: { type: stdout, from: calls.decoded }
  rejects: { type: stdout, from: errors }
tests:
${tests}`,
    { env, registry: known.map(withLookup) },
  );
  assert.equal(formatDiagnostics(diagnostics), "");
  assert.ok(spec);
  const results = await runSpecTests(spec);
  return formatDiagnostics(results.flatMap(({ diagnostics }) => diagnostics));
}

function withLookup(component: Component): Component {
  if (component.type !== "decode") return component;
  const connection = registry.find(({ type }) => type === "abi_lookup");
  return { ...component, connections: { lookup: connection } } as Component;
}

/** A decode whose transform does what a test wants. */
function decoding(open: (context: never) => unknown) {
  return registry.map((one) =>
    one.type === "decode"
      ? { ...one, open: (_: unknown, context: never) => open(context) }
      : one
  ) as readonly Component[];
}

Deno.test("runSpecTests() passes what is as expected", async () => {
  assert.equal(
    await run(`
  - name: parts of rows
    given:
      chain.transactions:
        - { hash: "0x01", value: 2 ether, to_address: "0xAA" }
        - { hash: "0x02" }
        - { hash: "0x03", value: 1, to_address: "0xbb" }
    expect:
      kind.dear: [{ hash: "0x01", to_address: "0xaa", value: "2000000000000000000" }]
      kind.deploy: [{ to_address: null, case: deploy }]
      calls.unknown: [{ hash: "0x01" }]
      calls.decoded: []
      errors: [{ stage: kind, row: { hash: "0x03", value: 1 } }]
`),
    "",
  );
});

Deno.test("runSpecTests() explains each difference at its place", async () => {
  assert.equal(
    await run(`
  - name: wrong
    given: { chain.transactions: [{ hash: "0x01" }, { hash: "0x02" }] }
    expect:
      kind.deploy: [{ hash: "0x02" }, { hash: "0x02", case: dear }]
      kind.dear: [{}]
`),
    `pipelines/test.yaml:18:7: Test "wrong" fails: kind.deploy differs
  |
18|       kind.deploy: [{ hash: "0x02" }, { hash: "0x02", case: dear }]
  |       ^^^^^^^^^^^
  | row 1: hash is "0x01", expected "0x02"
  | row 2: case is "deploy", expected "dear"
pipelines/test.yaml:19:7: Test "wrong" fails: kind.dear has no row, expected 1
  |
19|       kind.dear: [{}]
  |       ^^^^^^^^^
  | row 1 is missing: {}
  | kind.deploy has 2 rows
`,
  );
});

Deno.test("runSpecTests() counts differences that nobody would read", async () => {
  const rows = Array(50).fill('{ hash: "0x02" }').join(", ");
  const given = Array(50).fill('{ hash: "0x01" }').join(", ");
  const text = await run(`
  - name: many
    given: { chain.transactions: [${given}] }
    expect: { kind.deploy: [${rows}] }
`);
  assert.equal(text.match(/^ {2}\| row/gm)?.length, 5);
  assert.match(text, /and 45 more/);
});

Deno.test("runSpecTests() tells why a transform cannot run", async () => {
  const known = decoding(() => {
    throw new Error("Cannot read the ABI");
  });
  const text = await run(
    `
  - name: broken
    given: { kind.dear: [{ hash: "0x01" }] }
    expect: { calls.unknown: [{}] }
`,
    known,
  );
  assert.match(text, /Test "broken" fails: "calls" cannot run/);
  assert.match(text, /Cannot read the ABI/);
});

Deno.test("runSpecTests() gives a transform no connection", async () => {
  const known = decoding(({ connections }: { connections: object }) => ({
    apply: () => assert.equal(connections, "nothing"),
  }));
  const text = await run(
    `
  - name: online
    given: { kind.dear: [{ hash: "0x01" }] }
    expect: { calls.unknown: [{}] }
`,
    known,
  );
  assert.match(text, /actual: {}|\{\}/);
});

Deno.test("runSpecTests() closes what it opened, also on failure", async () => {
  let open = 0;
  const known = decoding(() => {
    open++;
    return {
      apply: () => Promise.reject(new Error("no")),
      [Symbol.asyncDispose]: () => Promise.resolve(void open--),
    };
  });
  await run(
    `
  - name: closed
    given: { kind.dear: [{ hash: "0x01" }] }
    expect: { calls.unknown: [{}] }
`,
    known,
  );
  assert.equal(open, 0);
});

Deno.test("covers() asks for no more than what is wanted", () => {
  const cases: [Value, Value, boolean][] = [
    [{ a: "1", b: 2 }, { a: "1" }, true],
    [{ a: 1n, b: 2 }, { a: "1", b: "2" }, true],
    [{ a: 1 }, { a: "1", b: null }, false],
    [["a", "b"], ["a", "b"], true],
    [["a", "b"], ["a"], false],
    [["a"], { 0: "a" }, false],
    [null, "a", false],
    ["a", null, false],
    ["1", 1, false],
    [1.5, "1.5", false],
  ];
  for (const [value, wanted, expected] of cases) {
    assert.equal(covers(value, wanted), expected);
  }
});
