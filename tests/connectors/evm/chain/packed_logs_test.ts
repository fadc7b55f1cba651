import assert from "node:assert/strict";
import * as fc from "fast-check";
import { rangeFlaw } from "../../../../connectors/evm/chain/consistency.ts";
import {
  PackedLogs,
  readLogs,
} from "../../../../connectors/evm/chain/packed_logs.ts";
import { RowBuilder } from "../../../../connectors/evm/chain/rows.ts";
import type { PortName } from "../../../../connectors/evm/chain/schema.ts";
import { transferTopics } from "../../../../connectors/evm/chain/transfers.ts";
import { openContext } from "../../../contracts/open_context.ts";

type Log = Readonly<Record<string, unknown>>;

const utf8 = new TextEncoder();

/** Fields in the order of Geth, of Erigon, of a node without times. */
const orders = [
  [
    ...["address", "topics", "data", "blockNumber", "transactionHash"],
    ...["transactionIndex", "blockHash", "blockTimestamp", "logIndex"],
    "removed",
  ],
  [
    ...["removed", "logIndex", "transactionIndex", "transactionHash"],
    ...["blockHash", "blockNumber", "address", "data", "topics"],
  ],
  [
    ...["address", "topics", "data", "blockHash", "blockNumber"],
    ...["blockTimestamp", "transactionHash", "transactionIndex", "logIndex"],
  ],
];

function hex(digits: number): fc.Arbitrary<string> {
  return fc.string({
    unit: fc.constantFrom(..."0123456789abcdef"),
    minLength: digits,
    maxLength: digits,
  }).map((text) => `0x${text}`);
}

const hashes = hex(64);

const logs = fc.record({
  address: fc.oneof(fc.constant(`0x${"a".repeat(40)}`), hex(40)),
  topics: fc.oneof(
    fc.array(hashes, { maxLength: 4 }),
    fc.tuple(
      fc.constantFrom(...transferTopics),
      fc.array(hashes, { minLength: 2, maxLength: 3 }),
    ).map(([event, others]) => [event, ...others]),
  ),
  data: fc.oneof(
    fc.nat({ max: 70 }).chain((bytes) => hex(bytes * 2)),
    // Words of numbers of any size, as those of arrays.
    fc.array(
      fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 53n }),
        fc.constantFrom(0n, 1n, 32n, 64n, 128n),
      ),
      { maxLength: 8 },
    ).map((words) =>
      `0x${words.map((one) => one.toString(16).padStart(64, "0")).join("")}`
    ),
  ),
  transactionHash: hashes,
  transactionIndex: fc.nat({ max: 300 }),
  gap: fc.nat({ max: 5 }),
});

