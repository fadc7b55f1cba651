import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Registry } from "../../../../runtime/component.ts";
import { checkSpec } from "../../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../../runtime/spec/diagnostics.ts";
import { blackholeSink as blackhole } from "../../../../connectors/blackhole/sink.ts";
import { evm } from "../../../../connectors/evm/rpc/connection.ts";
import { shippedPlans, Tariff } from "../../../../connectors/evm/rpc/plan.ts";
import { chain } from "../../../../connectors/evm/chain/source.ts";
import { assertGolden } from "../../../runtime/golden.ts";
import { validate } from "../../../runtime/spec/schema_validator.ts";

const registry: Registry = [evm, chain, blackhole];

/** Check a spec with this endpoint; tables beside it are given as texts. */
function check(
  endpoint: string,
  tables: Readonly<Record<string, string>> = {},
  emit = "blocks",
) {
  const spec = `name: priced
connections:
  eth:
    type: evm
    endpoints:
      - { name: one, url: "https://one.example", ${endpoint} }
sources:
  chain: { type: evm.chain, connection: eth, emit: [${emit}] }
sinks:
  blocks: { type: blackhole, from: chain }
`;
  const files: Readonly<Record<string, string>> = {
    "specs/priced.yaml": spec,
    ...tables,
  };
  const checked = checkSpec("specs/priced.yaml", {
    registry,
    env: () => undefined,
    read(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
  });
  return { ...checked, text: formatDiagnostics(checked.diagnostics) };
}

function tariffOf(
  endpoint: string,
  tables: Readonly<Record<string, string>> = {},
): Tariff {
  const { spec, text } = check(endpoint, tables);
  assert.equal(text, "");
  return new Tariff(spec?.connections.get("eth")?.config.endpoints[0]);
}

Deno.test("shippedPlans lists every table in pipelines/plans", async () => {
  const root = new URL("../../../../pipelines/plans/", import.meta.url);
  const names: string[] = [];
  for await (const folder of Deno.readDir(root)) {
    if (!folder.isDirectory) continue;
    for await (const file of Deno.readDir(new URL(`${folder.name}/`, root))) {
      names.push(`${folder.name}/${file.name.replace(/\.yaml$/, "")}`);
    }
  }
  assert.deepEqual(names.sort(), [...shippedPlans]);
});

Deno.test("plan.schema.json accepts every shipped table", async () => {
  const root = new URL("../../../../pipelines/plans/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, root));
  const schema = JSON.parse(await read("plan.schema.json"));
  for (const name of shippedPlans) {
    const table = parse(await read(`${name}.yaml`));
    assert.deepEqual(validate(table, schema), [], name);
    assert.notDeepEqual(validate({ ...table, unit: "euros" }, schema), []);
  }
});

for (const name of shippedPlans) {
  Deno.test(`planField finds nothing wrong with ${name}`, () => {
    assert.equal(tariffOf(`plan: ${name}`).plan, name);
  });
}

Deno.test("Tariff prices Infura's free plan", () => {
  const tariff = tariffOf("plan: infura/free");
  assert.equal(tariff.price("eth_getBlockByNumber"), 80);
  assert.equal(tariff.price("eth_getBlockReceipts"), 1000);
  assert.equal(tariff.price("trace_block"), 300);
  assert.deepEqual(tariff.windows, [
    { count: 500, per: 1000, unit: "weight" },
    {
      count: 3_000_000,
      per: 86_400_000,
      unit: "credits",
      reset: { every: "day", day: 1, minute: 0, zone: "UTC" },
    },
  ]);
  assert.deepEqual(
    tariff.cost(["eth_getBlockByNumber", "eth_getBlockReceipts"]),
    { calls: 3, credits: 1160, weight: 1160 },
    "a batch of two is billed as three",
  );
});

Deno.test("Tariff tells Alchemy's bill from its throughput", () => {
  const tariff = tariffOf("plan: alchemy/free");
  assert.deepEqual(tariff.cost(["eth_getBlockReceipts"]), {
    calls: 1,
    credits: 20,
    weight: 500,
  });
  assert.deepEqual(
    tariff.cost(["eth_getBlockByNumber", "eth_getBlockByNumber"]),
    { calls: 2, credits: 40, weight: 40 },
  );
  assert.equal(tariff.includes("trace_block"), false);
  assert.equal(tariff.includes("eth_getBlockByNumber"), true);
  assert.deepEqual([tariff.maxBatch, tariff.logs.range], [1000, 10]);
});

Deno.test("Tariff lets the endpoint's fields replace the plan's", () => {
  const tariff = tariffOf(
    "plan: infura/free, rate: 400/s, prices: { eth_getLogs: 300 }, " +
      "quota: 1000 requests/day, logs: { range: 500 }",
  );
  assert.equal(tariff.price("eth_getLogs"), 300);
  assert.equal(tariff.price("eth_getBlockReceipts"), 1000, "others stay");
  assert.deepEqual(
    tariff.windows.map(({ count, reset, unit }) => [count, unit, reset]),
    [[400, "weight", undefined], [1000, "calls", undefined]],
  );
  assert.deepEqual(tariff.logs, { range: 500, results: 10_000 });
});

Deno.test("Tariff counts calls where there is no plan", () => {
  const tariff = tariffOf("rate: 10/s, quota: 100000/day");
  assert.equal(tariff.isPriced, false);
  assert.deepEqual(tariff.cost(["eth_x", "eth_y"]), {
    calls: 2,
    credits: 2,
    weight: 2,
  });
});

Deno.test("planField prefers a table beside the spec to a shipped one", () => {
  const own = `summary: Ours
sources: [https://example.org]
date: "2026-01-31"
unit: requests
rate: 7/s
`;
  const { windows } = tariffOf("plan: infura/free", {
    "specs/plans/infura/free.yaml": own,
  });
  assert.deepEqual(windows, [{ count: 7, per: 1000, unit: "weight" }]);
});

Deno.test("evm warns of a call that no second holds", async () => {
  const { spec, text } = check("plan: infura/free", {}, "transactions");
  assert.ok(spec, "it is no mistake");
  await assertGolden(new URL("./plans/dear.txt", import.meta.url), text);
  for (
    const endpoint of [
      "plan: infura/free, rate: 4000/s",
      'plan: infura/free }\n      - { name: two, url: "https://two.example"',
    ]
  ) assert.equal(check(endpoint, {}, "transactions").text, "", endpoint);
});

const tables = fileURLToPath(new URL("./plans/", import.meta.url));

for (const name of ["unknown", "broken", "no_yaml", "empty", "wrong_place"]) {
  Deno.test(`planField explains ${name}`, async () => {
    const [endpoint = "", ...rest] = (await Deno.readTextFile(
      `${tables}${name}.yaml`,
    )).split("\n");
    const { spec, text } = check(endpoint.replace(/^# /, ""), {
      "specs/plans/own/table.yaml": rest.join("\n"),
    });
    assert.equal(spec, undefined);
    await assertGolden(new URL(`./plans/${name}.txt`, import.meta.url), text);
  });
}
