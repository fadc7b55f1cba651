import assert from "node:assert/strict";
import fc from "fast-check";
import { Spending } from "../../../runtime/budget/spending.ts";

/** What a window of a second holds back besides: 1 ms, and a thousandth. */
const per = 1002;

Deno.test("Spending counts what arrived in any order, and what is taken back", () => {
  const call = fc.record({
    units: fc.integer({ min: 1, max: 9 }),
    arrived: fc.integer({ min: 0, max: 3000 }),
    /** When that is known, behind it. */
    late: fc.integer({ min: 0, max: 1500 }),
    /** Whether it is found to be wrong, and when it arrived then. */
    again: fc.option(fc.integer({ min: 0, max: 1500 }), { nil: undefined }),
  });
  fc.assert(fc.property(
    fc.array(call, { minLength: 1, maxLength: 40 }),
    (calls) => {
      const spending = new Spending({ count: 10, per: 1000 });
      const spent = calls.map(({ units }) => spending.spend(units));
      const back = calls.map(() => Infinity);
      const events = calls.flatMap(({ again, arrived, late }, index) => [
        {
          at: arrived + late,
          run: () => {
            back[index] = arrived + per;
            spent[index]!.settle(arrived);
          },
        },
        ...again === undefined ? [] : [{
          at: arrived + late + again,
          run: () => {
            spent[index]!.withdraw();
            back[index] = arrived + again + per;
            spent[index]!.settle(arrived + again);
          },
        }],
      ]).sort((a, b) => a.at - b.at);
      for (const { at, run } of events) {
        run();
        const open = (now: number) =>
          calls.reduce(
            (sum, { units }, index) => sum + (back[index]! > now ? units : 0),
            0,
          );
        assert.equal(spending.used(at), open(at));
        // It admits as soon as enough is back, and not before.
        const when = spending.admits(at, 10);
        if (when < Infinity) assert.equal(open(when), 0);
        if (when > at && when < Infinity) assert.ok(open(when - 0.01) > 0);
      }
    },
  ));
});

Deno.test("Spending pays off over several windows what one does not hold", () => {
  const spending = new Spending({ count: 500, per: 1000 });
  spending.spend(1000).settle(0);
  assert.equal(spending.admits(1, 80), 2 * per);
  assert.equal(spending.used(2 * per), 0);
});
