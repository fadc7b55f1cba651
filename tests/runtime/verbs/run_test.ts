/**
 * `run`, `status` and `reset` keep their state in the working directory: they
 * are tested as processes in a folder of their own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { folderWith } from "./program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const spec = `
name: small
connections:
  eth: { type: evm, url: "recording:${root}pipelines/recordings/local" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks] }
sinks:
  blocks: { type: file, from: chain.blocks, path: blocks.jsonl }
  nowhere: { type: blackhole, from: chain.blocks }
`;

async function sluice(args: readonly string[], cwd: string) {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${root}deno.json`,
      `${root}sluice.ts`,
      ...args,
    ],
    cwd,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

async function lines(file: string): Promise<number> {
  return (await Deno.readTextFile(file)).split("\n").length - 1;
}

Deno.test("run, status and reset agree about where sinks stand", async () => {
  await using folder = await folderWith({ "small.yaml": spec });
  const cwd = folder.at("");
  const blocks = async () => {
    const { out } = await sluice(["status", "small.yaml", "--json"], cwd);
    return (JSON.parse(out) as { sink: string; block?: number }[])
      .map(({ block, sink }) => [sink, block]);
  };
  assert.deepEqual(await blocks(), [["blocks", undefined], [
    "nowhere",
    undefined,
  ]]);

  const dry = await sluice(
    ["run", "small.yaml", "--to", "9", "--dry-run"],
    cwd,
  );
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /rows \(not written\)/);
  await assert.rejects(lines(folder.at("blocks.jsonl")), Deno.errors.NotFound);

  const run = await sluice(["run", "small.yaml", "--to", "9"], cwd);
  assert.equal(run.code, 0, run.err);
  assert.match(run.out, /│ blocks +│ file +│ +10 │ +9 │/);
  assert.equal(await lines(folder.at("blocks.jsonl")), 10);
  assert.deepEqual(await blocks(), [["blocks", 9], ["nowhere", 9]]);

  const unknown = await sluice(["reset", "small.yaml", "--sink", "x"], cwd);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /has no cursor of "x"; sinks with a cursor: /);
  const reset = await sluice(["reset", "small.yaml", "--sink", "nowhere"], cwd);
  assert.deepEqual([reset.code, reset.out], [0, "Reset nowhere\n"]);
  assert.deepEqual(await blocks(), [["blocks", 9], ["nowhere", undefined]]);
});

Deno.test("run ends with 2 before it opens anything when a spec is wrong", async () => {
  await using folder = await folderWith({
    "small.yaml": spec,
    "wrong.yaml": spec.replace("chain.blocks", "chain.blcks"),
  });
  const { code, err, out } = await sluice(
    ["run", "small.yaml", "wrong.yaml", "--to", "3"],
    folder.at(""),
  );
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /wrong\.yaml:8:\d+: "chain" has no output "blcks"/);
  await assert.rejects(lines(folder.at("blocks.jsonl")), Deno.errors.NotFound);
});
