/**
 * What a run says took its time: each of four bottlenecks is named.
 *
 * @module
 */
import assert from "node:assert/strict";
import { timeText } from "../../runtime/run/time_used.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { until } from "../fixtures/until.ts";
import { figure } from "./figure.ts";
import { LivePipeline } from "./live_pipeline.ts";

const blocks = 100;

function specOf(url: string, { limit = "", start = "1" } = {}): string {
  return `
name: slow
connections:
  eth: { type: evm, url: "${url}/key"${limit} }
sources:
  chain: { type: evm.chain, connection: eth, start: ${start} }
sinks:
  rows: { type: memory, from: chain.transactions }
`;
}

function start(latencyMs = 0): Promise<SimulatedNode> {
  const chain = new SimulatedChain({ seed: 5, transactionsPerBlock: 2 });
  return SimulatedNode.start(chain.extend(blocks), { latencyMs });
}

/** What took most of the time of a run to the last block. */
async function limitOf(pipeline: LivePipeline): Promise<string> {
  const run = pipeline.start({ to: blocks });
  await run.done;
  const text = timeText(run.source?.time ?? new Map());
  figure(text);
  return text;
}

Deno.test("runPipeline() names a tight budget", async () => {
  await using node = await start();
  const limit = ", rate: 10/s";
  await using pipeline = await LivePipeline.make(specOf(node.url, { limit }));
  assert.match(await limitOf(pipeline), /^budget of eth \d+ %/);
});

Deno.test("runPipeline() names a slow node", async () => {
  await using node = await start(100);
  await using pipeline = await LivePipeline.make(specOf(node.url));
  assert.match(await limitOf(pipeline), /^network \d+ %/);
});

Deno.test("runPipeline() names a slow sink", async () => {
  await using node = await start();
  await using pipeline = await LivePipeline.make(specOf(node.url));
  pipeline.writeTakes = 400;
  assert.match(await limitOf(pipeline), /^sink rows \d+ %/);
});

Deno.test("runPipeline() tells that it waits at the head", async () => {
  await using node = await start();
  const spec = specOf(node.url, { start: "latest - 5" });
  await using pipeline = await LivePipeline.make(spec);
  const run = pipeline.start();
  const idle = () => run.source?.time.get("idle at head") ?? 0;
  await until(() => idle() > 300, "it waits at the head");
  const text = timeText(run.source?.time ?? new Map());
  run.drain();
  await run.done;
  figure(text);
  assert.match(text, /^idle at head/);
});
