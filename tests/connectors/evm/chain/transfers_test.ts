import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  decodeEventLog,
  encodeAbiParameters,
  encodeEventTopics,
  type Hex,
  parseAbi,
} from "viem";
import type { Row } from "../../../../runtime/component.ts";
import { RowBuilder } from "../../../../connectors/evm/chain/rows.ts";
import { tokenTransfers } from "../../../../connectors/evm/chain/transfers.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { hasSharedData, recordedBlocks } from "../mainnet_blocks.ts";

const ignore = !hasSharedData();

const erc20 = parseAbi([
  "event Transfer(address indexed from, address indexed to, uint256 value)",
]);
const erc721 = parseAbi([
  "event Transfer(address indexed from, address indexed to, uint256 indexed id)",
]);
const erc1155 = parseAbi([
  "event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)",
  "event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values)",
]);

interface Moved {
  readonly standard: string;
  readonly operator: string | null;
  readonly from: string;
  readonly to: string;
  readonly id: bigint | null;
  readonly value: bigint;
}

/** What viem finds in a log. */
function oracle(topics: readonly string[], data: string): readonly Moved[] {
  const log = { topics: topics as [Hex, ...Hex[]], data: data as Hex };
  // ERC-20 and ERC-721 share an event; what is indexed tells them apart.
  const plain = topics.length === 3 ? erc20 : erc721;
  for (const abi of [plain, erc1155]) {
    if (topics.length !== (abi === erc20 ? 3 : 4)) continue;
    try {
      const { args, eventName } = decodeEventLog({ abi, ...log, strict: true });
      const got = args as unknown as Record<string, unknown>;
      const { from, operator = null, to } = got as Record<string, string>;
      const both = {
        from: from!.toLowerCase(),
        to: to!.toLowerCase(),
        operator: operator?.toLowerCase() ?? null,
      };
      if (abi === erc20) {
        const value = got["value"] as bigint;
        return [{ ...both, standard: "erc20", id: null, value }];
      }
      if (abi === erc721) {
        const id = got["id"] as bigint;
        return [{ ...both, standard: "erc721", id, value: 1n }];
      }
      const standard = "erc1155";
      if (eventName === "TransferSingle") {
        const { id, value } = got as { id: bigint; value: bigint };
        return [{ ...both, standard, id, value }];
      }
      const { ids, values } = got as { ids: bigint[]; values: bigint[] };
      if (ids.length !== values.length) return [];
      return ids.map((id, i) => ({ ...both, standard, id, value: values[i]! }));
    } catch {
      continue; // Another event.
    }
  }
  return [];
}

function moved(row: Row): Moved {
  return {
    standard: row["token_standard"] as string,
    operator: row["operator_address"] as string | null,
    from: row["from_address"] as string,
    to: row["to_address"] as string,
    id: row["token_id"] as bigint | null,
    value: row["value"] as bigint,
  };
}

function logRow(topics: readonly string[], data: string): Row {
  return {
    log_index: 7,
    transaction_hash: `0x${"11".repeat(32)}`,
    transaction_index: 3,
    address: `0x${"22".repeat(20)}`,
    data,
    topics,
    block_timestamp: 1000,
    block_number: 5,
    block_hash: `0x${"33".repeat(32)}`,
    extra: null,
  };
}

Deno.test({
  name: "tokenTransfers() finds in recorded blocks what viem finds",
  ignore,
  fn() {
    const builder = new RowBuilder(
      ["logs", "token_transfers"],
      openContext().log,
    );
    const found: Record<string, number> = {};
    for (const { block, receipts } of recordedBlocks()) {
      if (receipts === null) continue;
      const rows = builder.build({ block, receipts });
      const expected = rows.logs!.flatMap((log) =>
        oracle(log["topics"] as string[], log["data"] as string)
          .map((one, index) => ({ ...one, log, index }))
      );
      assert.deepEqual(
        rows.token_transfers!.map(moved),
        expected.map(({ index: _index, log: _log, ...one }) => one),
      );
      rows.token_transfers!.forEach((row, at) => {
        const { index, log, standard } = expected[at]!;
        assert.equal(row["batch_index"], index);
        assert.equal(row["token_address"], log["address"]);
        for (
          const same of [
            "log_index",
            "transaction_hash",
            "transaction_index",
            "block_timestamp",
            "block_number",
            "block_hash",
          ]
        ) assert.equal(row[same], log[same]);
        found[standard] = (found[standard] ?? 0) + 1;
      });
    }
    assert.ok(found["erc20"]! > 5000, JSON.stringify(found));
    assert.ok(found["erc721"]! > 100, JSON.stringify(found));
    assert.ok(found["erc1155"]! > 5, JSON.stringify(found));
  },
});

const address = fc.uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${bytes.toHex()}` as Hex);
const uint = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });

Deno.test("tokenTransfers() reads a batch of any size in its order", () => {
  fc.assert(fc.property(
    fc.tuple(address, address, address),
    fc.array(fc.tuple(uint, uint), { maxLength: 20 }),
    ([operator, from, to], pairs) => {
      const topics = encodeEventTopics({
        abi: erc1155,
        eventName: "TransferBatch",
        args: { operator, from, to },
      }) as string[];
      const ids = pairs.map(([id]) => id);
      const values = pairs.map(([, value]) => value);
      const data = encodeAbiParameters(
        [{ type: "uint256[]" }, { type: "uint256[]" }],
        [ids, values],
      );
      const rows = tokenTransfers([logRow(topics, data)]);
      assert.deepEqual(rows.map(moved), oracle(topics, data));
      assert.deepEqual(rows.map((row) => row["batch_index"]), [...ids.keys()]);
    },
  ));
});

Deno.test("tokenTransfers() survives any topics and data", () => {
  const events = [erc20, erc1155].flatMap((abi) =>
    abi.flatMap(({ name }) =>
      encodeEventTopics({
        abi: abi as typeof erc1155,
        eventName: name as never,
      })
    )
  ) as string[];
  const word = fc.oneof(
    fc.constantFrom(0n, 1n, 2n, 32n, 64n, 96n, 128n, 2n ** 255n),
    uint,
  ).map((one) => one.toString(16).padStart(64, "0"));
  fc.assert(fc.property(
    fc.constantFrom(...events),
    fc.array(word.map((one) => `0x${one}`), { maxLength: 3 }),
    fc.array(word, { maxLength: 8 }),
    fc.constantFrom("", "00", "ab".repeat(31)),
    (event, rest, words, tail) => {
      const topics = [event, ...rest];
      const data = `0x${words.join("")}${tail}`;
      const rows = tokenTransfers([logRow(topics, data)]);
      // viem is stricter about how an array is laid out; what it reads is read.
      const expected = oracle(topics, data);
      if (expected.length > 0) assert.deepEqual(rows.map(moved), expected);
      for (const row of rows) {
        for (const name of ["from_address", "to_address"]) {
          assert.match(String(row[name]), /^0x[0-9a-f]{40}$/);
        }
      }
    },
  ));
});

Deno.test("tokenTransfers() leaves alone what only looks like a transfer", () => {
  const [transfer] = encodeEventTopics({ abi: erc20, eventName: "Transfer" });
  const who = `0x${"0".repeat(24)}${"ab".repeat(20)}`;
  const one = "1".padStart(64, "0");
  const logs = [
    logRow([], "0x"),
    logRow([transfer as string], `0x${one}${one}${one}`), // nothing indexed
    logRow([transfer as string, who, who], "0x"), // no amount
    logRow([transfer as string, who, who], `0x${one.slice(2)}`), // cut off
  ];
  assert.deepEqual(tokenTransfers(logs), []);
});
