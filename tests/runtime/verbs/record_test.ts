/** @module */
import assert from "node:assert/strict";
import { folderWith, sluice } from "./program.ts";

const spec = "name: x\nconnections: { shop: { type: shop } }\n";

Deno.test("record says what it recorded and where", async () => {
  await using folder = await folderWith({ "a.yaml": spec });
  const range = ["record", folder.at("a.yaml"), "--from", "3", "--to", "5"];
  const named = await sluice([...range, "--out", "data/rec"]);
  assert.deepEqual(named, {
    code: 0,
    out: "Recorded 3 blocks, 6 calls, 3.0 MB of answers in data/rec.gz",
    err: "",
    renewed: [],
  });
  const unnamed = await sluice(range);
  assert.match(unnamed.out, / in pipelines\/recordings\/shop_3_5\.gz$/);
});

Deno.test("record shows its progress to whoever looks", async () => {
  await using folder = await folderWith({ "a.yaml": spec });
  const args = ["record", folder.at("a.yaml"), "--from", "0", "--to", "9"];
  const { renewed } = await sluice(args, { interactive: true });
  assert.equal(
    renewed[0],
    "Recording: 1 block, 2 calls, 1.0 MB of answers, 10 %",
  );
  assert.equal(renewed.at(-1), "");
});

Deno.test("record replaces a recording only with --force", async () => {
  await using folder = await folderWith({ "a.yaml": spec });
  const args = ["record", folder.at("a.yaml"), "--from", "1", "--to", "1"];
  const refused = await sluice([...args, "--out", "taken"]);
  assert.equal(refused.code, 1);
  assert.equal(refused.err, 'error: Cannot record to "taken": it exists');
  const forced = await sluice([...args, "--out", "taken", "--force"]);
  assert.equal(forced.code, 0);
});

Deno.test("record ends with 2 when the range is wrong", async () => {
  await using folder = await folderWith({ "a.yaml": spec });
  const file = folder.at("a.yaml");
  const missing = await sluice(["record", file, "--from", "1"]);
  assert.equal(missing.code, 2);
  assert.match(missing.err, /required option '--to <block>' not specified/);
  const text = await sluice(["record", file, "--from", "x", "--to", "1"]);
  assert.equal(text.code, 2);
  assert.match(text.err, /It is not a block number/);
  const behind = await sluice(["record", file, "--from", "5", "--to", "1"]);
  assert.equal(behind.code, 2);
  assert.equal(behind.err, "error: --from 5 is behind --to 1");
});
