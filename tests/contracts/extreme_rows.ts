/**
 * A schema with every column type, and rows with the values that break
 * stores: the largest, the smallest, the empty, the odd.
 *
 * @module
 */
import type { Row, Schema } from "../../runtime/row.ts";

/** Every scalar type, null where it may be, and lists of the usual types. */
export const everyType: Schema = [
  { name: "block_number", type: "uint64", doc: "First half of the key" },
  { name: "log_index", type: "uint32", doc: "Second half of the key" },
  { name: "flag", type: "bool", doc: "Yes or no" },
  { name: "kind", type: "uint8", doc: "A small number" },
  { name: "nonce", type: "uint64", doc: "A large number" },
  { name: "offset", type: "int64", doc: "A signed number" },
  { name: "value", type: "uint256", doc: "An amount" },
  { name: "answer", type: "int256", doc: "A signed amount" },
  { name: "price", type: "float64", doc: "A fraction" },
  { name: "address", type: "address", doc: "An address" },
  { name: "hash", type: "hash", doc: "A hash" },
  { name: "data", type: "bytes", doc: "Bytes" },
  { name: "label", type: "string", doc: "Text" },
  { name: "time", type: "timestamp", doc: "A time" },
  { name: "args", type: "json", doc: "Anything" },
  { name: "maybe_flag", type: "bool", nullable: true, doc: "Or null" },
  { name: "maybe_nonce", type: "uint64", nullable: true, doc: "Or null" },
  { name: "maybe_value", type: "uint256", nullable: true, doc: "Or null" },
  { name: "maybe_price", type: "float64", nullable: true, doc: "Or null" },
  { name: "maybe_to", type: "address", nullable: true, doc: "Or null" },
  { name: "maybe_label", type: "string", nullable: true, doc: "Or null" },
  { name: "maybe_time", type: "timestamp", nullable: true, doc: "Or null" },
  { name: "topics", type: "list<hash>", doc: "Hashes" },
  { name: "amounts", type: "list<uint256>", doc: "Amounts" },
  { name: "labels", type: "list<string>", doc: "Texts" },
];

/** Largest values that a store can hold where that is less than ours. */
export interface Largest {
  /** 2^64 - 1 when absent. */
  readonly uint64?: bigint;
}

const zeroAddress = `0x${"0".repeat(40)}`;
const zeroHash = `0x${"0".repeat(64)}`;

/** The rows of one block, keyed by its number. */
export function extremeRows(block: number, { uint64 }: Largest = {}): Row[] {
  const largest = uint64 ?? 2n ** 64n - 1n;
  const rows = [plain, highest(largest), lowest, odd, beyondFloats];
  return rows.map((row, index) => ({
    ...plain,
    ...row,
    block_number: block,
    log_index: index,
  }));
}

const plain: Row = {
  block_number: 0,
  log_index: 0,
  flag: true,
  kind: 2,
  nonce: 42,
  offset: -7,
  value: 10n ** 18n,
  answer: -(10n ** 18n),
  price: 0.1,
  address: "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
  hash: `0x${"ab".repeat(32)}`,
  data: "0xa9059cbb",
  label: "transfer",
  time: Date.parse("2024-03-13T13:55:35.123Z"),
  args: { to: zeroAddress, amount: "1000000000000000000", path: ["1"] },
  maybe_flag: null,
  maybe_nonce: null,
  maybe_value: null,
  maybe_price: null,
  maybe_to: null,
  maybe_label: null,
  maybe_time: null,
  topics: [`0x${"01".repeat(32)}`, `0x${"02".repeat(32)}`],
  amounts: [1n, 2n ** 256n - 1n],
  labels: ["a", "b"],
};

const highest = (uint64: bigint): Row => ({
  kind: 255,
  nonce: uint64,
  offset: 2n ** 63n - 1n,
  value: 2n ** 256n - 1n,
  answer: 2n ** 255n - 1n,
  price: Number.MAX_VALUE,
  address: `0x${"f".repeat(40)}`,
  hash: `0x${"f".repeat(64)}`,
  data: `0x${"fe".repeat(10_000)}`,
  time: Date.parse("2299-12-31T23:59:59.999Z"),
  maybe_flag: true,
  maybe_nonce: uint64,
  maybe_value: 2n ** 256n - 1n,
  maybe_price: Number.MAX_VALUE,
  maybe_to: `0x${"f".repeat(40)}`,
  maybe_label: "x".repeat(10_000),
  maybe_time: Date.parse("2299-12-31T23:59:59.999Z"),
  amounts: Array.from({ length: 300 }, (_, i) => 2n ** 256n - 1n - BigInt(i)),
});

const lowest: Row = {
  flag: false,
  kind: 0,
  nonce: 0,
  offset: -(2n ** 63n),
  value: 0n,
  answer: -(2n ** 255n),
  price: -Number.MAX_VALUE,
  address: zeroAddress,
  hash: zeroHash,
  data: "0x",
  label: "",
  time: 0,
  args: {},
  maybe_flag: false,
  maybe_nonce: 0,
  maybe_value: 0n,
  maybe_price: 0,
  maybe_to: zeroAddress,
  maybe_label: "",
  maybe_time: 0,
  topics: [],
  amounts: [],
  labels: [],
};

const odd: Row = {
  price: Number.MIN_VALUE,
  label: `"quoted", 'single'\t\\N \\n\r\n{"a":1};--`,
  args: { "ключ": ["ünï", { deep: [null, true, 1.5, ""] }], "": "\u0001" },
  maybe_label: "Ξ 💎 \u2028 \u0000 null NULL",
  labels: ["", "a,b", `"`, "\n", "[]", "💎", "null"],
};

const beyondFloats: Row = {
  nonce: 2n ** 53n + 1n,
  offset: -(2n ** 53n) - 1n,
  value: 2n ** 53n + 1n,
  answer: -(2n ** 53n) - 1n,
  price: 1 / 3,
  maybe_nonce: 2n ** 53n + 1n,
  maybe_value: 2n ** 64n + 1n,
  amounts: [2n ** 53n + 1n, 0n, 2n ** 128n + 1n],
};
