import assert from "node:assert/strict";
import { filter } from "../../../connectors/rows/filter.ts";
import { apply, matching, transactions } from "./apply.ts";

const input = transactions;
const where = matching((row) => (row["value"] as bigint) > 5n, "value");

Deno.test("filter keeps the rows that match, as they are", async () => {
  const rows = [4n, 6n, 5n, 7n].map((value) => ({ hash: "0x", value }));
  const applied = await apply(filter, { config: { where }, input, rows });
  assert.deepEqual(applied, {
    rows: { rows: [rows[1], rows[3]] },
    rejects: [],
  });
  assert.equal(applied.rows["rows"]?.[0], rows[1]);
});

Deno.test("filter passes the columns on", () => {
  assert.deepEqual(filter.outputs({ config: { where }, input }), {
    rows: input,
  });
});

Deno.test("filter uses what its match and its readers need", () => {
  const uses = (
    used: Map<string, Set<string>>,
  ) => [...filter.uses?.({ config: { where }, input }, used) ?? []];
  assert.deepEqual(uses(new Map([["rows", new Set(["hash"])]])), [
    "hash",
    "value",
  ]);
  assert.deepEqual(uses(new Map()), ["value"]);
});
