/**
 * Routing by price: all budgets together get through as much work as they
 * can, and no call goes where it is dear.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import type {
  Budget,
  Cost,
  Window,
} from "../../../runtime/budget/scheduler.ts";
import { figure } from "../../integration/figure.ts";
import { settled } from "../../fixtures/fake_clock.ts";
import { optimum, type Provider } from "../../fixtures/optimum.ts";
import { Bench } from "../run/bench.ts";

type Method = "block" | "receipts";

/** How many calls of each method each provider has made, and how long. */
interface Outcome {
  readonly seconds: number;
  readonly made: ReadonlyMap<string, Record<Method, number>>;
}

/** Read blocks in order, so many at a time, as a source does. */
async function read(
  providers: readonly Provider[],
  { blocks, closed = [], inFlight = 400 }: {
    blocks: number;
    closed?: readonly string[];
    inFlight?: number;
  },
): Promise<Outcome> {
  const bench = new Bench();
  const { clock } = bench;
  const costs = new Map<Budget, Record<Method, Cost>>();
  const made = new Map<string, Record<Method, number>>();
  for (const { block, name, perSecond, receipts } of providers) {
    const window: Window = { count: perSecond, per: 1000, unit: "credits" };
    const budget = bench.budget([window], { name });
    const cost = (credits: number) => ({ calls: 1, credits, weight: credits });
    costs.set(budget, { block: cost(block), receipts: cost(receipts) });
    made.set(name, { block: 0, receipts: 0 });
    if (closed.includes(name)) budget.coolUntil(clock.now() + 36_000_000);
  }
  const start = clock.now();
  let end = start;
  const ask = async (method: Method) => {
    using admission = await bench.scheduler.admit({
      method,
      priority: "backfill",
      budgets: [...costs.keys()],
      cost: (budget) => costs.get(budget)![method],
    });
    made.get(admission.budget.name)![method]++;
    end = clock.now();
    await clock.sleep(5);
  };
  const window: Promise<unknown>[] = [];
  const run = async () => {
    for (let number = 0; number < blocks; number++) {
      if (window.length >= inFlight) await window.shift();
      window.push(Promise.all([ask("block"), ask("receipts")]));
    }
    await Promise.all(window);
    return true;
  };
  const done = run();
  while (!await Promise.race([done, settled()])) await clock.advance(500);
  return { seconds: (end - start) / 1000, made };
}

const dear: Provider = {
  name: "dear",
  perSecond: 4000,
  block: 80,
  receipts: 1000,
};
const flat: Provider = {
  name: "flat",
  perSecond: 500,
  block: 20,
  receipts: 20,
};
const odd: Provider = {
  name: "odd",
  perSecond: 300,
  block: 30,
  receipts: 10,
};

Deno.test("Router gets as much out of three providers as an optimum would", async () => {
  const blocks = 1200;
  const { made, seconds } = await read([dear, flat, odd], { blocks });
  const best = optimum([dear, flat, odd], blocks);
  figure(
    `${blocks} blocks at three providers: ${seconds.toFixed(2)} s, optimum ` +
      `${best.toFixed(2)} s`,
  );
  assert.ok(seconds <= 1.03 * best, `${seconds} s, optimum ${best} s`);
  assert.equal(made.get("dear")!.receipts, 0, "never where they are dear");
});

Deno.test("Router is within 3 % of the optimum at any three providers", async () => {
  const price = fc.constantFrom(20, 50, 100, 200);
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          perSecond: fc.constantFrom(2000, 4000),
          block: price,
          receipts: price,
        }),
        { minLength: 3, maxLength: 3 },
      ),
      async (plans) => {
        const providers = plans.map((plan, i) => ({ ...plan, name: `${i}` }));
        // As much work as 20 seconds hold.
        const blocks = Math.ceil(20 / optimum(providers, 1));
        const { seconds } = await read(providers, { blocks });
        const best = optimum(providers, blocks);
        assert.ok(seconds <= 1.03 * best, `${seconds} s, optimum ${best} s`);
      },
    ),
    { numRuns: 5 },
  );
});

Deno.test("Router plans anew when a provider closes", async () => {
  const { made } = await read([dear, flat, odd], {
    blocks: 100,
    closed: ["flat", "odd"],
  });
  assert.deepEqual(made.get("dear"), { block: 100, receipts: 100 });
});

Deno.test("Router waits for a minute's limit rather than pay dearly", async () => {
  const bench = new Bench();
  const credits = (count: number, per: number): Window => ({ count, per });
  const cheap = bench.budget([credits(400, 60_000)], { name: "cheap" });
  const dear = bench.budget([credits(4000, 1000)], { name: "dear" });
  const prices = new Map([[cheap, [20, 20]], [dear, [80, 4_000_000]]]);
  const calls = Array.from({ length: 60 }, async (_, i) => {
    const method = i % 2 === 0 ? "block" : "receipts";
    using _admission = await bench.admit(method, [cheap, dear], {
      method,
      cost: (budget) => {
        const price = prices.get(budget)![i % 2]!;
        return { calls: 1, credits: price, weight: price };
      },
    });
    await bench.clock.sleep(5);
  });
  for (let i = 0; i < 20; i++) await bench.clock.advance(10_000);
  await Promise.all(calls);
  const where = bench.left.filter(({ call }) => call === "receipts");
  assert.deepEqual([...new Set(where.map(({ budget }) => budget))], ["cheap"]);
});

Deno.test("createScheduler() fills an own node before it pays anyone", async () => {
  const bench = new Bench();
  const paid = bench.budget([{ count: 500, per: 1000 }], { name: "paid" });
  const own = bench.budget([], { name: "own", inFlight: 4 });
  const calls = Promise.all(
    Array.from({ length: 6 }, async (_, i) => {
      using _admission = await bench.admit(`${i}`, [paid, own], {
        method: "call",
        cost: () => ({ calls: 1, credits: 20, weight: 20 }),
      });
      await bench.clock.sleep(1000);
    }),
  );
  await bench.clock.advance(5000);
  await calls;
  const paying = bench.left.filter(({ budget }) => budget === "paid");
  assert.equal(paying.length, 0, "a queue at home is no reason to pay");
  own.coolUntil(bench.clock.now() + 60_000);
  const away = bench.admit("away", [paid, own], {
    method: "call",
    cost: () => ({ calls: 1, credits: 20, weight: 20 }),
  });
  await bench.clock.advance(0);
  assert.equal((await away).budget.name, "paid");
});
