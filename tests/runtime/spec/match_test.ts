import assert from "node:assert/strict";
import fc from "fast-check";
import type { ColumnType, Row, Schema, Value } from "../../../runtime/row.ts";
import { readMatch } from "../../../runtime/spec/match.ts";
import { testPlace } from "./place.ts";

const types: Readonly<Record<string, ColumnType>> = {
  flag: "bool",
  small: "uint8",
  count: "uint64",
  signed: "int64",
  value: "uint256",
  delta: "int256",
  ratio: "float64",
  address: "address",
  hash: "hash",
  input: "bytes",
  text: "string",
  time: "timestamp",
  extra: "json",
  topics: "list<hash>",
  numbers: "list<uint64>",
};

const schema: Schema = Object.entries(types).map(([name, type]) => ({
  name,
  type,
  nullable: true,
  doc: name,
}));

const address = "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D";
const hash = `0x${"Ab".repeat(32)}`;

function match(written: unknown) {
  const { found, place } = testPlace(schema);
  const read = readMatch(written, place);
  assert.deepEqual(found, []);
  assert.ok(read);
  return read;
}

function holds(written: unknown, row: Row): boolean {
  return match(written)(row);
}

Deno.test("readMatch() compares with values of each type", () => {
  const cases: [unknown, Row, Row][] = [
    [{ flag: true }, { flag: true }, { flag: false }],
    [{ small: 5 }, { small: 5 }, { small: 6 }],
    [{ count: 5 }, { count: 5 }, { count: 6 }],
    [{ count: 2n ** 60n }, { count: 2n ** 60n }, { count: 2 }],
    [{ count: "1152921504606846976" }, { count: 2n ** 60n }, { count: 2 }],
    [{ signed: -5 }, { signed: -5 }, { signed: 5 }],
    [{ value: 5 }, { value: 5n }, { value: 6n }],
    [{ value: "100 ether" }, { value: 10n ** 20n }, { value: 100n }],
    [{ value: "1.5 gwei" }, { value: 1_500_000_000n }, { value: 1n }],
    [{ delta: "-1 wei" }, { delta: -1n }, { delta: 1n }],
    [{ ratio: 0.5 }, { ratio: 0.5 }, { ratio: 1 }],
    [{ address }, { address: address.toLowerCase() }, { address: "0x" }],
    [{ hash }, { hash: hash.toLowerCase() }, { hash }],
    [{ input: "0xAB" }, { input: "0xab" }, { input: "0xabcd" }],
    [{ text: "Ab" }, { text: "Ab" }, { text: "ab" }],
    [
      { time: "2024-01-01" },
      { time: Date.UTC(2024, 0, 1) },
      { time: Date.UTC(2024, 0, 2) },
    ],
    [
      { time: "2024-01-01T01:00:00+01:00" },
      { time: Date.UTC(2024, 0, 1) },
      { time: 0 },
    ],
  ];
  for (const [written, yes, no] of cases) {
    assert.equal(holds(written, yes), true, JSON.stringify(written, plain));
    assert.equal(holds(written, no), false, JSON.stringify(written, plain));
  }
});

Deno.test("readMatch() knows every operator", () => {
  const cases: [unknown, Value[], Value[]][] = [
    [{ eq: 5 }, [5n], [4n, null]],
    [{ ne: 5 }, [4n, null], [5n]],
    [{ ne: null }, [4n], [null]],
    [{ gt: 5 }, [6n], [5n, null]],
    [{ gte: 5 }, [5n], [4n, null]],
    [{ lt: 5 }, [4n], [5n, null]],
    [{ lte: 5 }, [5n], [6n, null]],
    [{ gt: 1, lt: 3 }, [2n], [1n, 3n, null]],
    [{ in: [1, 2] }, [1n, 2n], [3n, null]],
    [{ in: [1, null] }, [1n, null], [3n]],
    [{ not: 5 }, [4n, null], [5n]],
    [{ not: [4, 5] }, [3n, null], [4n, 5n]],
    [{ not: { gt: 5 } }, [5n, null], [6n]],
    [{ exists: true }, [0n], [null]],
    [{ exists: false }, [null], [0n]],
    [[1, { gt: 5 }], [1n, 6n], [2n, null]],
    [null, [null], [0n]],
  ];
  for (const [value, yes, no] of cases) {
    const test = match({ value });
    for (const one of yes) assert.equal(test({ value: one }), true, `${one}`);
    for (const one of no) assert.equal(test({ value: one }), false, `${one}`);
  }
  assert.equal(
    holds({ input: { starts_with: "0xA9059" } }, { input: "0xa9059cbb" }),
    true,
  );
  assert.equal(holds({ text: { starts_with: "A" } }, { text: "ab" }), false);
});

Deno.test("readMatch() takes a missing column of a row for null", () => {
  assert.equal(holds({ value: null }, {}), true);
  assert.equal(holds({ value: { gt: 0 } }, {}), false);
});

