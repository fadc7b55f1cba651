import assert from "node:assert/strict";
import {
  methodMissing,
  tooLarge,
} from "../../../fixtures/simulated/dialect.ts";
import type { FaultRule } from "../../../fixtures/simulated/fault.ts";
import {
  assertRows,
  BLOCK,
  hashes,
  ids,
  open,
  read,
  RECEIPTS,
  start,
} from "./source_reading.ts";

const faults: Readonly<Record<string, FaultRule>> = {
  "null receipts": { fault: { kind: "null" }, method: RECEIPTS, times: 3 },
  "a null block": { fault: { kind: "null" }, method: BLOCK, skip: 4, times: 2 },
  "another block": { fault: { kind: "wrong_block" }, skip: 4, times: 4 },
  "another block's receipts": {
    fault: { kind: "wrong_block" },
    method: RECEIPTS,
    times: 3,
  },
  "receipts of another fork": {
    fault: { kind: "wrong_block_hash" },
    method: RECEIPTS,
    times: 3,
  },
  "a receipt too few": {
    fault: { kind: "missing_item" },
    method: RECEIPTS,
    times: 3,
  },
  "a receipt twice": {
    fault: { kind: "duplicate_item" },
    method: RECEIPTS,
    times: 3,
  },
  "no receipts at all": {
    fault: { kind: "empty" },
    method: RECEIPTS,
    times: 3,
  },
  "half an answer": { fault: { kind: "truncate" }, skip: 4, times: 3 },
  "a closed connection": { fault: { kind: "hang_up" }, skip: 4, times: 3 },
};
for (const [name, rule] of Object.entries(faults)) {
  Deno.test(`evm.chain survives ${name}`, async () => {
    await using node = await start(24);
    const source = await open(node);
    const fault = node.fail(rule);
    const reading = await read(source, { from: 3, to: 20 });
    assert.ok(fault.hits > 0, "the fault befell a call");
    assert.deepEqual(ids(reading), hashes(node.chain, 3, 20));
    assertRows(reading.units, node.chain.blocks(3, 20));
  });
}

for (
  const [name, rule] of [
    ["too large", { fault: tooLarge(), block: 7 }],
    ["null for good", { fault: { kind: "null" }, block: 7 }],
    ["an error for good", {
      fault: { kind: "error", code: -32000, message: "strange" },
      block: 7,
    }],
    ["not offered", { fault: methodMissing(RECEIPTS) }],
  ] satisfies (readonly [string, FaultRule])[]
) {
  Deno.test(`evm.chain asks for receipts one by one where the list is ${name}`, async () => {
    await using node = await start(12);
    const source = await open(node);
    node.fail({ ...rule, method: RECEIPTS });
    const reading = await read(source, { from: 5, to: 10 });
    assertRows(reading.units, node.chain.blocks(5, 10));

    const { byMethod } = node.stats();
    const blocks = "block" in rule ? 1 : 6;
    const expected = [...node.chain.blocks(5, 10)]
      .filter(({ block }) => blocks === 6 || Number(block.number) === 7)
      .reduce((sum, { block }) => sum + block.transactions.length, 0);
    assert.equal(byMethod["eth_getTransactionReceipt"], expected);
    if (blocks === 6) assert.ok(byMethod[RECEIPTS]! <= 6);
  });
}

Deno.test("evm.chain pairs block and receipts where batches are allowed", async () => {
  await using node = await start(40);
  const source = await open(node, { connection: { batch: 2 } });
  node.reset();
  const reading = await read(source, { from: 1, to: 30 });
  assertRows(reading.units, node.chain.blocks(1, 30));
  const { calls, posts } = node.stats();
  assert.equal(calls, 63);
  // The head, safe and finalized, and the end before it.
  assert.equal(posts, 34);
});

Deno.test("evm.chain survives a batch that is not whole", async () => {
  await using node = await start(40);
  const source = await open(node, { connection: { batch: 2 } });
  node.fail({ fault: { kind: "short_batch" }, times: 4 });
  node.fail({ fault: { kind: "shuffle" } });
  const reading = await read(source, { from: 1, to: 30 });
  assertRows(reading.units, node.chain.blocks(1, 30));
});
