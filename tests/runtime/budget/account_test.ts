/**
 * Budgets in credits: several windows, accounts, quotas and what is kept for
 * the head, judged by a limiter that refuses what is too much.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import type {
  Budget,
  Cost,
  Priority,
  Window,
} from "../../../runtime/budget/scheduler.ts";
import { FakeClock, settled } from "../../fixtures/fake_clock.ts";
import { Limiter } from "../../fixtures/simulated/limiter.ts";
import { Bench } from "../run/bench.ts";

const day = 86_400_000;

function perSecond(count: number, unit: keyof Cost = "weight"): Window {
  return { count, per: 1000, unit };
}

function perDay(count: number): Window {
  const reset = { every: "day", day: 1, minute: 0, zone: "UTC" } as const;
  return { count, per: day, unit: "credits", reset };
}

/** The windows of Infura's free plan. */
const infura = [perSecond(500), perDay(3_000_000)];

function costOf(credits: number, weight = credits): Cost {
  return { calls: 1, credits, weight };
}

/** Make calls that take `latency` ms; their instants. */
function make(
  bench: Bench,
  budgets: readonly Budget[],
  { cost, count, latency = 5, priority = "backfill" }: {
    cost: Cost;
    count: number;
    latency?: number;
    priority?: Priority;
  },
): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, async (_, i) => {
    using _admission = await bench.admit(`${i}`, budgets, {
      method: "call",
      priority,
      cost: () => cost,
    });
    const at = bench.clock.now();
    await bench.clock.sleep(latency);
    return at;
  }));
}

/** A random account: what the plan allows and what its methods cost. */
const plan = fc.record({
  callsPerSecond: fc.option(fc.integer({ min: 2, max: 12 })),
  creditsPerSecond: fc.option(fc.integer({ min: 20, max: 400 })),
  creditsPerDay: fc.option(fc.integer({ min: 3000, max: 9000 })),
  prices: fc.record({
    a: fc.integer({ min: 1, max: 30 }),
    b: fc.integer({ min: 1, max: 300 }),
  }),
  weight: fc.integer({ min: 1, max: 900 }),
  keys: fc.integer({ min: 1, max: 3 }),
  reserve: fc.constantFrom(0, 0.2),
});

const call = fc.record({
  method: fc.constantFrom<"a" | "b">("a", "b"),
  pause: fc.constantFrom(0, 0, 0, 7, 300, 4500),
  latency: fc.constantFrom(0, 3, 25, 300, 900),
  way: fc.constantFrom(0, 0.5, 1),
  priority: fc.constantFrom<Priority>("head", "lookup", "backfill"),
});

