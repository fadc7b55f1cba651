/** @module */
import assert from "node:assert/strict";
import { folderWith, sluice } from "./program.ts";
import { toyEnvironment as env, toySpec } from "./toys.ts";

const twoShops = `\
name: two-shops
connections:
  north: { type: shop, city: Oslo }
  south: { type: shop, city: Rome, password: "\${SOUTHERN}" }
  line: { type: wire, url: "\${LINE_URL}" }
sources:
  belt: { type: belt, connection: north }
sinks:
  kept: { type: bin, from: belt.toys }
`;

Deno.test("query prints what the only database answers", async () => {
  await using folder = await folderWith({ "toys.yaml": toySpec });
  const file = folder.at("toys.yaml");
  const { code, err, out } = await sluice(["query", file, "SELECT 1"], {
    env,
  });
  assert.deepEqual({ code, err, out }, {
    code: 0,
    err: "",
    out: "shop table: SELECT 1",
  });
  const csv = await sluice(["query", file, "SELECT 1", "--format", "csv"], {
    env,
  });
  assert.equal(csv.out, "shop csv: SELECT 1");
});

Deno.test("query needs the environment of its connection only", async () => {
  await using folder = await folderWith({ "two.yaml": twoShops });
  const ask = ["query", folder.at("two.yaml"), "SELECT 1", "--connection"];
  const north = await sluice([...ask, "north"]);
  assert.deepEqual(north, {
    code: 0,
    out: "Oslo table: SELECT 1",
    err: "",
    renewed: [],
  });
  const south = await sluice([...ask, "south"]);
  assert.equal(south.code, 2);
  assert.match(
    south.err,
    /two\.yaml:4:\d+: Missing environment variable "SOUTHERN"/,
  );
  assert.doesNotMatch(south.err, /LINE_URL/);
});

Deno.test("query names the databases when there are several", async () => {
  await using folder = await folderWith({ "two.yaml": twoShops });
  const file = folder.at("two.yaml");
  const several = await sluice(["query", file, "SELECT 1"]);
  assert.equal(several.code, 1);
  assert.match(several.err, /Several connections of .*: north, south; choose/);
  const unknown = await sluice(["query", file, "x", "--connection", "nroth"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /Unknown connection "nroth".*mean "north"\?/);
  const unable = await sluice(["query", file, "x", "--connection", "line"]);
  assert.equal(unable.code, 1);
  assert.match(unable.err, /"line" cannot be used to query; .*: north, south/);
});

Deno.test("query works although another part of the spec is wrong", async () => {
  await using folder = await folderWith({
    "shops.yaml": "connections: { shop: { type: shop, city: Bern } }\n",
    "a.yaml": "name: a\ninclude: [shops.yaml]\nsinks: { x: { type: y } }\n",
  });
  const { code, out } = await sluice(["query", folder.at("a.yaml"), "x"]);
  assert.deepEqual({ code, out }, { code: 0, out: "Bern table: x" });
});

Deno.test("query ends with 1 when the database refuses", async () => {
  await using folder = await folderWith({ "toys.yaml": toySpec });
  const { code, err } = await sluice(
    ["query", folder.at("toys.yaml"), "BAD sql"],
    { env },
  );
  assert.equal(code, 1);
  assert.equal(err, 'error: Cannot run "BAD sql": syntax error');
});

Deno.test("query ends with 1 when the database is out of reach", async () => {
  await using folder = await folderWith({
    "a.yaml": "name: a\nconnections: { shop: { type: shop, mood: busy } }\n",
  });
  const { code, err } = await sluice(["query", folder.at("a.yaml"), "x"]);
  assert.deepEqual([code, err], [1, "error: The shop is busy"]);
});

Deno.test("query ends with 2 when the connection is wrong", async () => {
  await using folder = await folderWith({
    "mood.yaml": "name: x\nconnections: { shop: { type: shop, mood: sad } }\n",
    "yaml.yaml": "name: [x\n",
  });
  const mood = await sluice(["query", folder.at("mood.yaml"), "x"]);
  assert.equal(mood.code, 2);
  assert.match(mood.err, /Expected one of fine, closed, busy, found "sad"/);
  const yaml = await sluice(["query", folder.at("yaml.yaml"), "x"]);
  assert.equal(yaml.code, 2);
  assert.match(yaml.err, /yaml\.yaml:/);
  const absent = await sluice(["query", folder.at("absent.yaml"), "x"]);
  assert.equal(absent.code, 2);
  assert.match(absent.err, /absent\.yaml:1:1: Cannot read the file/);
});

Deno.test("query says so when no connection is a database", async () => {
  await using folder = await folderWith({
    "a.yaml": "name: a\nconnections: { line: { type: wire, url: x } }\n",
  });
  const { code, err } = await sluice(["query", folder.at("a.yaml"), "x"]);
  assert.equal(code, 1);
  assert.match(err, /No connection of ".*a\.yaml" can be used to query/);
});
