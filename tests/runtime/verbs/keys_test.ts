/** @module */
import assert from "node:assert/strict";
import { folderWith, sluice } from "./program.ts";

const spec = "name: x\nconnections: { shop: { type: shop } }\n";

Deno.test("keys shows every key with its account and limits", async () => {
  await using folder = await folderWith({ "a.yaml": spec });
  const { code, out } = await sluice(["keys", folder.at("a.yaml")]);
  assert.equal(code, 0);
  const cells = out.split("\n").filter((line) => line.includes("toys"))
    .map((line) => line.split("│").map((cell) => cell.trim()).join("|"));
  assert.deepEqual(cells, [
    "|till|…1234|team|toys/free|not asked|5 toys/s|",
    "||||||100 toys/day: 40 used, 60 left|",
  ]);
});

Deno.test("keys --test asks, and ends with 1 when a key does not work", async () => {
  await using folder = await folderWith({
    "a.yaml": spec,
    "b.yaml": "name: x\nconnections: { shop: { type: shop, mood: busy } }\n",
  });
  const good = await sluice(["keys", folder.at("a.yaml"), "--test"]);
  assert.equal(good.code, 0);
  assert.match(good.out, /│ open +│ 12 ms +│ 7 +│ 1 +│/);
  const bad = await sluice(["keys", folder.at("b.yaml"), "--test", "--json"]);
  assert.equal(bad.code, 1);
  assert.equal(JSON.parse(bad.out)[0].state, "closed until noon");
});

Deno.test("keys says when no connection has any", async () => {
  await using folder = await folderWith({
    "a.yaml": "name: x\nconnections: { w: { type: wire, url: x } }\n",
  });
  const { code, err } = await sluice(["keys", folder.at("a.yaml")]);
  assert.equal(code, 1);
  assert.match(err, /No connection of ".*" can be used to show keys/);
});

Deno.test("keys shows those of all connections, or of one", async () => {
  await using folder = await folderWith({
    "a.yaml": "name: x\nconnections: { north: { type: shop }, " +
      "south: { type: shop }, w: { type: wire, url: x } }\n",
  });
  const file = folder.at("a.yaml");
  const both = await sluice(["keys", file]);
  assert.equal(both.code, 0, both.err);
  assert.match(both.out, /│ connection │/);
  assert.match(both.out, /│ north +│ till[^]*│ south +│ till/);
  const json = await sluice(["keys", file, "--json"]);
  assert.deepEqual(
    JSON.parse(json.out).map((one: Record<string, unknown>) => one.connection),
    ["north", "south"],
  );
  const one = await sluice(["keys", file, "--connection", "south"]);
  assert.doesNotMatch(one.out, /connection|north/);
});
