import assert from "node:assert/strict";
import type { Value } from "../../../../runtime/component.ts";
import { known } from "../../../../connectors/evm/chain/known.ts";
import { RowBuilder } from "../../../../connectors/evm/chain/rows.ts";
import {
  type PortName,
  portNames,
  schemas,
} from "../../../../connectors/evm/chain/schema.ts";
import { openContext } from "../../../contracts/open_context.ts";
import {
  hasSharedData,
  type RawObject,
  type RecordedBlock,
  recordedBlocks,
} from "../mainnet_blocks.ts";
import { follow, type Followed, followed } from "../raw_fields.ts";

const { log } = openContext();
const ignore = !hasSharedData();

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
    const total: Followed = {
      blocks: 0,
      transactions: 0,
      receipts: 0,
      logs: 0,
      withdrawals: 0,
    };
    for (const unit of recordedBlocks()) {
      const { blocks = [], logs = [], transactions = [], withdrawals = [] } =
        build(unit);
      const found = follow(unit, { blocks, transactions, logs, withdrawals });
      for (const [kind, count] of Object.entries(found)) {
        total[kind as keyof Followed] += count;
      }
    }
    const { receipts, withdrawals, ...counted } = total;
    assert.deepEqual(
      counted,
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
  for (const [kind, fields] of Object.entries(known)) {
    assert.deepEqual(
      fields.toSorted(),
      followed[kind as keyof typeof followed].toSorted(),
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