/** Logs of some blocks, in order, as a node lists them. */
const answers = fc.record({
  order: fc.constantFrom(...orders),
  blocks: fc.array(
    fc.record({
      gap: fc.integer({ min: 1, max: 40 }),
      hash: hashes,
      logs: fc.array(logs, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
}).map(({ blocks, order }): Log[] => {
  let number = 0;
  return blocks.flatMap(({ gap, hash, logs }) => {
    number += gap;
    let index = -1;
    return logs.map(({ gap, transactionIndex, ...log }) => {
      index += gap + 1;
      const all: Log = {
        ...log,
        transactionIndex: `0x${transactionIndex.toString(16)}`,
        blockHash: hash,
        blockNumber: `0x${number.toString(16)}`,
        blockTimestamp: `0x${(1_700_000_000 + number).toString(16)}`,
        logIndex: `0x${index.toString(16)}`,
        removed: false,
      };
      return Object.fromEntries(order.map((name) => [name, all[name]]));
    });
  });
});

function bodyOf(result: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 7, result });
}

function read(text: string): PackedLogs | undefined {
  const { id, result } = readLogs(utf8.encode(text)) ?? {};
  if (result === undefined) return undefined;
  assert.equal(id, 7);
  return result as PackedLogs;
}

const ports = ["logs", "token_transfers"] as const;

/** What the checks and rows of whole objects make of logs. */
function slowly(logs: readonly Log[]) {
  const builder = new RowBuilder(ports, openContext().log);
  const { blockTimestamp: timestamp = "0x1" } = logs[0] ?? {};
  const { blockHash: hash, blockNumber: number } = logs[0] ?? {};
  const block = { hash, number, timestamp };
  return builder.build({ block, logs, receipts: undefined });
}

Deno.test("readLogs() makes of an answer what whole objects make of it", () => {
  let decoded = 0;
  fc.assert(fc.property(answers, (logs) => {
    const packed = read(bodyOf(logs));
    assert.ok(packed instanceof PackedLogs, "it is read");
    assert.equal(packed.length, logs.length);
    assert.deepEqual(packed.raw(), logs);
    for (const block of packed.blocks) {
      const { first, number } = block;
      const own = logs.filter(({ blockNumber }) =>
        Number(blockNumber) === number
      );
      assert.equal(block.length, own.length);
      assert.deepEqual(first, own[0]);
      const { blockTimestamp: timestamp = "0x1" } = first;
      const { blockHash: hash, blockNumber } = first;
      const build = (...ports: PortName[]) =>
        new RowBuilder(ports, openContext().log).build({
          block: { hash, number: blockNumber, timestamp },
          logs: block,
          receipts: undefined,
        });
      const expected = slowly(own);
      assert.deepEqual(build(...ports), expected);
      // Alone, transfers are decoded from the bytes.
      const { token_transfers: transfers = [] } = expected;
      assert.deepEqual(build("token_transfers"), {
        token_transfers: transfers,
      });
      decoded += transfers.length;
    }
  }));
  assert.ok(decoded > 20, `${decoded} transfers`);
});

/** A way in which a text can be changed. */
const changes = fc.oneof(
  fc.record({ at: fc.nat(), put: fc.constant(""), drop: fc.constant(1) }),
  fc.record({
    at: fc.nat(),
    put: fc.constantFrom(..."01af"),
    drop: fc.constant(1),
  }),
  fc.record({
    at: fc.nat(),
    put: fc.string({
      unit: fc.constantFrom(...'0af9AFgx"{}[],:\\ -é\n'),
      minLength: 1,
      maxLength: 2,
    }),
    drop: fc.nat({ max: 2 }),
  }),
  fc.record({
    at: fc.nat(),
    put: fc.constantFrom("true", "null", '"0x1"', "{}", '"removed":true,'),
    drop: fc.nat({ max: 6 }),
  }),
);

Deno.test("readLogs() takes nothing that whole objects would not be taken for", () => {
  let taken = 0;
  fc.assert(
    fc.property(answers, changes, (logs, { at, drop, put }) => {
      const text = bodyOf(logs);
      const place = at % text.length;
      const changed = text.slice(0, place) + put + text.slice(place + drop);
      const envelope = readLogs(utf8.encode(changed));
      if (envelope === undefined) return;
      taken++;
      const packed = envelope.result as PackedLogs;
      const parsed = JSON.parse(changed);
      assert.deepEqual(packed.raw(), parsed.result);
      assert.deepEqual(envelope.id, parsed.id);
      const range = { from: 0, to: Number.MAX_SAFE_INTEGER };
      assert.equal(rangeFlaw(parsed.result, range), undefined);
      for (const block of packed.blocks) slowly(block.raw());
    }),
    { numRuns: 800 },
  );
  assert.ok(taken > 40, `${taken} were read all the same`);
});

/** Two logs of one block. */
function pair(...[first, second]: readonly [Log, Log]): string {
  const log = {
    address: `0x${"a".repeat(40)}`,
    topics: [`0x${"1".repeat(64)}`],
    data: "0x",
    blockHash: `0x${"b".repeat(64)}`,
    blockNumber: "0x5",
    transactionHash: `0x${"c".repeat(64)}`,
    transactionIndex: "0x0",
    blockTimestamp: "0x64",
    logIndex: "0x0",
    removed: false,
  };
  return bodyOf([{ ...log, ...first }, { ...log, logIndex: "0x1", ...second }]);
}

Deno.test("readLogs() leaves what is not the rule to the checks of objects", () => {
  assert.equal(read(pair({}, {}))?.length, 2);
  const odd: Readonly<Record<string, Log>> = {
    "of two blocks": { blockHash: `0x${"d".repeat(64)}` },
    "with two times": { blockTimestamp: "0x65" },
    "with the index of another": { logIndex: "0x0" },
    "of a block before": { blockNumber: "0x4" },
    "that was removed": { removed: true },
    "with capital digits": { address: `0x${"A".repeat(40)}` },
    "with half a byte": { data: "0x1" },
    "with a short hash": { transactionHash: "0x12" },
    "with no quantity": { transactionIndex: "0x" },
    "with a large quantity": { transactionIndex: `0x${"1".repeat(14)}` },
    "with a strange index": { logIndex: "0x1ffffffff" },
    "with a number": { logIndex: 1 },
    "with a field more": { fee: "0x1" },
  };
  for (const [what, log] of Object.entries(odd)) {
    assert.equal(read(pair({}, log)), undefined, what);
  }
  assert.equal(read(pair({ fee: "0x1" }, { fee: "0x1" })), undefined);
});

Deno.test("readLogs() leaves what is no list of logs to JSON", () => {
  for (
    const text of [
      bodyOf([]),
      bodyOf(null),
      bodyOf("0x1"),
      bodyOf([["0x1"]]),
      '{"jsonrpc":"2.0","id":7,"error":{"code":-32005,"message":"limit"}}',
      `[${pair({}, {})}]`,
      pair({}, {}).slice(0, -40),
      pair({}, {}).replace('"id":7', '"other":7'),
      pair({}, {}).replace(/\}$/, ',"result":[]}'),
      "",
      "<html>",
    ]
  ) assert.equal(read(text), undefined, text.slice(0, 60));
});
