import assert from "node:assert/strict";
import fc from "fast-check";
import { checkRow } from "../../../runtime/encode/check.ts";
import type { ColumnType, Schema } from "../../../runtime/row.ts";
import { arbitraryTable } from "../../contracts/arbitrary_rows.ts";

function column(type: ColumnType, nullable = false): Schema {
  return [{ name: "value", type, nullable, doc: "" }];
}

function value(type: ColumnType, given: unknown): unknown {
  const { row, problem } = checkRow(column(type))({ value: given });
  assert.equal(problem, undefined);
  return row?.["value"];
}

function problem(type: ColumnType, given: unknown): string {
  const checked = checkRow(column(type))({ value: given });
  assert(checked.problem !== undefined, `accepted ${String(given)}`);
  return checked.problem;
}

Deno.test("checkRow() returns a canonical row as it is", () => {
  fc.assert(
    fc.property(arbitraryTable(), ({ schema, rows }) => {
      const check = checkRow(schema);
      for (const row of rows) {
        assert.deepEqual(check(row), { row });
        const names = schema.map(({ name }) => name);
        const kept = names.filter((name) => String(Number(name)) !== name);
        const order = Object.keys(check(row).row ?? {})
          .filter((name) => kept.includes(name));
        assert.deepEqual(order, kept);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("checkRow() mends what loses nothing", () => {
  assert.equal(value("uint256", 5), 5n);
  assert.equal(value("uint64", 5n), 5);
  assert.equal(value("uint64", 2n ** 53n), 2n ** 53n);
  assert.equal(value("int64", -(2n ** 63n)), -(2n ** 63n));
  assert.equal(
    value("address", "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D"),
    "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
  );
  assert.equal(value("timestamp", new Date(17)), 17);
  assert.deepEqual(value("json", { a: [1n], b: undefined }), { a: ["1"] });
  assert.deepEqual(value("list<uint256>", [1, 2n]), [1n, 2n]);
});

Deno.test("checkRow() names the column, what it expects and what it found", () => {
  assert.equal(
    problem("uint256", "12"),
    `Column "value" expects uint256, found "12"`,
  );
  assert.equal(
    problem("uint256", undefined),
    `Column "value" expects uint256, found nothing`,
  );
  assert.equal(
    problem("uint256", -1n),
    `Column "value" expects uint256, found -1n`,
  );
  assert.equal(
    problem("uint8", 256),
    `Column "value" expects uint8, found 256`,
  );
  assert.equal(
    problem("address", "0x12"),
    `Column "value" expects address, found "0x12"`,
  );
  assert.equal(
    problem("string", 5n),
    `Column "value" expects string, found 5n`,
  );
  assert.equal(problem("bool", 1), `Column "value" expects bool, found 1`);
  assert.equal(
    problem("list<hash>", "0x"),
    `Column "value" expects list<hash>, found "0x"`,
  );
  assert.equal(
    problem("list<string>", ["a", null]),
    `Column "value" expects list<string>, found a list`,
  );
  assert.equal(
    problem("json", { at: new Map() }),
    `Column "value" expects json, found a map`,
  );
  assert.equal(
    checkRow(column("hash", true))({ value: [] }).problem,
    `Column "value" expects hash or null, found a list`,
  );
  assert.equal(
    problem("uint32", "x".repeat(1000)).length,
    `Column "value" expects uint32, found `.length + 81,
  );
});

Deno.test("checkRow() refuses what has lost digits or is no number", () => {
  for (const type of ["uint64", "int64", "uint256", "int256"] as const) {
    for (const wrong of [2 ** 53, 1.5, NaN, Infinity, true, {}]) {
      problem(type, wrong);
    }
  }
  for (const wrong of [NaN, Infinity, -Infinity, 1n, "1"]) {
    problem("float64", wrong);
  }
  for (const wrong of [1.5, 8.64e15, "2024-01-01", new Date(NaN)]) {
    problem("timestamp", wrong);
  }
  problem("uint64", 2n ** 64n);
  problem("int256", 2n ** 255n);
});

Deno.test("checkRow() refuses hex of another length or alphabet", () => {
  for (const wrong of ["", "0x0", "0xzz", "a9", `0x${"0".repeat(63)}`]) {
    problem("hash", wrong);
    problem("bytes", wrong === `0x${"0".repeat(63)}` ? "0x0" : wrong);
  }
  problem("bytes", `0x00\n`);
  problem("address", `0x${"0".repeat(40)}"`);
});

Deno.test("checkRow() refuses JSON that JSON cannot say", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  for (
    const wrong of [cycle, [NaN], { a: () => 1 }, new Date(), [undefined]]
  ) problem("json", wrong);
});

Deno.test("checkRow() takes a missing value for null where null may be", () => {
  const check = checkRow(column("uint256", true));
  assert.deepEqual(check({}), { row: { value: null } });
  assert.deepEqual(check({ value: undefined }), { row: { value: null } });
});

Deno.test("checkRow() refuses what is no row or has more columns", () => {
  const check = checkRow(column("string", true));
  assert.equal(check(5).problem, "Expected a row, found 5");
  assert.equal(check([]).problem, "Expected a row, found a list");
  assert.equal(check(null).problem, "Expected a row, found nothing");
  assert.equal(check(new Map()).problem, "Expected a row, found a Map");
  assert.equal(
    check({ valeu: "a" }).problem,
    `Unknown column "valeu"; columns: value`,
  );
});

Deno.test("checkRow() copies: the module may go on with its lists", () => {
  const list = ["a"];
  const { row } = checkRow(column("list<string>"))({ value: list });
  list.push("b");
  assert.deepEqual(row, { value: ["a"] });
});
