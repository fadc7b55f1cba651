/**
 * One writer a pipeline: a process that slept through its lease writes
 * nothing when it wakes up.
 *
 * @module
 */
import assert from "node:assert/strict";
import { UserError } from "../../runtime/errors.ts";
import { type Clock, systemClock } from "../../runtime/run/clock.ts";
import { leaseTtl } from "../../runtime/run/sqlite_state.ts";
import { FencedError } from "../../runtime/run/state.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { canonicalRows } from "../fixtures/simulated/rows.ts";
import { LivePipeline, type LiveRun } from "./live_pipeline.ts";
import { assertSameRows, expectedRows, netRows } from "./truth.ts";

const blocks = 20;

/** The clock of a process that runs while another one sleeps. */
const afterLease: Clock = {
  now: () => systemClock.now() + leaseTtl + 1,
  sleep: (ms, signal) => systemClock.sleep(ms, signal),
};

function specOf(url: string, sink: string): string {
  return [
    "name: fenced",
    "connections:",
    `  eth: { type: evm, url: "${url}/key" }`,
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1, poll: 20ms }",
    "sinks:",
    // Nothing is written before it is drained.
    `  rows: { ${sink}, batch: { rows: 1000000, bytes: 1GiB, every: 1h } }`,
  ].join("\n");
}

async function start(): Promise<SimulatedNode> {
  const chain = new SimulatedChain({ seed: 9, transactionsPerBlock: 2 });
  return await SimulatedNode.start(chain.extend(blocks));
}

/** Wait until a run has read everything, and has it in its queue. */
async function hasRead(run: LiveRun): Promise<void> {
  while (run.source?.at !== blocks) {
    if (run.ended) await run.done;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

Deno.test("runPipeline() writes nothing when another process has taken over", async () => {
  await using node = await start();
  const spec = specOf(node.url, "type: memory, from: chain.logs");
  await using pipeline = await LivePipeline.make(spec, systemClock);
  const sleeper = pipeline.start();
  await hasRead(sleeper);
  assert.equal(pipeline.writes, 0);

  await pipeline.start({ clock: afterLease, to: blocks }).done;
  const { writes } = pipeline;
  const truth = canonicalRows(node.chain, { from: 1 });
  const assertRows = () =>
    assertSameRows(
      netRows("logs", pipeline.table("rows")),
      expectedRows("logs", truth),
      "rows",
    );
  assertRows();

  sleeper.drain();
  await assert.rejects(sleeper.done, (error) => {
    assert(error instanceof FencedError);
    assert.match(error.message, /process \d+ on .* has taken over/);
    return true;
  });
  assert.equal(pipeline.writes, writes, "the sleeper wrote nothing");
  assertRows();
});

Deno.test("runPipeline() leaves a file to the process that still has it open", async () => {
  await using node = await start();
  const spec = specOf(
    node.url,
    'type: file, from: chain.blocks, path: "FOLDER/blocks.jsonl"',
  );
  await using pipeline = await LivePipeline.make(spec, systemClock);
  const sleeper = pipeline.start();
  await hasRead(sleeper);

  const second = pipeline.start({ clock: afterLease, to: blocks });
  await assert.rejects(second.done, (error) => {
    assert(error instanceof UserError);
    assert.match(error.message, /another sink or process is writing it/);
    return true;
  });
  sleeper.drain();
  await assert.rejects(sleeper.done, FencedError);
  assert.deepEqual(pipeline.changes("blocks.jsonl"), []);

  await pipeline.start({ clock: afterLease, to: blocks }).done;
  assertSameRows(
    netRows("blocks", pipeline.changes("blocks.jsonl")),
    expectedRows("blocks", canonicalRows(node.chain, { from: 1 })),
    "blocks",
  );
});
