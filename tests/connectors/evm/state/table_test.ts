import assert from "node:assert/strict";
import {
  type Abi,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  parseAbi,
  stringToHex,
} from "viem";
import type { Row } from "../../../../runtime/component.ts";
import type { Given } from "../../../../connectors/evm/state/arguments.ts";
import type { CallReader } from "../../../../connectors/evm/state/calls.ts";
import type { Contract } from "../../../../connectors/evm/state/contracts.ts";
import {
  readField,
  type WrittenRead,
} from "../../../../connectors/evm/state/reads.ts";
import { StateTable } from "../../../../connectors/evm/state/table.ts";
import { Reports } from "../../../contracts/reports.ts";
import { word } from "./scripted_chain.ts";

const A = `0x${"aa".repeat(20)}`;
const B = `0x${"bb".repeat(20)}`;
const C = `0x${"cc".repeat(20)}`;

const block = { number: 7, hash: word(7), time: 7000 };

const contract: Contract = { name: undefined, address: A, values: {} };

function tableOf(
  reads: Readonly<Record<string, unknown>>,
  given: Partial<Given> = {},
): StateTable {
  const read = Object.entries(reads).map(([name, written]) => {
    const reports = new Reports();
    const read = readField.read(written, reports.place);
    if (!read) throw new Error(reports.lines.join("\n"));
    return [name, read] as const;
  });
  return new StateTable({
    args: {},
    contracts: [contract],
    distinct: [],
    ...given,
    reads: Object.fromEntries<WrittenRead>(read),
  });
}

/** Rows of a contract whose reads return this, in their order. */
async function rowsOf(
  table: StateTable,
  ...answers: readonly (string | { readonly reason: string })[]
): Promise<readonly Row[]> {
  const calls = {
    read: (reads: readonly unknown[]) =>
      Promise.resolve(reads.map((_, index) => {
        const answer = answers[index % answers.length] ?? "0x";
        return typeof answer === "string" ? { data: answer } : answer;
      })),
  } as unknown as CallReader;
  const rows = await table.read(table.targetsOf(contract), block, {
    calls,
    priority: "head",
    signal: new AbortController().signal,
  });
  return rows.map(({ row }) => row);
}

function picked(rows: readonly Row[], ...names: string[]): unknown[][] {
  return rows.map((row) => names.map((name) => row[name]));
}

function types(table: StateTable): unknown[][] {
  return table.columns.slice(4, -1).map(({ name, type }) => [name, type]);
}

Deno.test("StateTable flattens several outputs into columns", async () => {
  const table = tableOf({
    reserves: "getReserves() returns (uint112 _reserve0, uint112, uint32 last)",
  });
  assert.deepEqual(types(table), [
    ["reserve0", "uint256"],
    ["reserves_1", "uint256"],
    ["last", "uint32"],
  ]);
  const [row] = await rowsOf(
    table,
    `0x${[1n << 100n, 2n, 3n].map((one) => word(one).slice(2)).join("")}`,
  );
  assert.deepEqual(row, {
    contract: A,
    block_number: 7,
    block_hash: word(7),
    block_timestamp: 7000,
    reserve0: 1n << 100n,
    reserves_1: 2n,
    last: 3,
    error: null,
  });
});

