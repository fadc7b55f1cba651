/**
 * JSON lines: the generated encoder against `JSON.stringify`.
 *
 * Run with `deno bench tests/bench/encode_bench.ts`; one iteration is one
 * block of 100 transactions or 250 logs.
 *
 * @module
 */
import { jsonLines } from "../../runtime/encode/json.ts";
import type { Row, Schema } from "../../runtime/row.ts";

const logs: Schema = [
  { name: "log_index", type: "uint32", doc: "" },
  { name: "transaction_hash", type: "hash", doc: "" },
  { name: "transaction_index", type: "uint32", doc: "" },
  { name: "address", type: "address", doc: "" },
  { name: "data", type: "bytes", doc: "" },
  { name: "topics", type: "list<hash>", doc: "" },
  { name: "block_timestamp", type: "timestamp", doc: "" },
  { name: "block_number", type: "uint64", doc: "" },
  { name: "block_hash", type: "hash", doc: "" },
];

const transactions: Schema = [
  { name: "hash", type: "hash", doc: "" },
  { name: "nonce", type: "uint64", doc: "" },
  { name: "transaction_index", type: "uint32", doc: "" },
  { name: "from_address", type: "address", doc: "" },
  { name: "to_address", type: "address", nullable: true, doc: "" },
  { name: "value", type: "uint256", doc: "" },
  { name: "gas", type: "uint64", doc: "" },
  { name: "gas_price", type: "uint64", doc: "" },
  { name: "input", type: "bytes", doc: "" },
  { name: "max_fee_per_gas", type: "uint64", nullable: true, doc: "" },
  { name: "block_timestamp", type: "timestamp", doc: "" },
  { name: "block_number", type: "uint64", doc: "" },
  { name: "block_hash", type: "hash", doc: "" },
];

/** Hex in one piece, as JSON.parse gives it: ropes would be measured else. */
function hex(seed: number, digits: number): string {
  const start = (BigInt(seed + 1) * 0x9e3779b97f4a7c15n).toString(16);
  return JSON.parse(
    JSON.stringify(`0x${start.padEnd(digits, "5a").slice(0, digits)}`),
  );
}

const time = Date.parse("2024-03-13T13:55:35Z");

const logRows: Row[] = Array.from({ length: 250 }, (_, i) => ({
  log_index: i,
  transaction_hash: hex(i >> 1, 64),
  transaction_index: i >> 1,
  address: hex(i, 40),
  data: hex(i, 64 * (1 + i % 4)),
  topics: [hex(i, 64), hex(i + 1, 64), hex(i + 2, 64)],
  block_timestamp: time,
  block_number: 19426587,
  block_hash: hex(7, 64),
}));

const transactionRows: Row[] = Array.from({ length: 100 }, (_, i) => ({
  hash: hex(i, 64),
  nonce: i * 31,
  transaction_index: i,
  from_address: hex(i, 40),
  to_address: i % 50 === 0 ? null : hex(i + 3, 40),
  value: BigInt(i) * 10n ** 17n,
  gas: 21000 + i,
  gas_price: 3e10 + i,
  input: hex(i, 8 + 64 * (i % 5)),
  max_fee_per_gas: i % 3 === 0 ? null : 4e10,
  block_timestamp: time,
  block_number: 19426587,
  block_hash: hex(7, 64),
}));

const utf8 = new TextEncoder();

function replaced(rows: readonly Row[]): string {
  let text = "";
  for (const row of rows) {
    text += JSON.stringify(
      row,
      (key, value) =>
        typeof value === "bigint"
          ? String(value)
          : key === "block_timestamp"
          ? new Date(value).toISOString()
          : value,
    ) + "\n";
  }
  return text;
}

for (
  const { name, schema, rows } of [
    { name: "250 logs", schema: logs, rows: logRows },
    { name: "100 transactions", schema: transactions, rows: transactionRows },
  ]
) {
  const encode = jsonLines(schema);
  Deno.bench(`jsonLines, ${name}`, { group: name, baseline: true }, () => {
    utf8.encode(encode(rows));
  });
  Deno.bench(`JSON.stringify with a replacer, ${name}`, { group: name }, () => {
    utf8.encode(replaced(rows));
  });
}
