/** @module */
import assert from "node:assert/strict";
import {
  defineConnection,
  RetryableError,
} from "../../../runtime/component.ts";
import { components } from "../../../connectors/mod.ts";
import { SimulatedChain } from "../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../fixtures/simulated/node.ts";
import { LookupService } from "../../connectors/evm/lookup/lookup_service.ts";
import { assertGolden } from "../golden.ts";
import { folderWith, sluice } from "./program.ts";
import { toyEnvironment as env, toySpec } from "./toys.ts";

/** What is printed, with the folder of the test taken out. */
async function printed(args: readonly string[]): Promise<string> {
  await using folder = await folderWith({ "toys.yaml": toySpec });
  const [verb = "", ...options] = args;
  const file = folder.at("toys.yaml");
  const { code, err, out } = await sluice([verb, file, ...options], { env });
  assert.deepEqual({ code, err }, { code: 0, err: "" });
  return out.replaceAll(folder.at(""), "pipelines/");
}

Deno.test("plan says what a spec will do", async () => {
  const text = await printed(["plan"]);
  await assertGolden(new URL("./toys.plan.txt", import.meta.url), text);
  assert.equal(await printed(["plan"]), text);
});

Deno.test("plan --format json says the same", async () => {
  const plan = JSON.parse(await printed(["plan", "--format", "json"]));
  assert.equal(plan.name, "toy-factory");
  assert.equal(plan.spec.connections.shop.password, "***");
  assert.deepEqual(
    plan.sinks.map(({ name, deliver }: { name: string; deliver: unknown }) => [
      name,
      deliver,
    ]),
    [
      ["dear", "latest"],
      ["bears", { confirmations: 12 }],
      ["rejects", "latest"],
    ],
  );
  assert.equal(plan.sinks[0].columns[2].type, "uint256");
  assert.equal(plan.sinks[0].columns[2].doc, "Price, wei");
});

Deno.test("plan shows no secret, wherever it stands", async () => {
  await using folder = await folderWith({
    "toys.yaml": toySpec.replace("table: dear", 'table: "${SHOP_PASSWORD}_x"'),
  });
  for (const format of ["text", "json"]) {
    const args = ["plan", folder.at("toys.yaml"), "--format", format];
    const { code, err, out } = await sluice(args, { env });
    assert.equal(code, 0, err);
    assert.doesNotMatch(out, /open-sesame/);
    assert.match(out, /CREATE TABLE \*\*\*_x/);
  }
});

Deno.test("plan ends with 2 when the spec is wrong", async () => {
  await using folder = await folderWith({ "toys.yaml": "name: x\n" });
  const { code, err, out } = await sluice(["plan", folder.at("toys.yaml")]);
  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(err, /toys\.yaml:1:1: Missing field "sources"/);
});

Deno.test("plan wants both ends of a range", async () => {
  await using folder = await folderWith({ "toys.yaml": toySpec });
  const file = folder.at("toys.yaml");
  for (
    const range of [["--from", "1"], ["--to", "9"], [
      ...["--from", "9", "--to", "1"],
    ]]
  ) {
    const { code, err, out } = await sluice(["plan", file, ...range], { env });
    assert.equal(code, 2);
    assert.match(err, /needs both --from and --to/);
    assert.equal(out, "");
  }
});

/** A spec that reads blocks; its budgets are in a file, or in a connection of type `store`. */
function limitedSpec(url: string, store?: string): string {
  return [
    "name: limited",
    ...store === undefined ? [] : ["state: { connection: hot }"],
    "connections:",
    `  eth: { type: evm, url: "${url}/key", quota: 1000/day from 00:00 UTC }`,
    ...store === undefined ? [] : [
      `  hot: { type: ${store} }`,
    ],
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1, emit: [blocks] }",
    "sinks:",
    "  blocks: { type: blackhole, from: chain.blocks }",
  ].join("\n");
}

