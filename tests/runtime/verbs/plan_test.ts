/** @module */
import assert from "node:assert/strict";
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

Deno.test("graph draws a Mermaid flowchart", async () => {
  const text = await printed(["graph"]);
  await assertGolden(new URL("./toys.graph.txt", import.meta.url), text);
});
