import assert from "node:assert/strict";
import fc from "fast-check";
import { select } from "../../../connectors/rows/select.ts";
import type { Config } from "../../../runtime/component.ts";
import { Reports } from "../../contracts/reports.ts";
import { apply, transactions } from "./apply.ts";

const input = transactions;

type SelectConfig = Config<typeof select.fields>;

function config(given: Partial<SelectConfig>): SelectConfig {
  return { columns: undefined, drop: undefined, rename: undefined, ...given };
}

function names(given: Partial<SelectConfig>): string[] {
  const { rows = [] } = select.outputs({ config: config(given), input });
  return rows.map(({ name }) => name);
}

function problems(given: Partial<SelectConfig>): string[] {
  const reports = new Reports(input);
  select.check?.({ config: config(given), input, place: reports.place });
  return reports.lines;
}

const row = {
  hash: "0x01",
  to_address: null,
  value: 1n,
  input: "0x",
  receipt_status: 1,
};

Deno.test("select keeps columns in the order that is asked for", async () => {
  const { rows } = await apply(select, {
    config: config({
      columns: ["value", "to_address", "hash"],
      rename: { hash: "transaction_hash" },
    }),
    input,
    rows: [row],
  });
  const [out = {}] = rows["rows"] ?? [];
  assert.deepEqual(Object.entries(out), [
    ["value", 1n],
    ["to_address", null],
    ["transaction_hash", "0x01"],
  ]);
});

Deno.test("select drops columns", async () => {
  const { rows } = await apply(select, {
    config: config({ drop: ["input", "receipt_status"] }),
    input,
    rows: [row],
  });
  assert.deepEqual(rows["rows"], [
    { hash: "0x01", to_address: null, value: 1n },
  ]);
});

Deno.test("select swaps names", async () => {
  const rename = { hash: "input", input: "hash" };
  assert.deepEqual(problems({ rename }), []);
  const { rows } = await apply(select, {
    config: config({ columns: ["hash", "input"], rename }),
    input,
    rows: [row],
  });
  assert.deepEqual(rows["rows"], [{ input: "0x01", hash: "0x" }]);
});

Deno.test("select keeps type, null and words of a column", () => {
  const { rows = [] } = select.outputs({
    config: config({ columns: ["to_address"], rename: { to_address: "to" } }),
    input,
  });
  assert.deepEqual(rows, [
    { name: "to", type: "address", nullable: true, doc: "Recipient" },
  ]);
});

Deno.test("select writes the rows that its outputs promise", async () => {
  const all = input.map(({ name }) => name);
  const given = fc.record({
    columns: fc.option(fc.shuffledSubarray(all, { minLength: 1 }), {
      nil: undefined,
    }),
    rename: fc.option(
      fc.dictionary(
        fc.constantFrom(...all),
        fc.stringMatching(/^[a-z]{8,12}$/),
      ),
      { nil: undefined },
    ),
  });
  await fc.assert(fc.asyncProperty(given, async (one) => {
    const { rows } = await apply(select, {
      config: config(one),
      input,
      rows: [row],
    });
    const out = Object.keys(rows["rows"]?.[0] ?? {});
    fc.pre(new Set(names(one)).size === names(one).length);
    assert.deepEqual(out, names(one));
  }));
});

Deno.test("select uses only what is read behind it", () => {
  const uses = (given: Partial<SelectConfig>, used: Iterable<string>) => [
    ...select.uses?.(
      { config: config(given), input },
      new Map([["rows", new Set(used)]]),
    ) ?? [],
  ];
  const rename = { value: "wei" };
  assert.deepEqual(uses({ rename }, ["wei", "hash"]), ["hash", "value"]);
  assert.deepEqual(uses({ columns: ["hash", "value"] }, ["hash", "value"]), [
    "hash",
    "value",
  ]);
  assert.deepEqual(uses({ drop: ["receipt_status"] }, []), []);
});

Deno.test("select reports what it cannot do", () => {
  assert.deepEqual(problems({}), [
    "!: Nothing to do (write columns, drop or rename)",
  ]);
  assert.deepEqual(problems({ columns: ["hash"], drop: ["value"] }), [
    'drop!: Both "columns" and "drop" (leave drop out: what columns does not name is dropped)',
  ]);
  const [misspelt = "", ...others] = problems({
    rename: { valeu: "wei", hash: "9" },
  });
  assert.match(
    misspelt,
    /^rename\.valeu!: The input has no column "valeu" \(did you mean "value"\?/,
  );
  assert.deepEqual(others, [
    'rename.hash: "9" cannot be a column (letters, digits and _ only, a letter first)',
  ]);
  assert.deepEqual(problems({ columns: ["hash"], rename: { value: "wei" } }), [
    'rename.value!: Column "value" is not kept (add it to columns)',
  ]);
  assert.deepEqual(problems({ rename: { hash: "value" } }), [
    'rename.hash: Two columns would be called "value"',
  ]);
  assert.deepEqual(problems({ columns: ["hash", "hash"] }), [
    'columns: Two columns would be called "hash"',
  ]);
  assert.deepEqual(problems({ drop: input.map(({ name }) => name) }), [
    "drop!: No column is left",
  ]);
  assert.deepEqual(problems({ columns: ["hash", "value"] }), []);
});
