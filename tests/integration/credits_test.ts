/**
 * Plans in credits: the program against nodes that bill each method and
 * refuse whatever is above the limit. `SLUICE_CREDITS_PER_SECOND=500` is the
 * limit of Infura's free plan, which takes 100 s.
 *
 * @module
 */
import assert from "node:assert/strict";
import { optimum, type Provider } from "../fixtures/optimum.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import type { Limits } from "../fixtures/simulated/limiter.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { figure } from "./figure.ts";
import { Workplace } from "./program.ts";

const blocks = 200;

/** Many more, where the first calls are not to weigh. */
const manyBlocks = 1200;

/** A node that is neither near nor slow. */
const latencyMs = 20;

/** How much longer than the limit makes necessary a run may take. */
const slack = 1.05;

/** Seconds for the start and the end of the program. */
const overhead = 1;

const infura = { default: 80, eth_chainId: 5, eth_getBlockReceipts: 1000 };

function specOf(endpoints: readonly string[]): string {
  return [
    "name: credits",
    "connections:",
    "  eth:",
    "    type: evm",
    "    endpoints:",
    ...endpoints.map((line) => `      - { ${line} }`),
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    "  blocks: { type: blackhole, from: chain.blocks }",
    "  transactions: { type: blackhole, from: chain.transactions }",
  ].join("\n");
}

function start(
  keys: Readonly<Record<string, Limits>>,
  length: number,
): Promise<SimulatedNode> {
  const chain = new SimulatedChain({ seed: 3, transactionsPerBlock: 2 });
  return SimulatedNode.start(chain.extend(length), { latencyMs, keys });
}

/** Read all blocks; the seconds from the first call to the last. */
async function run(node: SimulatedNode, spec: string): Promise<number> {
  await using workplace = await Workplace.make(spec);
  const { code, stderr } = await workplace.run(
    ...["run", "spec.yaml", "--to", String(node.head)],
  );
  assert.equal(code, 0, stderr);
  const first = node.calls[0]?.at ?? 0;
  return ((node.calls.at(-1)?.at ?? 0) - first) / 1000;
}

Deno.test("sluice run spends Infura's credits to the full and is refused nothing", async () => {
  const perSecond = Number(
    Deno.env.get("SLUICE_CREDITS_PER_SECOND") ?? 20_000,
  );
  await using node = await start({
    infura: { creditsPerSecond: perSecond, debt: true, prices: infura },
  }, blocks);
  const seconds = await run(
    node,
    specOf([
      `name: infura, url: "${node.url}/infura", plan: infura/developer, ` +
      `rate: ${perSecond}/s`,
    ]),
  );
  const { calls, credits, refusedCalls } = node.stats();
  // A call is made as a whole: what is left of a second pays for none.
  const floor = Math.max(
    credits / perSecond,
    calls / Math.floor(perSecond / infura.default),
  );
  figure(
    `${credits} credits at ${perSecond}/s: ${seconds.toFixed(2)} s, floor ` +
      `${floor.toFixed(2)} s (of credits alone ` +
      `${(credits / perSecond).toFixed(2)} s), ${refusedCalls} refused`,
  );
  assert.equal(refusedCalls, 0);
  assert(seconds <= slack * floor + overhead, `${seconds} s`);
});

Deno.test("sluice run divides its calls among plans as an optimum would", async () => {
  const plans: readonly Provider[] = [
    { name: "infura", perSecond: 20_500, block: 80, receipts: 1000 },
    { name: "flat", perSecond: 1000, block: 20, receipts: 20 },
    { name: "odd", perSecond: 300, block: 30, receipts: 10 },
  ];
  const limits = plans.map(({ block, name, perSecond, receipts }) => [name, {
    creditsPerSecond: perSecond,
    debt: true,
    prices: {
      default: block,
      eth_chainId: 5,
      eth_getBlockReceipts: receipts,
      // Or receipts one by one would be cheaper than the optimum.
      eth_getTransactionReceipt: 1000,
    },
  }]);
  await using node = await start(Object.fromEntries(limits), manyBlocks);
  const seconds = await run(
    node,
    specOf(
      plans.map(({ block, name, perSecond, receipts }) =>
        `name: ${name}, url: "${node.url}/${name}", rate: ${perSecond}/s, ` +
        `price: ${block}, prices: { eth_chainId: 5, ` +
        `eth_getBlockReceipts: ${receipts}, ` +
        `eth_getTransactionReceipt: 1000 }`
      ),
    ),
  );
  const best = optimum(plans, manyBlocks);
  const { keys, refusedCalls } = node.stats();
  figure(
    `${manyBlocks} blocks at three plans: ${seconds.toFixed(2)} s, optimum ` +
      `${best.toFixed(2)} s, ${refusedCalls} refused`,
  );
  assert.equal(refusedCalls, 0);
  assert(seconds <= slack * best, `${seconds} s, best ${best} s`);
  const dear = keys["infura"]?.byMethod["eth_getBlockReceipts"] ?? 0;
  assert(dear < manyBlocks / 5, `${dear} receipts where they are dear`);
});
