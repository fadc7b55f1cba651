import assert from "node:assert/strict";
import {
  blockFlaw,
  matchReceipts,
} from "../../../../connectors/evm/chain/consistency.ts";
import { MalformedError } from "../../../../connectors/evm/hex.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { hasSharedData, recordedBlocks } from "../mainnet_blocks.ts";

const chain = new SimulatedChain({ seed: 3 }).extend(20);

/** A block with several logs, and its receipts, to be spoilt. */
function fresh() {
  const each = [...chain.blocks()].find(({ receipts }) =>
    receipts.length > 2 && receipts.every(({ logs }) => logs.length > 0)
  )!;
  const { block, receipts } = structuredClone(each);
  return {
    block: { ...block },
    receipts: [...receipts],
    number: Number(block.number),
  };
}

const other = `0x${"ee".repeat(32)}` as const;

Deno.test({
  name: "matchReceipts() accepts every recorded block",
  ignore: !hasSharedData(),
  fn() {
    for (const { block, receipts } of recordedBlocks()) {
      assert.equal(blockFlaw(block, Number(block.number)), undefined);
      if (receipts === null) continue;
      assert.deepEqual(matchReceipts(block, receipts), receipts);
      const reversed = receipts.toReversed();
      assert.deepEqual(matchReceipts(block, reversed), receipts);
    }
  },
});

for (
  const [name, spoil, message] of [
    ["another number", ({ block }) => {
      block.number = "0x99";
    }, /asked for block \d+, answered 153/],
    ["no hash", ({ block }) => {
      (block as { hash: unknown }).hash = null;
    }, /no hash/],
    ["no parent", ({ block }) => {
      (block as { parentHash: unknown }).parentHash = null;
    }, /no parent/],
    ["no transactions", ({ block }) => {
      (block as { transactions: unknown }).transactions = null;
    }, /no transactions/],
    ["a transaction of another block", ({ block }) => {
      block.transactions[1]!.blockHash = other;
    }, /of another block/],
    ["transactions in disorder", ({ block }) => {
      block.transactions.reverse();
    }, /says that it is another/],
  ] satisfies readonly (readonly [
    string,
    (unit: ReturnType<typeof fresh>) => void,
    RegExp,
  ])[]
) {
  Deno.test(`blockFlaw() sees ${name}`, () => {
    const unit = fresh();
    spoil(unit);
    assert.match(blockFlaw(unit.block, unit.number)!, message);
  });
}

Deno.test("blockFlaw() takes hashes in place of transactions", () => {
  const { block, number } = fresh();
  const transactions = block.transactions.map(({ hash }) => hash);
  assert.equal(blockFlaw({ ...block, transactions }, number), undefined);
});

Deno.test("blockFlaw() throws what is no block", () => {
  for (const value of [[], "0x", 1, { number: 5 }, { number: "latest" }]) {
    assert.throws(() => blockFlaw(value, 5), MalformedError);
  }
});

for (
  const [name, spoil, message] of [
    ["a receipt too few", ({ receipts }) => receipts.pop(), /transactions, \d/],
    ["a receipt twice", ({ receipts }) => receipts.push(receipts[0]!), /recei/],
    ["a receipt in place of another", ({ receipts }) => {
      receipts[0] = receipts[1]!;
    }, /belongs to no transaction/],
    ["a receipt of another block", ({ receipts }) => {
      receipts[1]!.blockHash = other;
    }, /receipt is of another block/],
    ["a wrong index", ({ receipts }) => {
      receipts[1]!.transactionIndex = "0x0";
    }, /says that it is another/],
    ["a log of another transaction", ({ receipts }) => {
      receipts[1]!.logs[0]!.transactionHash = other;
    }, /log is of another/],
    ["a log of another block", ({ receipts }) => {
      receipts[1]!.logs[0]!.blockHash = other;
    }, /log is of another/],
    ["a log that was removed", ({ receipts }) => {
      receipts[1]!.logs[0]!.removed = true;
    }, /removed/],
    ["a log twice", ({ receipts }) => {
      receipts[1]!.logs.push(receipts[1]!.logs[0]!);
    }, /same index/],
    ["no logs at all", ({ receipts }) => {
      for (const receipt of receipts) receipt.logs = [];
    }, /bloom/],
    ["no list of logs", ({ receipts }) => {
      (receipts[1] as { logs: unknown }).logs = null;
    }, /no logs/],
  ] satisfies readonly (readonly [
    string,
    (unit: ReturnType<typeof fresh>) => void,
    RegExp,
  ])[]
) {
  Deno.test(`matchReceipts() sees ${name}`, () => {
    const unit = fresh();
    spoil(unit);
    const result = matchReceipts(unit.block, unit.receipts);
    assert.equal(typeof result, "string");
    assert.match(result as string, message);
  });
}

Deno.test("matchReceipts() takes what is no list for wrong", () => {
  const { block } = fresh();
  for (const value of [null, {}, "0x"]) {
    assert.match(matchReceipts(block, value) as string, /not a list/);
  }
  assert.throws(
    () => matchReceipts(block, block.transactions.map(() => 1)),
    MalformedError,
  );
});
