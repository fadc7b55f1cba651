/**
 * What one run finds out about an endpoint the next one knows: it makes no
 * call that is refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { methodMissing } from "../fixtures/simulated/dialect.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { LivePipeline } from "./live_pipeline.ts";
import { quickClock } from "./quick_clock.ts";

const speed = 40;
const range = 50;
const blocks = 150;
const minute = 60_000;

/** Logs come by ranges, and receipts by the block as long as that works. */
function specOf(url: string, terms = ""): string {
  return [
    "name: learned",
    "connections:",
    `  eth: { type: evm, url: "${url}/secret-key-0123456789"${terms} }`,
    "sources:",
    "  events: { type: evm.chain, connection: eth, start: 1 }",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    "  logs: { type: memory, from: events.logs }",
    "  transactions: { type: memory, from: chain.transactions }",
  ].join("\n");
}

/** A node that takes ranges of some blocks, and knows no block receipts. */
async function limitedNode() {
  const chain = new SimulatedChain({ seed: 7, transactionsPerBlock: 2 });
  const node = await SimulatedNode.start(chain.extend(6 * blocks));
  const wide = node.fail({
    method: "eth_getLogs",
    when: ({ blocks }) =>
      blocks !== undefined && blocks[1] - blocks[0] >= range,
    fault: {
      kind: "error",
      code: -32614,
      message: `eth_getLogs is limited to a ${range} range`,
    },
  });
  const unknown = node.fail({
    method: "eth_getBlockReceipts",
    fault: methodMissing("eth_getBlockReceipts"),
  });
  let told = [0, 0];
  return {
    node,
    /** Refused calls since this was asked last: too wide, unknown. */
    refused() {
      const now = [wide.hits, unknown.hits];
      const more = now.map((count, index) => count - (told[index] ?? 0));
      told = now;
      return more;
    },
    [Symbol.asyncDispose]: () => node.close(),
  };
}

Deno.test("runPipeline() knows what earlier runs have found out, for an hour", async () => {
  await using bench = await limitedNode();
  const began = Date.now();
  await using pipeline = await LivePipeline.make(
    specOf(bench.node.url),
    quickClock(speed, began),
    { ledger: true },
  );
  const run = async (to: number, minutes: number) => {
    const clock = quickClock(speed, began + minutes * minute);
    await pipeline.start({ to, clock }).done;
    return bench.refused();
  };
  const [wide = 0, unknown = 0] = await run(blocks, 0);
  assert.ok(wide > 0 && unknown >= 2, `${wide}, ${unknown}`);
  assert.deepEqual(await run(2 * blocks, 30), [0, 0]);
  const again = await run(3 * blocks, 75);
  assert.ok(again.every((count) => count > 0), `${again}`);
  assert.deepEqual(await run(4 * blocks, 80), [0, 0]);
  const read = pipeline.table("transactions")
    .map(({ row }) => Number(row["block_number"]));
  assert.equal(Math.max(...read), 4 * blocks);
});
