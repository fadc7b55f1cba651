import assert from "node:assert/strict";
import fc from "fast-check";
import { mostParts, rowPlace } from "../../runtime/row.ts";

Deno.test("rowPlace() tells any two rows of a position apart", () => {
  const row = fc.oneof(
    fc.record({ part: fc.constant(0), index: fc.nat(2 ** 20 - 1) }),
    fc.record({
      part: fc.oneof(
        fc.integer({ min: 1, max: 3 }),
        fc.maxSafeNat().map((n) => 1 + n % mostParts),
      ),
      index: fc.oneof(fc.nat(3), fc.nat(2 ** 14 - 1)),
    }),
  );
  fc.assert(fc.property(row, row, (a, b) => {
    const same = a.part === b.part && a.index === b.index;
    assert.equal(rowPlace(a, a.index) === rowPlace(b, b.index), same);
  }));
  assert.equal(rowPlace({}, 7), 7);
  const last = rowPlace({ part: mostParts }, 2 ** 14 - 1);
  assert.equal(last, Number.MAX_SAFE_INTEGER);
});

Deno.test("rowPlace() refuses a row that it cannot tell apart", () => {
  assert.throws(() => rowPlace({ part: 0 }, 2 ** 20), RangeError);
  assert.throws(() => rowPlace({ part: 1 }, 2 ** 14), RangeError);
  assert.throws(() => rowPlace({ part: mostParts + 1 }, 0), RangeError);
});
