/**
 * Following the head by what a node pushes: every block once, through a reorg,
 * a socket that breaks, and with a bill that is smaller than that of polls.
 *
 * @module
 */
import assert from "node:assert/strict";
import { PushingNode } from "../connectors/evm/chain/pushing_node.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { call } from "../fixtures/simulated/client.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { until } from "../fixtures/until.ts";
import { LivePipeline } from "./live_pipeline.ts";

/** A spec over a node that also pushes. */
function specOf(node: SimulatedNode, pushing: PushingNode): string {
  return `
name: pushed
connections:
  eth:
    type: evm
    url: "${node.url}/key"
    ws_url: "${pushing.url}/key"
    price: 80
    prices: { newHeads: 50 }
    quota: 3000000/day from 00:00 UTC
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks], start: latest - 3 }
sinks:
  blocks: { type: memory, from: chain.blocks }
`;
}

Deno.test("sluice follows the head by what a node pushes", async () => {
  const chain = new SimulatedChain({ seed: 4, transactionsPerBlock: 1 });
  chain.extend(80);
  await using node = await SimulatedNode.start(chain);
  await using pushing = new PushingNode();
  await using pipeline = await LivePipeline.make(specOf(node, pushing));
  const run = pipeline.start();

  /** Push the newest block, as a node does. */
  const push = async () => {
    const url = `${node.url}/elsewhere`;
    const params = [`0x${chain.head.toString(16)}`, false] as const;
    const { result } = await call(url, "eth_getBlockByNumber", ...params);
    pushing.push(result as Readonly<Record<string, unknown>>);
  };
  const stored = () => {
    const hashes = new Map(
      pipeline.table("blocks").map(({ row }) =>
        [Number(row["number"]), row["hash"]] as const
      ),
    );
    return chain.names(77).every(({ hash, number }) =>
      hashes.get(number) === hash
    );
  };
  const polls = () =>
    node.calls.filter(({ key, params }) =>
      key === "key" && params[0] === "latest"
    ).length;

  await until(() => pushing.open === 1, "it has subscribed");
  await until(stored, "the first blocks are stored");
  for (let i = 0; i < 5; i++) {
    chain.extend(1);
    await push();
    await until(stored, "the pushed block is stored");
  }
  chain.reorg(2, 3);
  await push();
  await until(stored, "the other fork is stored");

  pushing.sever();
  await until(() => pushing.open === 1, "it has subscribed again");
  const before = polls();
  chain.extend(1);
  await push();
  await until(stored, "the last block is stored");
  run.drain();
  await run.done;
  assert.ok(polls() - before <= 2, `${polls() - before} polls of one block`);
  const warnings = pipeline.log.filter((line) => /No heads/.test(line));
  assert.equal(warnings.length, 1, pipeline.log.join("\n"));
  assert.match(warnings[0]!, /"reason":"closed with code 4000"/);
});
