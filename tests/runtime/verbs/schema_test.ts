/** @module */
import assert from "node:assert/strict";
import { folderWith, sluice } from "./program.ts";
import { toys } from "./toys.ts";

async function files(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["pipelines", "docs/reference"]) {
    for await (const { name } of Deno.readDir(`${root}/${folder}`)) {
      found.push(`${folder}/${name}`);
    }
  }
  return found.sort();
}

Deno.test("schema writes the JSON Schema and a page a component", async () => {
  await using folder = await folderWith({});
  const root = folder.at("");
  const { code, out } = await sluice(["schema", "--root", root]);
  assert.equal(code, 0);
  assert.deepEqual(await files(root), [
    "docs/reference/README.md",
    "docs/reference/connection_shop.md",
    "docs/reference/connection_wire.md",
    "docs/reference/sink_bin.md",
    "docs/reference/sink_shop.md",
    "docs/reference/source_belt.md",
    "docs/reference/transform_keep.md",
    "docs/reference/transform_sort.md",
    "pipelines/pipeline.schema.json",
  ]);
  assert.match(out, /^docs\/reference\/README\.md was missing$/m);
  const schema = await Deno.readTextFile(
    `${root}pipelines/pipeline.schema.json`,
  );
  assert.equal(JSON.parse(schema).title, "Sluice pipeline");
});

Deno.test("schema writes files that deno fmt leaves alone", async () => {
  await using folder = await folderWith({});
  const root = folder.at("");
  await sluice(["schema", "--root", root]);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--check", "--no-config", root],
    stdout: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});

Deno.test("schema --check names the files that drift", async () => {
  await using folder = await folderWith({});
  const root = folder.at("");
  const missing = await sluice(["schema", "--check", "--root", root]);
  assert.equal(missing.code, 1);
  assert.match(
    missing.err,
    /^error: pipelines\/pipeline\.schema\.json is missing$/m,
  );
  await assert.rejects(Deno.stat(`${root}docs`), Deno.errors.NotFound);

  await sluice(["schema", "--root", root]);
  const fine = await sluice(["schema", "--check", "--root", root]);
  assert.deepEqual(fine, {
    code: 0,
    out: "",
    err: "9 files are up to date",
    renewed: [],
  });

  await Deno.writeTextFile(`${root}docs/reference/sink_bin.md`, "edited\n");
  await Deno.writeTextFile(`${root}docs/reference/sink_old.md`, "old\n");
  const drift = await sluice(["schema", "--check", "--root", root]);
  assert.equal(drift.code, 1);
  assert.equal(
    drift.err,
    "error: docs/reference/sink_bin.md is out of date\n" +
      "error: docs/reference/sink_old.md is left over\n" +
      'Run "deno task schema" and commit what it writes',
  );
});

Deno.test("schema removes the page of a component that is gone", async () => {
  await using folder = await folderWith({});
  const root = folder.at("");
  await sluice(["schema", "--root", root]);
  const registry = toys.filter(({ type }) => type !== "bin");
  const { out } = await sluice(["schema", "--root", root], { registry });
  assert.match(out, /^docs\/reference\/sink_bin\.md was left over$/m);
  assert.ok(!(await files(root)).includes("docs/reference/sink_bin.md"));
  const check = await sluice(["schema", "--root", root, "--check"], {
    registry,
  });
  assert.equal(check.code, 0);
});
