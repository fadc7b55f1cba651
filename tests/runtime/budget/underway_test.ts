import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Priority } from "../../../runtime/budget/scheduler.ts";
import { settled } from "../../fixtures/fake_clock.ts";
import { Bench, peak } from "../run/bench.ts";

Deno.test("createScheduler() keeps every sliding window at the receiver", async () => {
  const call = fc.record({
    pause: fc.oneof(
      { weight: 8, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 400 }) },
      { weight: 1, arbitrary: fc.constant(4500) },
    ),
    /** Milliseconds for a handshake, where there is no open connection. */
    handshake: fc.constantFrom(0, 3, 300, 900),
    /** Milliseconds that the receiver takes. */
    takes: fc.constantFrom(0, 3, 25, 300, 900),
    price: fc.integer({ min: 1, max: 3 }),
    priority: fc.constantFrom<Priority>("head", "lookup", "backfill"),
  });
  const window = fc.record({
    count: fc.integer({ min: 3, max: 12 }),
    per: fc.constantFrom(250, 1000, 7000),
  });
  /** Milliseconds to the receiver, and as many back. */
  const distance = fc.constantFrom(0, 3, 20);
  await fc.assert(
    fc.asyncProperty(
      fc.array(window, { minLength: 1, maxLength: 3 }),
      fc.array(call, { minLength: 1, maxLength: 60 }),
      distance,
      async (windows, calls, distance) => {
        const bench = new Bench();
        const { clock, scheduler } = bench;
        const budget = bench.budget(windows);
        const arrived: { at: number; units: number }[] = [];
        const idle: number[] = [];
        const running = calls.map(async (one, index) => {
          const pauses = calls.slice(0, index + 1);
          await clock.sleep(pauses.reduce((sum, { pause }) => sum + pause, 0));
          const { handshake, price, priority, takes } = one;
          using _admission = await scheduler.admit({
            method: "call",
            priority,
            price,
            budgets: [budget],
          });
          const used = idle.pop() ?? -Infinity;
          const open = clock.now() - used <= 4000;
          const way = distance + (open ? 0 : handshake);
          arrived.push({ at: clock.now() + way, units: price });
          await clock.sleep(way + takes + distance);
          idle.push(clock.now());
        });
        const done = Promise.all(running).then(() => true);
        for (let i = 0; i < 1000; i++) {
          await clock.advance(1000);
          if (await Promise.race([done, settled()])) break;
        }
        assert.equal(arrived.length, calls.length, "every call leaves");
        for (const { count, per } of windows) {
          assert.ok(peak(arrived, per) <= count, `${count} per ${per} ms`);
        }
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("createScheduler() keeps its windows when the receiver stands still", async () => {
  const stall = fc.record({
    from: fc.integer({ min: 0, max: 3000 }),
    length: fc.integer({ min: 50, max: 1500 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(stall, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(2, 10, 20),
      fc.constantFrom(1000, 3000),
      async (stalls, takes, per) => {
        const bench = new Bench();
        const { clock } = bench;
        const budget = bench.budget([{ count: 10, per }]);
        const start = clock.now();
        const inOrder = stalls.toSorted((a, b) => a.from - b.from);
        // What comes while it stands still is read when it goes on.
        const readAt = (at: number) =>
          inOrder.reduce((read, { from, length }) => {
            const begin = start + 2 * per + from;
            return read >= begin && read < begin + length
              ? begin + length
              : read;
          }, at);
        const arrived: { at: number; units: number }[] = [];
        const running = Array.from({ length: 80 }, async () => {
          using _admission = await bench.admit("call", [budget]);
          const at = readAt(clock.now());
          arrived.push({ at, units: 1 });
          await clock.sleep(at - clock.now() + takes);
        });
        await clock.advance(8 * per + 20_000);
        await Promise.all(running);
        assert.equal(peak(arrived, per), 10);
      },
    ),
  );
});

Deno.test("createScheduler() does not charge the distance to the window", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 10, per: 1000 }]);
  const calls = Array.from(
    { length: 200 },
    () => bench.call("call", [budget], { latency: 100 }),
  );
  await bench.clock.advance(30_000);
  await Promise.all(calls);

  // Ten windows, when it is known how far it is.
  const took = bench.left[199]!.at - bench.left[99]!.at;
  assert.ok(took <= 10 * 1015, `${took} ms`);
});

Deno.test("createScheduler() reckons with calls that were given up", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 1, per: 1000 }]);
  const first = bench.call("call", [budget], { latency: 5 });
  await bench.clock.advance(2000);
  await first;
  const lost = bench.admit("call", [budget]);
  await bench.clock.advance(1);
  const at = bench.clock.now();
  (await lost).lose();
  (await lost)[Symbol.dispose]();
  const next = bench.admit("call", [budget]).then(() => bench.clock.now());
  await bench.clock.advance(2000);

  const waited = await next - at;
  assert.ok(waited > 1040 && waited < 1100, `${waited} ms`);
});
