/**
 * Ranges that end long ago on a chain that many people have: nothing is asked
 * besides their blocks.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { SourceUnit } from "../../../../runtime/component.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { openConnection, openSource, type Written } from "./open_chain.ts";

const BLOCK = "eth_getBlockByNumber";
const RECEIPTS = "eth_getBlockReceipts";
const DAY_MS = 86_400_000;

/** A chain of the main net's id, seen so many days behind its last block. */
async function readRange(
  { chainId = 1, days, source = {} }: {
    chainId?: number;
    days: number;
    source?: Written;
  },
  range: { from?: number; to: number },
) {
  const chain = new SimulatedChain({ seed: 1, chainId }).extend(60);
  await using node = await SimulatedNode.start(chain);
  const now = Number(chain.latest.block.timestamp) * 1000 + days * DAY_MS;
  const context = openContext({ name: "eth", clock: new FakeClock(now) });
  const client = await openConnection({ url: node.url }, context);
  await client.health({ lazy: true });
  const opened = await openSource(client, { context, written: source });
  const units: SourceUnit[] = [];
  let finalized: number | undefined;
  const reading = opened.read({
    after: undefined,
    from: range.from,
    to: range.to,
    signal: new AbortController().signal,
    onHead: (head) => finalized = head.finalized,
  });
  for await (const unit of reading) if (unit !== "fork") units.push(unit);
  const { byMethod } = node.stats();
  return { byMethod, chain, finalized, units };
}

Deno.test("evm.chain spends nothing but two calls a block on an old range", async () => {
  const { byMethod, chain, finalized, units } = await readRange(
    { days: 41 },
    { from: 5, to: 35 },
  );
  assert.deepEqual(byMethod, { [BLOCK]: 31, [RECEIPTS]: 31 });
  assert.deepEqual(
    units.map(({ final, id }) => ({ final, id })),
    [...chain.blocks(5, 35)].map(({ block }) => ({
      final: true,
      id: block.hash,
    })),
  );
  assert.equal(finalized, 35);
});

Deno.test("evm.chain finds an old range's first block by its time", async () => {
  const at = new SimulatedChain({ seed: 1 }).extend(60).canonical(33)!;
  const start = new Date(Number(at.block.timestamp) * 1000).toISOString();
  const { byMethod, units } = await readRange(
    { days: 41, source: { start } },
    { to: 40 },
  );
  assert.equal(units[0]?.number, 33);
  assert.equal(byMethod[RECEIPTS], 8);
  assert.equal(byMethod["eth_chainId"], undefined);
});

for (
  const [what, given] of Object.entries({
    "a month ago": { days: 30 },
    "on a chain that is somebody's own": { days: 400, chainId: 1337 },
    "behind the head": { days: 41, source: { start: "latest - 20" } },
  })
) {
  Deno.test(`evm.chain looks at the head for a range ${what}`, async () => {
    const { byMethod, units } = await readRange(given, { to: 60 });
    assert.equal(units.at(-1)?.number, 60);
    // Safe and finalized; the latest, or the last, comes with the others.
    const asked = (byMethod[BLOCK] ?? 0) - units.length;
    assert.equal(asked, what === "behind the head" ? 2 : 3);
  });
}

Deno.test("evm.chain looks at the head where the range's end is not there yet", async () => {
  const stop = new AbortController();
  const chain = new SimulatedChain({ seed: 1, chainId: 1 }).extend(20);
  await using node = await SimulatedNode.start(chain);
  const client = await openConnection({ url: node.url });
  await client.health({ lazy: true });
  const source = await openSource(client);
  let last = -1;
  const reading = source.read({
    after: undefined,
    from: 10,
    to: 30,
    signal: stop.signal,
    onHead() {},
  });
  for await (const unit of reading) {
    if (unit !== "fork") last = unit.number;
    if (last === 20) stop.abort();
  }
  assert.equal(last, 20);
  assert.equal(node.stats().byMethod[RECEIPTS], 11);
});
