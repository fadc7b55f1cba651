/**
 * Every field of what a node returned, and where in the rows it is.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Row, Value } from "../../../runtime/component.ts";
import type { RawObject, RecordedUnit } from "./mainnet_blocks.ts";

/** A column and the way back from its value to what the node wrote. */
type Way = readonly [column: string, back: (value: Value) => unknown];

const as = (value: Value) => value;
const quantity = (value: Value) =>
  value === null ? null : `0x${BigInt(value as bigint).toString(16)}`;
const seconds = (value: Value) => quantity(Number(value) / 1000);
const word = (value: Value) => quantity(BigInt(value as string));

const block: Record<string, Way> = {
  number: ["number", quantity],
  hash: ["hash", as],
  parentHash: ["parent_hash", as],
  nonce: ["nonce", as],
  sha3Uncles: ["sha3_uncles", as],
  logsBloom: ["logs_bloom", as],
  transactionsRoot: ["transactions_root", as],
  stateRoot: ["state_root", as],
  receiptsRoot: ["receipts_root", as],
  miner: ["miner", as],
  difficulty: ["difficulty", quantity],
  totalDifficulty: ["total_difficulty", quantity],
  size: ["size", quantity],
  extraData: ["extra_data", as],
  gasLimit: ["gas_limit", quantity],
  gasUsed: ["gas_used", quantity],
  timestamp: ["timestamp", seconds],
  baseFeePerGas: ["base_fee_per_gas", quantity],
  withdrawalsRoot: ["withdrawals_root", as],
  blobGasUsed: ["blob_gas_used", quantity],
  excessBlobGas: ["excess_blob_gas", quantity],
  parentBeaconBlockRoot: ["parent_beacon_block_root", as],
  requestsHash: ["requests_hash", as],
  mixHash: ["mix_hash", as],
  uncles: ["uncles", as],
};

const inBlock: Record<string, Way> = {
  blockHash: ["block_hash", as],
  blockNumber: ["block_number", quantity],
  blockTimestamp: ["block_timestamp", seconds],
};

const transaction: Record<string, Way> = {
  ...inBlock,
  hash: ["hash", as],
  nonce: ["nonce", quantity],
  transactionIndex: ["transaction_index", quantity],
  from: ["from_address", as],
  to: ["to_address", as],
  value: ["value", quantity],
  gas: ["gas", quantity],
  gasPrice: ["gas_price", quantity],
  input: ["input", as],
  maxFeePerGas: ["max_fee_per_gas", quantity],
  maxPriorityFeePerGas: ["max_priority_fee_per_gas", quantity],
  type: ["transaction_type", quantity],
  chainId: ["chain_id", quantity],
  v: ["v", quantity],
  r: ["r", word],
  s: ["s", word],
  yParity: ["y_parity", quantity],
  accessList: ["access_list", as],
  blobVersionedHashes: ["blob_versioned_hashes", as],
  maxFeePerBlobGas: ["max_fee_per_blob_gas", quantity],
  authorizationList: ["authorization_list", as],
};

const receipt: Record<string, Way> = {
  ...inBlock,
  transactionHash: ["hash", as],
  transactionIndex: ["transaction_index", quantity],
  from: ["from_address", as],
  to: ["to_address", as],
  type: ["transaction_type", quantity],
  cumulativeGasUsed: ["receipt_cumulative_gas_used", quantity],
  gasUsed: ["receipt_gas_used", quantity],
  contractAddress: ["receipt_contract_address", as],
  root: ["receipt_root", as],
  status: ["receipt_status", quantity],
  effectiveGasPrice: ["receipt_effective_gas_price", quantity],
  logsBloom: ["receipt_logs_bloom", as],
  blobGasUsed: ["receipt_blob_gas_used", quantity],
  blobGasPrice: ["receipt_blob_gas_price", quantity],
};

const logWays: Record<string, Way> = {
  ...inBlock,
  transactionHash: ["transaction_hash", as],
  transactionIndex: ["transaction_index", quantity],
  logIndex: ["log_index", quantity],
  address: ["address", as],
  data: ["data", as],
  topics: ["topics", as],
};

