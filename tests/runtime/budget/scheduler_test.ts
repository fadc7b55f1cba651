import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Priority } from "../../../runtime/budget/scheduler.ts";
import { settled } from "../../fixtures/fake_clock.ts";
import { Bench, peak } from "../run/bench.ts";

for (const latency of [2, 60, 300]) {
  Deno.test(`createScheduler() makes 200 calls at 10/s in 20 s when one takes ${latency} ms`, async () => {
    const bench = new Bench();
    const budget = bench.budget([{ count: 10, per: 1000 }]);
    const start = bench.clock.now();
    const done = Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        bench.call(`${i}`, [budget], {
          latency,
        })),
    ).then(() => bench.clock.now() - start);
    await bench.clock.advance(30_000);

    const took = await done;
    const events = bench.left.map(({ at }) => ({ at, units: 1 }));
    assert.equal(peak(events, 1000), 10);
    assert.ok(took <= 22_000, `took ${took} ms`);
  });
}

Deno.test("createScheduler() spreads history and lets the head find a slot", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 10, per: 1000 }]);
  // Who asks for the head will do so again.
  const poll = bench.call("poll", [budget], { priority: "head" });
  const history = Promise.all(
    Array.from({ length: 100 }, (_, i) => bench.call(`${i}`, [budget])),
  );
  await bench.clock.advance(3333);
  const asked = bench.clock.now();
  const head = bench.call("head", [budget], { priority: "head" });
  await bench.clock.advance(400);
  await head;

  const left = bench.left.find(({ call }) => call === "head");
  assert.ok(left && left.at - asked <= 400);
  await bench.clock.advance(20_000);
  await Promise.all([poll, history]);
});

Deno.test("createScheduler() lets history go at once where nothing is urgent", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 10, per: 1000 }]);
  const start = bench.clock.now();
  const history = Promise.all(
    Array.from({ length: 20 }, (_, i) => bench.call(`${i}`, [budget])),
  );
  await bench.clock.advance(500);
  assert.deepEqual(
    bench.left.map(({ at }) => at - start),
    Array.from({ length: 10 }, () => 0),
  );
  await bench.clock.advance(5000);
  await history;
});

Deno.test("createScheduler() lets head go before lookup before backfill", async () => {
  const bench = new Bench();
  const budget = bench.budget([], { inFlight: 1 });
  const first = await bench.admit("first", [budget]);
  const rest = [
    bench.call("history", [budget]),
    bench.call("look up", [budget], { priority: "lookup" }),
    bench.call("head", [budget], { priority: "head" }),
  ];
  await settled();
  assert.deepEqual(bench.order, ["first"]);

  first[Symbol.dispose]();
  await bench.clock.advance(0);
  await Promise.all(rest);
  assert.deepEqual(bench.order, ["first", "head", "look up", "history"]);
});

Deno.test("createScheduler() starves no class", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 1, per: 100 }]);
  let flooding = true;
  const flood = async (priority: Priority) => {
    while (flooding) await bench.call(priority, [budget], { priority });
  };
  const floods = (["head", "lookup", "backfill"] satisfies Priority[])
    .flatMap((priority) => [flood(priority), flood(priority)]);
  await bench.clock.advance(10_000);
  flooding = false;
  await bench.clock.advance(2000);
  await Promise.all(floods);

  const share = (name: string) =>
    bench.order.filter((one) => one === name).length / bench.order.length;
  assert.ok(share("head") > 0.7, `head ${share("head")}`);
  assert.ok(share("lookup") > 0.05, `lookup ${share("lookup")}`);
  assert.ok(share("backfill") > 0.05, `backfill ${share("backfill")}`);
});