Deno.test("createScheduler() is refused nothing by any plan's limiter", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: 1, maxLength: 3 }),
      fc.array(call, { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 0, max: 120_000 }),
      async (plans, calls, early) => {
        const clock = new FakeClock(Date.UTC(2026, 0, 2) - early);
        const bench = new Bench(undefined, clock);
        const limiters = new Map<string, Limiter>();
        const prices = new Map<Budget, { a: Cost; b: Cost }>();
        plans.forEach((one, index) => {
          const group = `account ${index}`;
          limiters.set(
            group,
            new Limiter({
              callsPerSecond: one.callsPerSecond ?? Infinity,
              creditsPerSecond: one.creditsPerSecond ?? Infinity,
              creditsPerDay: one.creditsPerDay ?? Infinity,
              prices: one.prices,
              weights: { b: one.weight },
              debt: true,
            }),
          );
          const windows = [
            ...one.callsPerSecond
              ? [perSecond(one.callsPerSecond, "calls")]
              : [],
            ...one.creditsPerSecond ? [perSecond(one.creditsPerSecond)] : [],
            ...one.creditsPerDay ? [perDay(one.creditsPerDay)] : [],
          ];
          for (let key = 0; key < one.keys; key++) {
            const { reserve } = one;
            const name = `${group} key ${key}`;
            prices.set(bench.budget(windows, { name, group, reserve }), {
              a: costOf(one.prices.a),
              b: costOf(one.prices.b, one.weight),
            });
          }
        });
        const budgets = [...prices.keys()];
        const idle = new Map<Budget, number[]>();
        const arrivals: { at: number; group: string; method: string }[] = [];
        let start = 0;
        const running = calls.map(async (one) => {
          const { latency, method, pause, priority, way } = one;
          await clock.sleep(start += pause);
          using admission = await bench.scheduler.admit({
            method,
            priority,
            budgets,
            cost: (budget) => prices.get(budget)![method],
          });
          const { budget } = admission;
          // The first call of a connection travels as long as it likes; on an
          // open one arrivals differ by a few milliseconds only.
          const used = idle.get(budget)?.pop() ?? -Infinity;
          const open = clock.now() - used <= 4000;
          const transit = open ? Math.min(20, latency) : latency;
          const at = clock.now() + transit * way;
          arrivals.push({ at, group: budget.group, method });
          await clock.sleep(latency);
          idle.set(budget, [...idle.get(budget) ?? [], clock.now()]);
        });
        const done = Promise.all(running).then(() => true);
        for (let i = 0; i < 4000; i++) {
          await clock.advance(i < 200 ? 1000 : 60_000);
          if (await Promise.race([done, settled()])) break;
        }
        assert.equal(arrivals.length, calls.length, "every call leaves");
        for (
          const { at, group, method } of arrivals.sort((a, b) => a.at - b.at)
        ) {
          const demand = { methods: [method], batch: false };
          const limiter = limiters.get(group)!;
          assert.equal(limiter.check(demand, at), undefined);
          limiter.admit(demand, at);
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("createScheduler() uses Infura's free plan to the full", async () => {
  const bench = new Bench();
  const budget = bench.budget(infura);
  const blocks = make(bench, [budget], { cost: costOf(80), count: 300 });
  await bench.clock.advance(60_000);
  const left = await blocks;
  const seconds = (left.at(-1)! - left[0]!) / 1000;
  // 500 credits hold six calls of 80.
  assert.ok(seconds >= 49 && seconds < 50 * 1.01, `${seconds} s`);
});

Deno.test("createScheduler() makes a call on credit that no second holds", async () => {
  const bench = new Bench();
  const budget = bench.budget(infura);
  const receipts = make(bench, [budget], { cost: costOf(1000), count: 10 });
  await bench.clock.advance(30_000);
  const left = await receipts;
  const pauses = left.slice(1).map((at, i) => at - left[i]!);
  assert.ok(
    pauses.every((pause) => pause >= 2000 && pause < 2060),
    `${pauses}`,
  );
});

Deno.test("createScheduler() lets keys of one group spend one budget", async () => {
  const bench = new Bench();
  const keys = ["a", "b", "c"].map((name) =>
    bench.budget([perSecond(10)], { name, group: "team" })
  );
  const other = bench.budget([perSecond(10)], { name: "other" });
  const count = 60;
  const shared = make(bench, keys, { cost: costOf(1), count });
  const own = make(bench, [other], { cost: costOf(1), count });
  await bench.clock.advance(10_000);
  const span = (left: number[]) => Math.max(...left) - Math.min(...left);
  const [a, b] = [span(await shared), span(await own)];
  assert.ok(a > 4900 && Math.abs(a - b) < 200, `${a} ${b}`);
  assert.deepEqual(keys.map(({ group }) => group), ["team", "team", "team"]);
  assert.equal(other.group, "other");
});

Deno.test("createScheduler() refuses a group with two budgets", () => {
  const bench = new Bench();
  bench.budget([perSecond(10)], { name: "a", group: "team" });
  assert.throws(
    () => bench.budget([perSecond(20)], { name: "b", group: "team" }),
    /^UserError: Quota group "team" has other limits at "b" than before/,
  );
});

Deno.test("createScheduler() pauses all keys of a group that was refused", async () => {
  const bench = new Bench();
  const [a, b] = ["a", "b"].map((name) =>
    bench.budget([], { name, group: "team" })
  ) as [Budget, Budget];
  a.coolUntil(bench.clock.now() + 5000);
  const asked = bench.clock.now();
  const goes = make(bench, [b], { cost: costOf(1), count: 1, latency: 0 });
  await bench.clock.advance(0);
  assert.deepEqual(await goes, [asked], "a key that fails is one key");
  a.coolGroupUntil(asked + 9000);
  assert.equal(b.cooledUntil, asked + 9000);
  const waits = make(bench, [b], { cost: costOf(1), count: 1 });
  await bench.clock.advance(9010);
  assert.deepEqual(await waits, [asked + 9000]);
});

Deno.test("createScheduler() leaves room where calls arrive unevenly", async () => {
  const bench = new Bench();
  const budget = bench.budget([perSecond(10)]);
  const seconds = async () => {
    const start = bench.clock.now();
    const calls = make(bench, [budget], {
      cost: costOf(1),
      count: 100,
      latency: 300,
    });
    await bench.clock.advance(20_000);
    return ((await calls).at(-1)! - start) / 1000;
  };
  const before = await seconds();
  for (let i = 0; i < 4; i++) budget.leaveRoom();
  const careful = await seconds();
  assert.ok(careful - before > 9 * 0.15, `${before} s, then ${careful} s`);
  await bench.clock.advance(3_600_000);
  assert.ok(await seconds() - before < 0.2, "not for ever");
});

Deno.test("createScheduler() waits for 00:00 UTC when the day is spent", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 21));
  const bench = new Bench(undefined, clock);
  const budget = bench.budget([perSecond(500), perDay(1000)]);
  const calls = make(bench, [budget], { cost: costOf(80), count: 20 });
  await clock.advance(4 * 3_600_000);
  const left = await calls;
  const midnight = Date.UTC(2026, 0, 2);
  assert.equal(left.filter((at) => at < midnight).length, 12);
  assert.deepEqual(bench.lines, [
    "Quota spent: calls wait or go elsewhere " +
    '{"account":"key","quota":"1000 credits",' +
    '"until":"2026-01-02T00:00:05.000Z"}',
  ]);
  // Clocks differ: five seconds later it is surely the next day there, too.
  assert.equal(left[12], midnight + 5000);
  assert.deepEqual(
    budget.usage().map(({ left, used }) => [used, left]),
    [[0, 500], [640, 360]],
  );
});