Deno.test("StateTable keeps lists and structs as json, or explodes them", async () => {
  const type = "(string symbol, address token)[]";
  const data = encodeAbiParameters(
    [{
      type: "tuple[]",
      components: [
        { name: "symbol", type: "string" },
        { name: "token", type: "address" },
      ],
    }],
    [[{ symbol: "ONE", token: B as Hex }, { symbol: "TWO", token: C as Hex }]],
  );
  const whole = tableOf({ tokens: `all() returns (${type})` });
  assert.deepEqual(picked(await rowsOf(whole, data), "tokens"), [[
    [{ symbol: "ONE", token: B }, { symbol: "TWO", token: C }],
  ]]);
  const rows = tableOf({
    tokens: { function: `all() returns (${type})`, explode: true },
    decimals: "decimals() returns (uint8)",
  });
  assert.deepEqual(types(rows), [
    ["tokens_index", "uint32"],
    ["symbol", "string"],
    ["token", "address"],
    ["decimals", "uint8"],
  ]);
  const names = ["tokens_index", "symbol", "token", "decimals"];
  assert.deepEqual(picked(await rowsOf(rows, data, word(6)), ...names), [
    [0, "ONE", B, 6],
    [1, "TWO", C, 6],
  ]);
  // A list that cannot be read is a row with the reason, not none.
  const failed = await rowsOf(rows, { reason: "reverted: no" }, word(6));
  assert.deepEqual(picked(failed, ...names, "error"), [
    [null, null, null, 6, "tokens: reverted: no"],
  ]);
  const struct = tableOf({
    slot: {
      function: "slot() returns ((uint160 price, int24 tick))",
      explode: true,
    },
  });
  const slot = `${word(5)}${"f".repeat(63)}e`;
  assert.deepEqual(picked(await rowsOf(struct, slot), "price", "tick"), [
    [5n, -2],
  ]);
});

Deno.test("StateTable reads the text in a word, as of the first tokens", async () => {
  const table = tableOf({ symbol: "symbol() returns (string)" });
  const old = stringToHex("MKR", { size: 32 });
  const now = encodeAbiParameters([{ type: "string" }], ["DAI"]);
  const broken = `0x${"ff".repeat(32)}`;
  assert.deepEqual(picked(await rowsOf(table, old), "symbol"), [["MKR"]]);
  assert.deepEqual(picked(await rowsOf(table, now), "symbol"), [["DAI"]]);
  const [[symbol, error] = []] = picked(
    await rowsOf(table, broken),
    "symbol",
    "error",
  );
  assert.equal(symbol, null);
  assert.match(String(error), /^symbol: not as the ABI says: /);
});

Deno.test("StateTable says what does not fit its type", async () => {
  const table = tableOf({ decimals: "decimals() returns (uint8)" });
  assert.deepEqual(
    picked(await rowsOf(table, word(300)), "decimals", "error"),
    [[null, "decimals: not as the ABI says: 300 is out of the range of uint8"]],
  );
});

Deno.test("StateTable multiplies lists of arguments, and calls what viem calls", () => {
  const abi: Abi = parseAbi([
    "function balanceOf(address owner, uint256 id) view returns (uint256)",
  ]);
  const table = tableOf({
    balance: "balanceOf(address owner, uint256 id) returns (uint256)",
  }, { args: { owner: [A, B], id: [1, "0x02", "3"] } });
  assert.deepEqual(types(table).slice(0, 2), [
    ["owner", "address"],
    ["id", "uint256"],
  ]);
  const targets = table.targetsOf(contract);
  assert.deepEqual(
    targets.map(({ args }) => [args["owner"], args["id"]]),
    [A, B].flatMap((owner) => [1n, 2n, 3n].map((id) => [owner, id])),
  );
  assert.equal(new Set(targets.map(({ key }) => key)).size, 6);
  for (const { args, reads: [read] } of targets) {
    assert.equal(
      read?.data,
      encodeFunctionData({ abi, args: [args["owner"], args["id"]] }),
    );
  }
});

Deno.test("StateTable makes each pair of a list once", () => {
  const tokens = [A, B, C];
  const table = tableOf({
    pair: "getPair(address a, address b) returns (address)",
  }, { args: { a: tokens, b: tokens }, distinct: ["a", "b"] });
  assert.deepEqual(
    table.targetsOf(contract).map(({ args }) => [args["a"], args["b"]]),
    [[A, B], [A, C], [B, C]],
  );
});

Deno.test("StateTable takes arguments from contracts and from single reads", () => {
  const own: Contract = { name: "own", address: B, values: { owner: C } };
  const table = tableOf({
    balance: "balanceOf(address owner) returns (uint256)",
    zero: {
      function: "balanceOf(address owner) returns (uint256)",
      args: { owner: A },
    },
  }, { contracts: [own] });
  const [target, ...others] = table.targetsOf(own);
  assert.equal(others.length, 0);
  assert.deepEqual(target?.args, { owner: C });
  assert.deepEqual(
    target?.reads.map(({ data }) => `0x${data.slice(-40)}`),
    [C, A],
  );
});