Deno.test("createScheduler() asks no more than is allowed at once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 40 }),
      async (inFlight, latencies) => {
        const bench = new Bench();
        const budget = bench.budget([], { inFlight });
        let under = 0;
        const done = Promise.all(latencies.map(async (latency) => {
          using _admission = await bench.admit("call", [budget]);
          assert.ok(++under <= inFlight);
          await bench.clock.sleep(latency);
          under--;
        }));
        await bench.clock.advance(5000);
        await done;
        assert.equal(bench.left.length, latencies.length);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("createScheduler() prefers the first budget that can pay at once", async () => {
  const bench = new Bench();
  const [a, b] = [
    bench.budget([{ count: 1, per: 60_000 }], { name: "a" }),
    bench.budget([{ count: 2, per: 20_000 }], { name: "b" }),
  ];
  const calls = Array.from(
    { length: 4 },
    (_, i) => bench.call(`${i}`, [a, b], { priority: "lookup" }),
  );
  await bench.clock.advance(30_000);
  await Promise.all(calls);

  const start = bench.left[0]!.at;
  assert.deepEqual(
    bench.left.map((
      { at, budget },
    ) => [budget, Math.round((at - start) / 1e4)]),
    [["a", 0], ["b", 0], ["b", 0], ["b", 2]],
  );
});

Deno.test("createScheduler() cools a budget down and uses another", async () => {
  const bench = new Bench();
  const [a, b] = [
    bench.budget([], { name: "a" }),
    bench.budget([], { name: "b" }),
  ];
  a.coolUntil(bench.clock.now() + 5000);
  a.coolUntil(bench.clock.now() + 10); // A shorter pause does not end a longer.
  const elsewhere = bench.call("elsewhere", [a, b]);
  const waits = bench.call("waits", [a]);
  await bench.clock.advance(4999);
  assert.deepEqual(bench.left.map(({ budget }) => budget), ["b"]);
  await bench.clock.advance(1);
  await Promise.all([elsewhere, waits]);
  assert.deepEqual(bench.left.map(({ budget }) => budget), ["b", "a"]);
});

Deno.test("createScheduler() ends a pause at its instant when the clock jumps", async () => {
  let elapsed = 0;
  const bench = new Bench(() => elapsed);
  const budget = bench.budget([]);
  const hour = 3_600_000;
  budget.coolUntil(bench.clock.now() + hour);
  const call = bench.call("after the pause", [budget]);
  // The machine slept: the wall clock went on, the monotonic one stood still.
  bench.clock.jump(hour + 1);
  elapsed += 40_000;
  await bench.clock.advance(40_000);
  await call;
});

Deno.test("createScheduler() keeps its windows when the clock jumps", async () => {
  for (const jump of [-3_600_000, 3_600_000]) {
    let jumped = 0;
    const bench = new Bench((clock) => clock.now() - jumped);
    const budget = bench.budget([{ count: 5, per: 1000 }]);
    const done = Promise.all(
      Array.from({ length: 20 }, (_, i) => bench.call(`${i}`, [budget])),
    );
    const truth: { at: number; units: number }[] = [];
    for (let ms = 0; ms < 6000; ms += 10) {
      if (ms === 1500) {
        jumped = jump;
        bench.clock.jump(jump);
      }
      const before = bench.left.length;
      await bench.clock.advance(10);
      for (let i = before; i < bench.left.length; i++) {
        truth.push({ at: ms, units: 1 });
      }
    }
    if (jump > 0) {
      await done;
      assert.equal(truth.length, 20);
    }
    assert.ok(peak(truth, 1000) <= 5, `jump ${jump}`);
  }
});

Deno.test("createScheduler() stands still where the only clock goes back", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 2, per: 1000 }]);
  const two = ["a", "b"].map((name) =>
    bench.call(name, [budget], { priority: "lookup" })
  );
  await bench.clock.advance(0);
  bench.clock.jump(-5000);
  const third = bench.call("c", [budget], { priority: "lookup" });
  await bench.clock.advance(900);
  assert.equal(bench.left.length, 2);
  await bench.clock.advance(150);
  await Promise.all([...two, third]);
});

Deno.test("createScheduler() gives up a call whose signal is aborted", async () => {
  const bench = new Bench();
  const budget = bench.budget([], { inFlight: 1 });
  const first = await bench.admit("first", [budget]);
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = bench.admit("aborted", [budget], {
    signal,
    priority: "head",
  });
  const next = bench.call("next", [budget]);
  controller.abort(new Error("not wanted"));
  await assert.rejects(aborted, /not wanted/);
  first[Symbol.dispose]();
  await bench.clock.advance(0);
  await next;
  assert.deepEqual(bench.order, ["first", "next"]);

  await assert.rejects(
    bench.admit("too late", [budget], { signal }),
    /not wanted/,
  );
});

Deno.test("createScheduler() lets a call that costs more than its window go alone", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 500, per: 1000 }]);
  const cheap = bench.call("cheap", [budget], { price: 80 });
  const dear = bench.call("dear", [budget], { price: 1000 });
  const later = bench.call("later", [budget], { price: 80 });
  await bench.clock.advance(10_000);
  await Promise.all([cheap, dear, later]);

  const [first, second, third] = bench.left.map(({ at }) => at);
  assert.ok(second! - first! >= 1000, "waits for an empty window");
  assert.ok(third! - second! >= 2000, "pays off 1000 units at 500 a second");
});

Deno.test("createScheduler() does not let cheap calls overtake a dear one for ever", async () => {
  const bench = new Bench();
  const budget = bench.budget([{ count: 100, per: 1000 }]);
  let flooding = true;
  const flood = async () => {
    while (flooding) await bench.call("cheap", [budget], { price: 10 });
  };
  const floods = Array.from({ length: 20 }, flood);
  await bench.clock.advance(500);
  const dear = bench.call("dear", [budget], { price: 90 });
  await bench.clock.advance(3000);
  assert.ok(bench.order.includes("dear"));
  flooding = false;
  await bench.clock.advance(5000);
  await Promise.all([dear, ...floods]);
});

Deno.test("createScheduler() spends a long window fully and never more", async () => {
  const bench = new Bench();
  const [count, per] = [1500, 300_000];
  const budget = bench.budget([{ count, per }, { count: 20, per: 1000 }]);
  const done = Promise.all(
    Array.from(
      { length: 3500 },
      (_, i) => bench.call(`${i}`, [budget], { priority: "lookup" }),
    ),
  );
  for (let i = 0; i < 8; i++) await bench.clock.advance(100_000);
  await done;

  const events = bench.left.map(({ at }) => ({ at, units: 1 }));
  assert.equal(peak(events, per), count);
  const took = bench.left.at(-1)!.at - bench.left[0]!.at;
  assert.ok(took < 1.01 * 2 * per + 100_000, `took ${took}`);
});

Deno.test("createScheduler() counts what waits and what is under way", async () => {
  const bench = new Bench();
  const budget = bench.budget([], { name: "eth", inFlight: 1 });
  const first = await bench.admit("first", [budget]);
  const running = bench.metrics.gauge("sluice_rpc_in_flight", {
    endpoint: "eth",
  });
  assert.equal(running.value, 1);
  const second = bench.call("second", [budget]);
  await bench.clock.advance(250);
  first[Symbol.dispose]();
  await bench.clock.advance(0);
  await second;
  assert.equal(running.value, 0);
  assert.equal(bench.metrics.total("sluice_rpc_waited_ms_total"), 250);
});