Deno.test("plan begins with what earlier runs have used of the day", async () => {
  const chain = new SimulatedChain({ seed: 1 }).extend(200);
  await using node = await SimulatedNode.start(chain);
  await using folder = await folderWith({ "a.yaml": limitedSpec(node.url) });
  const before = Deno.cwd();
  Deno.chdir(folder.at("."));
  try {
    const options = { registry: components };
    const range = ["plan", "a.yaml", "--from", "41", "--to", "90"];
    const first = await sluice(range, options);
    assert.match(first.out, /with budgets that are full at the start\n/);
    const run = await sluice(["run", "a.yaml", "--to", "40"], options);
    assert.equal(run.code, 0, run.err);
    const { calls } = node.stats();
    const json = await sluice([...range, "--format", "json"], options);
    const [forecast] = JSON.parse(json.out).forecasts;
    assert.deepEqual(forecast.usage, { from: ".sluice/usage.db" });
    assert.deepEqual(forecast.accounts[0].before, [
      { limit: "1000 requests/day from 00:00 UTC", used: calls, accounts: 1 },
    ]);
    const { out } = await sluice(range, options);
    assert.match(
      out,
      new RegExp(`used already: ${calls} of 1000 requests/day`),
    );
    assert.equal(node.stats().calls, calls, "no provider is asked");
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("plan and keys know what look-ups have used", async () => {
  const chain = new SimulatedChain({ seed: 1 }).extend(100);
  await using node = await SimulatedNode.start(chain);
  await using service = new LookupService({});
  service.mood = "unverified";
  await using folder = await folderWith({
    "a.yaml": [
      "name: looks",
      "connections:",
      `  eth: { type: evm, url: "${node.url}/key" }`,
      `  names: { type: abi_lookup, url: "${service.url}", keys: k, quota: 1000/day }`,
      "sources:",
      "  chain: { type: evm.chain, connection: eth, start: 1, emit: [transactions] }",
      "transforms:",
      "  calls: { type: decode, from: chain.transactions, lookup: names }",
      "sinks:",
      "  decoded: { type: blackhole, from: calls }",
    ].join("\n"),
  });
  const before = Deno.cwd();
  Deno.chdir(folder.at("."));
  try {
    const options = { registry: components };
    const run = await sluice(["run", "a.yaml", "--to", "10"], options);
    assert.equal(run.code, 0, run.err);
    const asked = [...service.asked.values()]
      .reduce((sum, times) => sum + times, 0);
    assert.ok(asked > 0);
    const range = ["--from", "11", "--to", "20", "--format", "json"];
    const { out } = await sluice(["plan", "a.yaml", ...range], options);
    const [{ before }] = JSON.parse(out).forecasts[0].lookUps;
    const limit = "1000 requests/day";
    assert.deepEqual(before, [{ limit, used: asked, accounts: 1 }]);
    const keys = await sluice(["keys", "a.yaml", "--json"], options);
    const [, { connection, limits }] = JSON.parse(keys.out);
    assert.equal(connection, "names");
    assert.deepEqual(limits, [{ limit, used: asked, left: 1000 - asked }]);
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("plan forecasts from full budgets where their store is away", async () => {
  let opened = 0;
  const away = defineConnection({
    type: "away",
    summary: "A store that does not answer",
    offers: ["state"],
    fields: {},
    example: "",
    open: () => {
      opened++;
      const fails = () => Promise.reject(new RetryableError("Nobody is there"));
      return { state: fails, ledger: fails };
    },
  });
  const options = { registry: [...components, away] };
  await using folder = await folderWith({
    "a.yaml": limitedSpec("http://127.0.0.1:9", "away"),
  });
  const plain = await sluice(["plan", folder.at("a.yaml")], options);
  assert.equal(plain.code, 0, plain.err);
  assert.equal(opened, 0, "without a range nothing is opened");
  const range = ["plan", folder.at("a.yaml"), "--from", "1", "--to", "50"];
  const { code, err, out } = await sluice(range, options);
  assert.deepEqual({ code, err, opened }, { code: 0, err: "", opened: 1 });
  assert.match(
    out,
    /budgets that are taken to be full at the start, because connection hot cannot be read: Nobody is there\n/,
  );
  const json = await sluice([...range, "--format", "json"], options);
  assert.deepEqual(JSON.parse(json.out).forecasts[0].usage, {
    from: "connection hot",
    unknown: "Nobody is there",
  });
});

Deno.test("graph draws a Mermaid flowchart", async () => {
  const text = await printed(["graph"]);
  await assertGolden(new URL("./toys.graph.txt", import.meta.url), text);
});
