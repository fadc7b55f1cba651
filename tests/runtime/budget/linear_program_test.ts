import assert from "node:assert/strict";
import * as fc from "fast-check";
import { maximise } from "../../../runtime/budget/linear_program.ts";

Deno.test("maximise() solves a textbook example", () => {
  // Chvátal, Linear Programming, page 13.
  const solution = maximise([5, 4, 3], [
    { factors: [2, 3, 1], limit: 5 },
    { factors: [4, 1, 2], limit: 11 },
    { factors: [3, 4, 2], limit: 8 },
  ]);
  const rounded = (list: readonly number[] = []) =>
    list.map((x) => Math.round(x * 1e9) / 1e9);
  assert.deepEqual(rounded(solution?.point), [2, 0, 1]);
  assert.deepEqual(rounded(solution?.worth), [1, 0, 1]);
});

Deno.test("maximise() tells when there is no end", () => {
  assert.equal(maximise([1, 1], [{ factors: [1, -1], limit: 3 }]), undefined);
});

Deno.test("maximise() finds the best corner, also where many meet", () => {
  const factor = fc.integer({ min: -3, max: 9 });
  const limit = fc.record({
    factors: fc.tuple(factor, factor),
    limit: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(fc.property(
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
    fc.array(limit, { maxLength: 6 }),
    (gains, some) => {
      // Something must end it.
      const limits = [...some, { factors: [1, 1] as const, limit: 50 }];
      const found = maximise(gains, limits);
      assert.ok(found);
      const { point: solution, worth } = found;
      const value = (x: readonly number[]) =>
        gains[0] * x[0]! + gains[1] * x[1]!;
      const allowed = (x: readonly number[]) =>
        x.every((one) => one >= -1e-9) &&
        limits.every(({ factors: [a, b], limit }) =>
          a * x[0]! + b * x[1]! <= limit + 1e-9
        );
      assert.ok(allowed(solution), `${solution}`);
      const best = Math.max(...corners(limits).filter(allowed).map(value));
      assert.ok(Math.abs(value(solution) - best) < 1e-6, `${solution} ${best}`);
      // What all limits are worth together is what the best point is worth.
      const sum = limits.reduce(
        (sum, { limit }, i) => sum + limit * worth[i]!,
        0,
      );
      assert.ok(Math.abs(sum - best) < 1e-6, `${worth}`);
    },
  ));
});

/** Where two of the lines cross that limit a plane. */
function corners(
  limits: readonly {
    readonly factors: readonly [number, number];
    readonly limit: number;
  }[],
): number[][] {
  const lines = [
    ...limits.map(({ factors, limit }) => [...factors, limit]),
    [1, 0, 0],
    [0, 1, 0],
  ] as [number, number, number][];
  return lines.flatMap(([a, b, e], i) =>
    lines.slice(i + 1).flatMap(([c, d, f]) => {
      const determinant = a * d - b * c;
      if (determinant === 0) return [];
      return [[(e * d - b * f) / determinant, (a * f - e * c) / determinant]];
    })
  );
}
