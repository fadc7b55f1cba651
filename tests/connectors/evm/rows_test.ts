import assert from "node:assert/strict";
import type { Row, Value } from "../../../runtime/component.ts";
import { known } from "../../../connectors/evm/known.ts";
import { RowBuilder } from "../../../connectors/evm/rows.ts";
import {
  type PortName,
  portNames,
  schemas,
} from "../../../connectors/evm/schema.ts";
import { openContext } from "../../contracts/open_context.ts";
import {
  hasSharedData,
  type RawObject,
  type RecordedBlock,
  recordedBlocks,
} from "./mainnet_blocks.ts";

const { log } = openContext();
const ignore = !hasSharedData();

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

function build(
  unit: { block: RawObject; receipts: readonly RawObject[] | null },
) {
  const { block, receipts } = unit;
  return new RowBuilder(portNames, log).build({
    block,
    receipts: receipts ?? undefined,
  });
}

Deno.test({
  name: "RowBuilder keeps every field of every recorded block",
  ignore,
  fn() {
    let [blocks, transactions, receipts, logs, withdrawals] = [0, 0, 0, 0, 0];
    for (const unit of recordedBlocks()) {
      const rows = build(unit);
      const [row] = rows.blocks!;
      assert.ok(row);
      walk(unit.block, row, {
        ways: block,
        extra: "extra",
        skip: ["transactions", "withdrawals"],
      });
      blocks++;

      const raw = unit.block.transactions;
      assert.equal(rows.transactions!.length, raw.length);
      assert.equal(row["transaction_count"], raw.length);
      raw.forEach((one, index) => {
        const row = rows.transactions![index]!;
        walk(one, row, { ways: transaction, extra: "extra" });
        transactions++;
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
      assert.equal(rows.logs!.length, rawLogs.length);
      rawLogs.forEach((one, index) => {
        assert.notEqual(one["removed"], true, "a receipt's log is not removed");
        walk(one, rows.logs![index]!, {
          ways: logWays,
          extra: "extra",
          skip: ["removed"],
        });
        logs++;
      });

      const rawWithdrawals = unit.block.withdrawals ?? [];
      assert.equal(rows.withdrawals!.length, rawWithdrawals.length);
      assert.equal(
        row["withdrawal_count"],
        unit.block.withdrawals?.length ?? null,
      );
      rawWithdrawals.forEach((one, index) => {
        const row = rows.withdrawals![index]!;
        walk(one, row, { ways: withdrawal, extra: "extra" });
        assert.equal(row["block_hash"], unit.block.hash);
        withdrawals++;
      });
    }
    assert.deepEqual(
      { blocks, transactions, logs },
      { blocks: 51, transactions: 6273, logs: 20_708 },
    );
    assert.ok(receipts > 3000 && withdrawals > 100);
  },
});

Deno.test({
  name: "RowBuilder gives every port's rows its schema, in one order",
  ignore,
  fn() {
    const names = new Map<PortName, string>(
      portNames.map((port) => [
        port,
        schemas[port].map(({ name }) => name).join(),
      ]),
    );
    for (const unit of recordedBlocks()) {
      for (const [port, rows] of Object.entries(build(unit))) {
        for (const row of rows) {
          assert.equal(Object.keys(row).join(), names.get(port as PortName));
          for (const { name, nullable, type } of schemas[port as PortName]) {
            const value = row[name]!;
            if (value === null) assert.ok(nullable, `${port}.${name} is null`);
            else assert.ok(fits(value, type), `${port}.${name}: ${value}`);
          }
        }
      }
    }
  },
});

/** Whether a value is canonical for its column's type. */
function fits(value: Value, type: string): boolean {
  if (type.startsWith("list<")) {
    return (value as Value[]).every((one) => fits(one, type.slice(5, -1)));
  }
  const hex = (digits: string) => new RegExp(`^0x[0-9a-f]${digits}$`);
  switch (type) {
    case "uint8":
      return Number.isInteger(value) && Number(value) < 256;
    case "uint32":
    case "uint64":
    case "timestamp":
      return Number.isSafeInteger(value) && Number(value) >= 0;
    case "uint256":
      return typeof value === "bigint" && value >= 0n;
    case "hash":
      return hex("{64}").test(String(value));
    case "address":
      return hex("{40}").test(String(value));
    case "bytes":
      return hex("*").test(String(value));
    case "json":
      return typeof value === "object";
    default:
      return typeof value === "string";
  }
}

Deno.test("RowBuilder knows no field that the mapping test does not follow", () => {
  const covered = {
    block: [...Object.keys(block), "transactions", "withdrawals"],
    transaction: Object.keys(transaction),
    receipt: [...Object.keys(receipt), "logs"],
    log: [...Object.keys(logWays), "removed"],
    withdrawal: Object.keys(withdrawal),
  };
  for (const [kind, fields] of Object.entries(known)) {
    assert.deepEqual(
      fields.toSorted(),
      covered[kind as keyof typeof covered].toSorted(),
      kind,
    );
  }
});

Deno.test("RowBuilder reports an unknown field once and keeps it", () => {
  const lines: unknown[] = [];
  const loud = {
    ...log,
    info: (_: string, fields?: object) => lines.push(fields),
  };
  const builder = new RowBuilder(["blocks", "transactions", "logs"], loud);
  for (let i = 0; i < 3; i++) {
    const { blocks, logs, transactions } = builder.build(small({
      block: { l1BlockNumber: "0x7" },
      transaction: { mint: null, sourceHash: "0xab" },
      receipt: { l1Fee: "0x10" },
      log: { transactionLogIndex: "0x0" },
    }));
    assert.deepEqual(blocks![0]!["extra"], { l1BlockNumber: "0x7" });
    assert.deepEqual(transactions![0]!["extra"], {
      mint: null,
      sourceHash: "0xab",
    });
    assert.deepEqual(transactions![0]!["receipt_extra"], { l1Fee: "0x10" });
    assert.deepEqual(logs![0]!["extra"], { transactionLogIndex: "0x0" });
  }
  assert.deepEqual(lines, [
    { kind: "block", field: "l1BlockNumber", kept_in: "extra" },
    { kind: "transaction", field: "mint", kept_in: "extra" },
    { kind: "transaction", field: "sourceHash", kept_in: "extra" },
    { kind: "receipt", field: "l1Fee", kept_in: "receipt_extra" },
    { kind: "log", field: "transactionLogIndex", kept_in: "extra" },
  ]);
});

Deno.test("RowBuilder keeps what repeats another field and differs", () => {
  const [row] = build(small({
    transaction: { blockTimestamp: "0x2" },
    receipt: {
      to: null,
      type: "0x7e",
      contractAddress: `0x${"EE".repeat(20)}`,
    },
  })).transactions!;
  assert.deepEqual(row!["extra"], { blockTimestamp: "0x2" });
  assert.deepEqual(row!["receipt_extra"], { type: "0x7e" });
  assert.equal(row!["receipt_contract_address"], `0x${"ee".repeat(20)}`);
});

Deno.test("RowBuilder tells an unknown list of withdrawals from none", () => {
  const root = `0x${"1".repeat(64)}`;
  const of = (withdrawals: unknown) => {
    const rows = build(
      small({ block: { withdrawals, withdrawalsRoot: root } }),
    );
    return [rows.blocks![0]!["withdrawal_count"], rows.withdrawals!.length];
  };
  assert.deepEqual(of(undefined), [null, 0]);
  assert.deepEqual(of(null), [null, 0]);
  assert.deepEqual(of([]), [0, 0]);
});

Deno.test("RowBuilder rounds nothing and overflows nowhere", () => {
  const most = `0x${"f".repeat(64)}`;
  const { blocks, transactions } = build(small({
    block: { difficulty: most, gasLimit: "0xffffffffffffffff" },
    transaction: { value: most, gasPrice: most, nonce: "0x20000000000001" },
  }));
  assert.equal(blocks![0]!["difficulty"], 2n ** 256n - 1n);
  assert.equal(blocks![0]!["gas_limit"], 2n ** 64n - 1n);
  assert.equal(transactions![0]!["value"], 2n ** 256n - 1n);
  assert.equal(transactions![0]!["gas_price"], 2n ** 256n - 1n);
  assert.equal(transactions![0]!["nonce"], 2n ** 53n + 1n);
});

for (
  const [name, change, message] of [
    ["a number that is none", { block: { gasUsed: "0xzz" } }, /"gasUsed"/],
    ["a quantity that is a number", { block: { gasUsed: 21000 } }, /"gasUsed"/],
    ["a hash that is cut off", { transaction: { hash: "0xab" } }, /32 bytes/],
    [
      "text in an address",
      { transaction: { from: `0x${'"'.repeat(40)}` } },
      /hex/,
    ],
    ["half a byte", { transaction: { input: "0x123" } }, /whole bytes/],
    [
      "more than 64 bits",
      { block: { gasUsed: `0x1${"0".repeat(16)}` } },
      /64 bits/,
    ],
    [
      "more than 256 bits",
      { block: { difficulty: `0x1${"0".repeat(64)}` } },
      /256/,
    ],
  ] as const
) {
  Deno.test(`RowBuilder refuses ${name}`, () => {
    assert.throws(() => build(small(change)), message);
  });
}

/** A block with one transaction, one receipt and one log. */
function small(
  change: {
    block?: object;
    transaction?: object;
    receipt?: object;
    log?: object;
  },
): { block: RecordedBlock; receipts: RawObject[] } {
  const [zero, hash] = [`0x${"0".repeat(64)}`, `0x${"ab".repeat(32)}`];
  const address = `0x${"cd".repeat(20)}`;
  const place = { blockHash: hash, blockNumber: "0x1" };
  const inTransaction = {
    ...place,
    transactionHash: hash,
    transactionIndex: "0x0",
  };
  return {
    block: {
      number: "0x1",
      hash,
      parentHash: zero,
      sha3Uncles: zero,
      logsBloom: "0x",
      transactionsRoot: zero,
      stateRoot: zero,
      receiptsRoot: zero,
      miner: address,
      difficulty: "0x0",
      extraData: "0x",
      gasLimit: "0x1",
      gasUsed: "0x1",
      timestamp: "0x1",
      uncles: [],
      transactions: [{
        ...place,
        hash,
        nonce: "0x0",
        transactionIndex: "0x0",
        from: address,
        to: null,
        value: "0x0",
        gas: "0x1",
        input: "0x",
        ...change.transaction,
      }],
      ...change.block,
    },
    receipts: [{
      ...inTransaction,
      from: address,
      to: null,
      cumulativeGasUsed: "0x1",
      gasUsed: "0x1",
      logs: [{
        ...inTransaction,
        address,
        data: "0x",
        topics: [],
        logIndex: "0x0",
        removed: false,
        ...change.log,
      }],
      ...change.receipt,
    }],
  };
}
