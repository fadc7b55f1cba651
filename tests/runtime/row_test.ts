import assert from "node:assert/strict";
import fc from "fast-check";
import { rowPlace } from "../../runtime/row.ts";

Deno.test("rowPlace() tells any two rows of a position apart", () => {
  const row = fc.record({
    part: fc.nat(2 ** 31),
    index: fc.nat(2 ** 20 - 1),
  });
  fc.assert(fc.property(row, row, (a, b) => {
    const same = a.part === b.part && a.index === b.index;
    assert.equal(rowPlace(a, a.index) === rowPlace(b, b.index), same);
  }));
  assert.equal(rowPlace({}, 7), 7);
});

Deno.test("rowPlace() refuses a row that it cannot tell apart", () => {
  assert.throws(() => rowPlace({ part: 0 }, 2 ** 20), RangeError);
  assert.throws(() => rowPlace({ part: 2 ** 40 }, 0), RangeError);
});