Deno.test("readMatch() asks for one element of a list column", () => {
  const other = `0x${"00".repeat(32)}`;
  const row = { topics: [hash.toLowerCase(), other] };
  assert.equal(holds({ topics: hash }, row), true);
  assert.equal(holds({ topics: [hash] }, row), true);
  assert.equal(holds({ topics: { not: hash } }, row), false);
  assert.equal(holds({ topics: { ne: hash } }, { topics: [other] }), true);
  assert.equal(holds({ topics: hash }, { topics: [] }), false);
  assert.equal(holds({ topics: null }, { topics: [] }), false);
  assert.equal(holds({ topics: null }, { topics: null }), true);
  assert.equal(holds({ topics: { exists: true } }, { topics: [] }), true);
  assert.equal(holds({ numbers: { gt: 5 } }, { numbers: [1, 6] }), true);
  assert.equal(holds({ numbers: { gt: 6 } }, { numbers: [1, 6] }), false);
});

Deno.test("readMatch() joins columns by and, matches under any by or", () => {
  const test = match({
    flag: true,
    any: [{ small: 1 }, { small: 2, count: 3 }],
  });
  assert.equal(test({ flag: true, small: 1 }), true);
  assert.equal(test({ flag: true, small: 2, count: 3 }), true);
  assert.equal(test({ flag: true, small: 2, count: 4 }), false);
  assert.equal(test({ flag: false, small: 1 }), false);
  assert.deepEqual([...test.columns].sort(), ["count", "flag", "small"]);
  assert.equal(match({})({}), true);
  assert.deepEqual(match({}).columns, []);
});

Deno.test("readMatch() keeps quiet about columns when the input is unknown", () => {
  const { found, place } = testPlace();
  const test = readMatch(
    { anything: "0xAB", amount: { gte: "1 gwei" }, list: [1, null] },
    place,
  );
  assert.deepEqual(found, []);
  assert.equal(
    test?.({ anything: "0xab", amount: 10n ** 9n, list: 1 }),
    true,
  );
});

Deno.test("readMatch() says where in the match the mistake is", () => {
  const { found, place } = testPlace(schema);
  const written = {
    any: [{ value: { gte: "1 eth" } }, { topics: [hash, "0x"] }],
    extra: { eq: 5 },
    small: 300,
    valeu: 1,
  };
  assert.equal(readMatch(written, place), undefined);
  assert.deepEqual(found, [
    'any.0.value.gte: Expected a whole number, found "1 eth"',
    "any.1.topics.1: Expected a hash, found 0 hex digits",
    'extra.eq: Cannot compare "extra": it holds JSON',
    "small: Expected a whole number of type uint8, found 300",
    'valeu: The input has no column "valeu"',
  ]);
});

Deno.test("readMatch() orders integers as integers, whatever their size", () => {
  const big = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
  fc.assert(fc.property(big, big, (value, limit) => {
    const rows = (operator: string) =>
      holds({ value: { [operator]: limit } }, { value });
    assert.equal(rows("gt"), value > limit);
    assert.equal(rows("lte"), value <= limit);
    assert.equal(rows("eq"), value === limit);
  }));
  const long = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const canonical = (one: bigint) =>
    Number.isSafeInteger(Number(one)) ? Number(one) : one;
  fc.assert(fc.property(long, long, (count, limit) => {
    const row = { count: canonical(count) };
    assert.equal(holds({ count: { gt: limit } }, row), count > limit);
    assert.equal(holds({ count: [limit] }, row), count === limit);
  }));
});

Deno.test("readMatch() never throws, whatever is written", () => {
  fc.assert(fc.property(fc.object({ key: key(), maxDepth: 4 }), (written) => {
    const { found, place } = testPlace(schema);
    const read = readMatch(written, place);
    assert.equal(read === undefined, found.length > 0);
    read?.({});
  }));
});

function key() {
  return fc.oneof(
    fc.constantFrom(...Object.keys(types), "any", "gt", "in", "not", "eq"),
    fc.string(),
  );
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

Deno.test("readMatch() says which values alone can match", () => {
  const lower = address.toLowerCase();
  const other = `0x${"12".repeat(20)}`;
  const cases: [unknown, Readonly<Record<string, Value[]>>[] | undefined][] = [
    [{ address }, [{ address: [lower] }]],
    [{ address: [address, other] }, [{ address: [lower, other] }]],
    [{ address: { in: [address] } }, [{ address: [lower] }]],
    [{ address: { eq: address, ne: other } }, [{ address: [lower] }]],
    [{ topics: hash }, [{ "topics.*": [hash.toLowerCase()] }]],
    [{ address, value: { gt: 5 } }, [{ address: [lower] }]],
    [{ address, small: [1, 2] }, [{ address: [lower], small: [1, 2] }]],
    [
      { any: [{ address }, { topics: hash }] },
      [{ address: [lower] }, { "topics.*": [hash.toLowerCase()] }],
    ],
    [{}, undefined],
    [{ any: [{ address }, { small: { gt: 1 } }] }, undefined],
    [{ address: { ne: address } }, undefined],
    [{ address: { not: address } }, undefined],
    [{ address: [address, null] }, undefined],
    [{ address: null }, undefined],
    [{ input: { starts_with: "0x12" } }, undefined],
  ];
  for (const [written, expected] of cases) {
    const { predicate } = match(written);
    const found = predicate?.map((term) =>
      Object.fromEntries([...term].map(([name, values]) => [name, [...values]]))
    );
    assert.deepEqual(found, expected, JSON.stringify(written));
  }
});
