import assert from "node:assert/strict";
import { reaches, same } from "../../../runtime/run/mark.ts";
import type { Mark } from "../../../runtime/run/state.ts";

const mark: Mark = { number: 7, id: "0xa", op: "insert", seq: 0 };

Deno.test("same() knows a final unit whose id was not asked for", () => {
  assert.ok(same({ ...mark, id: "" }, mark));
  assert.ok(same(mark, { ...mark, id: "" }));
  assert.equal(same({ ...mark, id: "0xb" }, mark), false);
  assert.equal(same({ ...mark, number: 8, id: "" }, mark), false);
  assert.equal(same(undefined, mark), false);
});

Deno.test("reaches() lies behind by number where units are final", () => {
  assert.ok(reaches({ ...mark, number: 8, id: "" }, mark));
  assert.equal(reaches({ ...mark, number: 6, id: "" }, mark), false);
});