Deno.test("createScheduler() goes on after a suspend across the reset", async () => {
  let slept = 0;
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 22));
  // The monotonic clock stands still while the machine sleeps.
  const bench = new Bench((clock) => clock.now() - slept, clock);
  const budget = bench.budget([perDay(100)]);
  const calls = make(bench, [budget], { cost: costOf(100), count: 2 });
  await clock.advance(60_000);
  const hours = 5 * 3_600_000;
  slept += hours;
  clock.jump(hours);
  await clock.advance(31_000);
  const [, second] = await calls;
  assert.ok(second! - Date.UTC(2026, 0, 2, 3) < 95_000, "at the next look");
});

Deno.test("createScheduler() opens no new day when the clock goes wrong", async () => {
  let wrong = 0;
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12));
  const bench = new Bench((clock) => clock.now() - wrong, clock);
  const budget = bench.budget([perDay(100)]);
  const first = make(bench, [budget], { cost: costOf(60), count: 1 });
  await clock.advance(1000);
  await first;
  clock.jump(day);
  wrong = day;
  const second = make(bench, [budget], { cost: costOf(60), count: 1 });
  await clock.advance(1000);
  await second;
  // It is set right: both calls were made on the same day.
  clock.jump(-day);
  wrong = 0;
  await clock.advance(1000);
  assert.equal(budget.usage()[0]!.used, 120);
  const third = make(bench, [budget], { cost: costOf(40), count: 1 });
  await clock.advance(13 * 3_600_000);
  assert.deepEqual(await third, [Date.UTC(2026, 0, 2) + 5000]);
});

Deno.test("createScheduler() keeps its reserve for the head", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12));
  const bench = new Bench(undefined, clock);
  const budget = bench.budget([perDay(1000)], { reserve: 0.2 });
  const history = make(bench, [budget], { cost: costOf(10), count: 100 });
  await clock.advance(3_600_000);
  assert.equal(budget.usage()[0]!.used, 800);
  const head = make(bench, [budget], {
    cost: costOf(10),
    count: 20,
    priority: "head",
  });
  await clock.advance(1000);
  const noon = Date.UTC(2026, 0, 1, 13);
  assert.ok((await head).every((at) => at - noon < 1000), "at once");
  await clock.advance(12 * 3_600_000);
  await history;
});

Deno.test("createScheduler() lets cheap calls go while a dear one waits for its day", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12));
  const bench = new Bench(undefined, clock);
  const budget = bench.budget([perDay(100)]);
  const first = make(bench, [budget], { cost: costOf(50), count: 1 });
  const dear = make(bench, [budget], { cost: costOf(60), count: 1 });
  const cheap = make(bench, [budget], { cost: costOf(10), count: 5 });
  await clock.advance(10_000);
  await Promise.all([first, cheap]);
  await clock.advance(13 * 3_600_000);
  assert.deepEqual(await dear, [Date.UTC(2026, 0, 2) + 5000]);
});

Deno.test("Budget.resetAfter() tells when a quota comes back", () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 10, 12));
  const bench = new Bench(undefined, clock);
  const month: Window = {
    count: 1000,
    per: 30 * day,
    reset: { every: "month", day: 1, minute: 0, zone: "UTC" },
  };
  const both = bench.budget([perDay(10), month]);
  const [turn, end] = [Date.UTC(2026, 0, 11), Date.UTC(2026, 1, 1)];
  assert.equal(both.resetAfter("day"), turn + 5000);
  assert.equal(both.resetAfter("month"), end + 5000);
  assert.equal(both.resetAfter(undefined), turn + 5000);
  assert.equal(bench.budget([month]).resetAfter("day"), end + 5000);
  assert.equal(bench.budget([perSecond(5)]).resetAfter("day"), undefined);
});