const withdrawal: Record<string, Way> = {
  index: ["index", quantity],
  validatorIndex: ["validator_index", quantity],
  address: ["address", as],
  amount: ["amount", quantity],
};

/** Follow each field of a raw object to a value that leads back to it. */
function walk(
  raw: RawObject,
  row: Row,
  { extra, skip = [], ways }: {
    ways: Record<string, Way>;
    extra: string;
    skip?: readonly string[];
  },
): void {
  for (const [field, value] of Object.entries(raw)) {
    if (skip.includes(field)) continue;
    const way = ways[field];
    if (way === undefined) {
      const kept = row[extra] as Row | null;
      assert.ok(kept && field in kept, `${field} is in no column`);
      assert.deepEqual(kept[field], value, `${field} in ${extra}`);
      continue;
    }
    const [column, back] = way;
    assert.ok(column in row, `${column} is in the row`);
    assert.deepEqual(back(row[column]!), value, `${field} as ${column}`);
  }
}

/** The fields that are followed, by kind of object. */
export const followed = {
  block: [...Object.keys(block), "transactions", "withdrawals"],
  transaction: Object.keys(transaction),
  receipt: [...Object.keys(receipt), "logs"],
  log: [...Object.keys(logWays), "removed"],
  withdrawal: Object.keys(withdrawal),
};

/** Rows of one block by port, each port in the order of the block. */
export interface BlockRows {
  readonly blocks: readonly Row[];
  readonly transactions: readonly Row[];
  readonly logs: readonly Row[];
  readonly withdrawals: readonly Row[];
}

/** How many objects were followed. */
export type Followed = Record<
  "blocks" | "transactions" | "receipts" | "logs" | "withdrawals",
  number
>;

/**
 * Follow each field of a block, its transactions, receipts, logs and
 * withdrawals into the rows and back to the node's own value.
 */
export function follow(
  unit: Pick<RecordedUnit, "block" | "receipts">,
  rows: BlockRows,
): Followed {
  const [row] = rows.blocks;
  assert.ok(row);
  assert.equal(rows.blocks.length, 1);
  walk(unit.block, row, {
    ways: block,
    extra: "extra",
    skip: ["transactions", "withdrawals"],
  });
  const raw = unit.block.transactions;
  assert.equal(rows.transactions.length, raw.length);
  assert.equal(Number(row["transaction_count"]), raw.length);
  let receipts = 0;
  raw.forEach((one, index) => {
    const row = rows.transactions[index]!;
    walk(one, row, { ways: transaction, extra: "extra" });
    const receiptRaw = unit.receipts?.[index];
    if (receiptRaw === undefined) return;
    walk(receiptRaw, row, {
      ways: receipt,
      extra: "receipt_extra",
      skip: ["logs"],
    });
    receipts++;
  });

  const rawLogs = (unit.receipts ?? []).flatMap(({ logs }) => logs);
  assert.equal(rows.logs.length, rawLogs.length);
  rawLogs.forEach((one, index) => {
    assert.notEqual(one["removed"], true, "a receipt's log is not removed");
    walk(one, rows.logs[index]!, {
      ways: logWays,
      extra: "extra",
      skip: ["removed"],
    });
  });

  const rawWithdrawals = unit.block.withdrawals ?? [];
  assert.equal(rows.withdrawals.length, rawWithdrawals.length);
  assert.equal(
    row["withdrawal_count"] === null ? null : Number(row["withdrawal_count"]),
    unit.block.withdrawals?.length ?? null,
  );
  rawWithdrawals.forEach((one, index) => {
    const row = rows.withdrawals[index]!;
    walk(one, row, { ways: withdrawal, extra: "extra" });
    assert.equal(row["block_hash"], unit.block.hash);
  });
  return {
    blocks: 1,
    transactions: raw.length,
    receipts,
    logs: rawLogs.length,
    withdrawals: rawWithdrawals.length,
  };
}
