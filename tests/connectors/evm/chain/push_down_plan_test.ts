/**
 * What `plan` and `check` say of logs that are asked for by ranges.
 * `deno test … -- --update` rewrites the golden files.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { components } from "../../../../connectors/mod.ts";
import { logQuery } from "../../../../connectors/evm/chain/log_query.ts";
import { planOf } from "../../../../runtime/plan/plan.ts";
import { planText } from "../../../../runtime/plan/plan_text.ts";
import { checkSpec } from "../../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../../runtime/spec/diagnostics.ts";
import { assertGolden } from "../../../runtime/golden.ts";

const folder = new URL("./specs/", import.meta.url);

function check(name: string, text?: string) {
  // A folder without ABIs that decode would find.
  const file = `specs/${name}.yaml`;
  const { diagnostics, spec } = checkSpec(file, {
    registry: components,
    env: (name) => name.endsWith("KEYS") ? "secret" : undefined,
    read: (path) =>
      path === file
        ? text ?? Deno.readTextFileSync(new URL(`${name}.yaml`, folder))
        : Deno.readTextFileSync(
          fileURLToPath(new URL(`../../../../${path}`, import.meta.url)),
        ),
  });
  return { spec, text: formatDiagnostics(diagnostics, "text") };
}

Deno.test("planText() shows logs by ranges, and at which price", async () => {
  const { spec, text } = check("push_down");
  assert.ok(spec, text);
  await assertGolden(
    new URL("push_down.plan.txt", folder),
    planText(planOf(spec)),
  );
});

for (const name of ["where", "where_of_no_port"]) {
  Deno.test(`checkSpec() explains ${name} of evm.chain`, async () => {
    const { spec, text } = check(name);
    assert.equal(spec, undefined);
    await assertGolden(new URL(`${name}.txt`, folder), text);
  });
}

const transfer =
  "event Transfer(address indexed from, address indexed to, uint256 value)";
const usdc = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";
const topic =
  "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** The questions that transforms behind `chain.logs` lead to. */
function filtersOf(transforms: string, sinks: string) {
  const { spec, text } = check(
    "inline",
    `
name: inline
connections:
  eth: { type: evm, url: "http://localhost:8545" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [logs] }
${transforms === "" ? "" : `transforms:\n${transforms}`}
sinks:
${sinks}
`,
  );
  assert.ok(spec, text);
  const source = spec.stages.find((stage) => stage.kind === "source");
  assert.ok(source);
  const { needed, used } = source;
  return logQuery({ needed, used, where: new Map() })?.filters;
}

const filter =
  `  some: { type: filter, from: chain.logs, where: { address: "${usdc}" } }`;
const decode = (rest = "", signatures = "[]") =>
  `  events:
    type: decode
    from: chain.logs
    signatures: ${signatures}
    abis: [{ ${rest}signatures: ["${transfer}"] }]`;
const sink = (name: string, from: string) =>
  `  ${name}: { type: file, from: ${from}, path: ${name}.jsonl }`;

const cases: readonly (readonly [
  what: string,
  transforms: string,
  sinks: string,
  filters: unknown,
])[] = [
  ["a sink that reads all logs", "", sink("logs", "chain.logs"), [{}]],
  ["a filter by address", filter, sink("a", "some"), [{ address: [usdc] }]],
  [
    "a filter beside a sink",
    filter,
    `${sink("a", "some")}\n${sink("b", "chain.logs")}`,
    [{}],
  ],
  [
    "a filter that only another filter reads",
    `${filter}\n  more: { type: filter, from: some, where: { log_index: 1 } }`,
    sink("a", "more"),
    [{ address: [usdc] }],
  ],
  [
    "a filter that nothing reads",
    `${filter}\n${decode()}`,
    sink("a", "events.decoded"),
    [{ topics: [[topic]] }],
  ],
  [
    "decode of an event",
    decode(),
    sink("a", "events.decoded"),
    [{ topics: [[topic]] }],
  ],
  [
    "decode of an event of a contract",
    decode(`address: "${usdc}", `),
    sink("a", "events.decoded"),
    [{ address: [usdc], topics: [[topic]] }],
  ],
  [
    "decode whose unknown rows are read",
    decode(),
    `${sink("a", "events.decoded")}\n${sink("b", "events.unknown")}`,
    [{}],
  ],
  [
    "decode that knows the signatures of any contract's events",
    decode(`address: "${usdc}", `, "[common]"),
    sink("a", "events.decoded"),
    [{}],
  ],
  [
    "decode and a filter",
    `${filter}\n${decode()}`,
    `${sink("a", "events.decoded")}\n${sink("b", "some")}`,
    [{ address: [usdc] }, { topics: [[topic]] }],
  ],
  [
    "classify, which rejects what no case takes",
    `  kind: { type: classify, from: chain.logs, cases: { a: { address: "${usdc}" } } }`,
    `${sink("a", "kind.a")}\n${sink("b", "errors")}`,
    [{}],
  ],
];

for (const [what, transforms, sinks, filters] of cases) {
  Deno.test(`evm.chain asks for the logs that matter to ${what}`, () => {
    const found = filtersOf(transforms, sinks)?.map((one) =>
      JSON.stringify(one)
    ).sort();
    const wanted = (filters as object[]).map((one) => JSON.stringify(one));
    assert.deepEqual(found, wanted.sort());
  });
}
