/**
 * Never a refused call, and no time lost: the program against a node that
 * refuses whatever is above its limit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import type { Limits } from "../fixtures/simulated/limiter.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { LivePipeline } from "./live_pipeline.ts";
import { figure } from "./figure.ts";
import { Workplace } from "./program.ts";
import { quickClock } from "./quick_clock.ts";

/** Blocks that are read, with their receipts: two calls each. */
const blocks = 100;

/** A node that is neither near nor slow. */
const latencyMs = 20;

/** How much longer than the limit makes necessary a run may take. */
const slack = 1.05;

function chainOf(length: number): SimulatedChain {
  const chain = new SimulatedChain({ seed: 3, transactionsPerBlock: 2 });
  return chain.extend(length);
}

function specOf(connection: readonly string[]): string {
  return [
    "name: paced",
    "connections:",
    "  eth:",
    "    type: evm",
    ...connection.map((line) => `    ${line}`),
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    "  blocks: { type: blackhole, from: chain.blocks }",
    "  transactions: { type: blackhole, from: chain.transactions }",
  ].join("\n");
}

/** Run a spec over all blocks, and hold what it took against the floor. */
async function assertPaced(
  node: SimulatedNode,
  { connection, perSecond }: {
    connection: readonly string[];
    perSecond: number;
  },
): Promise<void> {
  await using workplace = await Workplace.make(specOf(connection));
  const began = performance.now();
  const { code, stderr } = await workplace.run(
    ...["run", "spec.yaml", "--to", String(blocks)],
  );
  const seconds = (performance.now() - began) / 1000;
  assert.equal(code, 0, stderr);
  const { calls, posts, refusedCalls } = node.stats();
  const first = node.calls[0]?.at ?? 0;
  const span = ((node.calls.at(-1)?.at ?? 0) - first) / 1000;
  const floor = calls / perSecond;
  figure(
    `${calls} calls at ${perSecond}/s: ${seconds.toFixed(2)} s, of which ` +
      `${span.toFixed(2)} s from the first call to the last; floor ` +
      `${floor.toFixed(2)} s; ${refusedCalls} refused`,
  );
  assert.equal(refusedCalls, 0);
  assert.equal(posts, calls, "no call was sent twice");
  assert(calls >= 2 * blocks, "every block with its receipts");
  // How long the program takes to start is another matter.
  assert(
    span <= slack * floor,
    `${span} s for ${calls} calls at ${perSecond}/s`,
  );
}

Deno.test("sluice run keeps to 10 calls a second and uses them all", async () => {
  await using node = await SimulatedNode.start(chainOf(blocks), {
    latencyMs,
    limits: { callsPerSecond: 10 },
  });
  await assertPaced(node, {
    connection: [`url: "${node.url}/key"`, "rate: 10/s"],
    perSecond: 10,
  });
});

Deno.test("sluice run uses three keys of different rates to the full", async () => {
  const rates = { slow: 5, middle: 10, fast: 20 };
  const keys = Object.fromEntries(
    Object.entries(rates).map(([name, callsPerSecond]): [string, Limits] => [
      `${name}-key-1`,
      { callsPerSecond },
    ]),
  );
  await using node = await SimulatedNode.start(chainOf(blocks), {
    latencyMs,
    keys,
  });
  const perSecond = 35;
  await assertPaced(node, {
    connection: [
      "endpoints:",
      ...Object.entries(rates).map(([name, rate]) =>
        `  - { name: ${name}, url: "${node.url}/{key}", ` +
        `keys: ["${name}-key-1"], rate: ${rate}/s }`
      ),
    ],
    perSecond,
  });
  const { keys: used, calls } = node.stats();
  for (const [name, rate] of Object.entries(rates)) {
    const share = (used[`${name}-key-1`]?.calls ?? 0) / calls;
    assert(
      share > 0.6 * rate / perSecond && share < 1.6 * rate / perSecond,
      `${name} made ${(100 * share).toFixed()} % of the calls`,
    );
  }
});

Deno.test("runPipeline() keeps to a quota and to a rate at once", async () => {
  const clock = quickClock(60);
  // The day of this provider is a minute long.
  const limits: Limits = {
    callsPerSecond: 20,
    creditsPerDay: 100,
    daySeconds: 60,
  };
  await using node = await SimulatedNode.start(chainOf(blocks), {
    limits,
    now: clock.now,
  });
  const url = `url: "${node.url}/key"`;
  const spec = specOf([url, "rate: 20/s", "quota: 100/minute"])
    .replaceAll("blackhole", "memory");
  await using pipeline = await LivePipeline.make(spec, clock);
  const began = clock.now();
  await pipeline.start({ to: blocks }).done;
  const seconds = (clock.now() - began) / 1000;
  const { calls, refusedCalls } = node.stats();
  figure(`${calls} calls at 100 a minute: ${seconds.toFixed()} s`);
  assert.equal(refusedCalls, 0);
  // The first hundred leave at once, the last ones two minutes later.
  assert(seconds >= 120, `${seconds} s are too few`);
  assert(seconds <= 60 * slack * calls / 100 + 10, `${seconds} s are too many`);
});
