import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Allowance,
  halves,
  pack,
  type Weight,
} from "../../../../connectors/evm/state/packing.ts";

const weight = fc.record({ gas: fc.nat(100), bytes: fc.nat(100) });

function sum(weights: readonly Weight[]): Weight {
  return {
    gas: weights.reduce((total, { gas }) => total + gas, 0),
    bytes: weights.reduce((total, { bytes }) => total + bytes, 0),
  };
}

Deno.test("pack() keeps the order, the limit, and wastes no part", () => {
  fc.assert(fc.property(fc.array(weight), weight, (items, limit) => {
    const parts = pack(items, { limit, weigh: (item) => item });
    assert.deepEqual(parts.flat(), items);
    const fits = (part: readonly Weight[]) => {
      const { bytes, gas } = sum(part);
      return gas <= limit.gas && bytes <= limit.bytes;
    };
    parts.forEach((part, index) => {
      assert.ok(part.length > 0);
      assert.ok(part.length === 1 || fits(part));
      const [next] = parts[index + 1] ?? [];
      assert.ok(next === undefined || !fits([...part, next]));
    });
  }));
});

Deno.test("halves() loses nothing and is smaller", () => {
  fc.assert(fc.property(fc.array(fc.nat(), { minLength: 2 }), (items) => {
    const [first, second] = halves(items);
    assert.deepEqual([...first, ...second], items);
    assert.ok(first.length < items.length && second.length < items.length);
  }));
});

Deno.test("Allowance shrinks below what was refused and stays there", () => {
  const allowance = new Allowance({ gas: 1000, bytes: 1000 });
  allowance.refuse({ gas: 800, bytes: 10 });
  assert.deepEqual(allowance.limit, { gas: 400, bytes: 400 });
  allowance.refuse({ gas: 800, bytes: 10 });
  assert.equal(allowance.limit.gas, 400);
  for (let times = 0; times < 100; times++) allowance.accept();
  assert.ok(Math.abs(allowance.limit.gas - 720) < 1);
});
