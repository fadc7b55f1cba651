/**
 * What rows cost: parsing a recorded block and building all of its rows,
 * against `JSON.parse` alone. `deno run -A tests/bench/rows_bench.ts`.
 *
 * @module
 */
import { RowBuilder } from "../../connectors/evm/chain/rows.ts";
import { portNames } from "../../connectors/evm/chain/schema.ts";
import { matchReceipts } from "../../connectors/evm/chain/consistency.ts";
import { blockFlaw } from "../../connectors/evm/chain/consistency.ts";
import { openContext } from "../contracts/open_context.ts";
import {
  hasSharedData,
  recordedBlocks,
} from "../connectors/evm/mainnet_blocks.ts";

// The best of many rounds: the machine does other things meanwhile.
const ROUNDS = 15;

interface Text {
  readonly block: string;
  readonly receipts: string;
}

function texts(): Text[] {
  const found: Text[] = [];
  for (const { block, receipts } of recordedBlocks()) {
    if (receipts === null || block.transactions.length < 50) continue;
    found.push({
      block: JSON.stringify(block),
      receipts: JSON.stringify(receipts),
    });
  }
  return found;
}

function best(all: readonly Text[], work: (text: Text) => void): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (const text of all) work(text);
    least = Math.min(least, (performance.now() - start) / all.length);
  }
  return least;
}

if (hasSharedData()) {
  const all = texts();
  const builder = new RowBuilder(portNames, openContext().log);
  const bytes = all.reduce(
    (sum, { block, receipts }) => sum + block.length + receipts.length,
    0,
  );
  const parse = best(all, ({ block, receipts }) => {
    JSON.parse(block);
    JSON.parse(receipts);
  });
  const checked = best(all, (text) => {
    const block = JSON.parse(text.block);
    blockFlaw(block, Number(block.number));
    matchReceipts(block, JSON.parse(text.receipts));
  });
  const rows = best(all, (text) => {
    const block = JSON.parse(text.block);
    blockFlaw(block, Number(block.number));
    const receipts = matchReceipts(block, JSON.parse(text.receipts));
    if (typeof receipts !== "string") builder.build({ block, receipts });
  });
  const ms = (value: number) => `${value.toFixed(2)} ms a block`;
  const table = [
    `${all.length} blocks of ${(bytes / all.length / 1024).toFixed(0)} KiB`,
    `JSON.parse alone          ${ms(parse)}`,
    `+ consistency checks      ${ms(checked)}`,
    `+ rows of every port      ${ms(rows)} (${(rows / parse).toFixed(2)} x)`,
  ];
  // deno-lint-ignore no-console -- the result of the benchmark
  console.log(table.join("\n"));
}
