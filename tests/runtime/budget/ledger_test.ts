/**
 * Many processes, one budget: schedulers that share accounts through a file,
 * judged by a limiter that refuses what is too much.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Window } from "../../../runtime/budget/scheduler.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";
import { costOf, Fleet, type Member, perDay, perSecond } from "./fleet.ts";

const group = "team";

/** Start processes that all make calls of a price as fast as they may. */
function floods(
  fleet: Fleet,
  windows: readonly Window[],
  { cost = 1, processes }: {
    readonly cost?: number;
    readonly processes: number;
  },
): Member[] {
  return Array.from({ length: processes }, () => {
    const member = fleet.start();
    const budget = member.budget({ windows, group });
    fleet.flood(member, budget, { cost: costOf(cost) });
    return member;
  });
}

Deno.test("Ledger leaves the whole rate to a process that is alone", async () => {
  await using fleet = await Fleet.make();
  fleet.limit(group, { creditsPerSecond: 10 });
  floods(fleet, [perSecond(10)], { processes: 1 });
  await fleet.clock.advance(20_000);
  assert.equal(fleet.refused, 0);
  assert.ok(fleet.credits() >= 198, `${fleet.credits()} of 200`);
  assert.equal(fleet.sent[0]!.at, fleet.clock.now() - 20_000, "at once");
});

for (
  const { cost, processes, rate } of [
    { cost: 1, processes: 8, rate: 20 },
    { cost: 80, processes: 3, rate: 500 },
    { cost: 80, processes: 8, rate: 500 },
    { cost: 300, processes: 4, rate: 500 },
  ]
) {
  Deno.test(`Ledger divides ${rate}/s among ${processes} processes with calls of ${cost}`, async () => {
    await using fleet = await Fleet.make();
    fleet.limit(group, { creditsPerSecond: rate });
    const members = floods(fleet, [perSecond(rate)], { cost, processes });
    await fleet.clock.advance(5000);
    const from = fleet.clock.now();
    const seconds = 60;
    await fleet.clock.advance(1000 * seconds);
    assert.equal(fleet.refused, 0);
    const most = Math.floor(rate / cost) * cost * seconds;
    const used = fleet.credits({ from });
    assert.ok(used >= 0.9 * most, `${used} of ${most}`);
    for (const { name } of members) {
      const own = fleet.credits({ from, process: name });
      assert.ok(own >= 0.4 * used / processes, `${name}: ${own} of ${used}`);
    }
  });
}

Deno.test("Ledger gives a call dearer than a second to one process at a time", async () => {
  await using fleet = await Fleet.make();
  fleet.limit(group, { creditsPerSecond: 500, debt: true });
  floods(fleet, [perSecond(500)], { cost: 1000, processes: 3 });
  await fleet.clock.advance(65_000);
  assert.equal(fleet.refused, 0);
  const by = fleet.members.map(({ name }) => fleet.credits({ process: name }));
  assert.ok(by.every((credits) => credits >= 5000), `${by}`);
  assert.ok(fleet.credits() >= 0.8 * 500 * 65, `${fleet.credits()}`);
});

Deno.test("Ledger moves the shares of idle processes to busy ones", async () => {
  await using fleet = await Fleet.make();
  fleet.limit(group, { creditsPerSecond: 20 });
  const windows = [perSecond(20)];
  const [busy, idle] = [fleet.start(), fleet.start()];
  const budgets = [busy, idle].map((one) => one.budget({ windows, group }));
  const stop = new AbortController();
  fleet.flood(idle, budgets[1]!, { cost: costOf(1), signal: stop.signal });
  await fleet.clock.advance(10_000);
  stop.abort();
  fleet.flood(busy, budgets[0]!, { cost: costOf(1) });
  await fleet.clock.advance(8000);
  const from = fleet.clock.now();
  await fleet.clock.advance(10_000);
  assert.equal(fleet.refused, 0);
  const used = fleet.credits({ from });
  assert.ok(used >= 0.9 * 200, `${used} of 200`);
  // It wakes up: its own calls leave within two seconds.
  const woken = fleet.clock.now();
  const call = fleet.call(idle, budgets[1]!, { cost: costOf(1) });
  await fleet.clock.advance(2000);
  await call;
  assert.ok(fleet.credits({ from: woken, process: idle.name }) === 1);
});

Deno.test("Ledger frees the share of a killed process, and no call before", async () => {
  await using fleet = await Fleet.make();
  fleet.limit(group, { creditsPerSecond: 20 });
  const [killed, ...others] = floods(fleet, [perSecond(20)], { processes: 4 });
  await fleet.clock.advance(10_000);
  fleet.kill(killed!);
  const at = fleet.clock.now();
  await fleet.clock.advance(12_000);
  const from = fleet.clock.now();
  await fleet.clock.advance(10_000);
  assert.equal(fleet.refused, 0);
  assert.equal(fleet.credits({ from: at, process: killed!.name }), 0);
  assert.equal(others.length, 3);
  const used = fleet.credits({ from });
  assert.ok(used >= 0.95 * 200, `${used} of 200`);
});

Deno.test("Ledger lets a stopped process send nothing when it wakes up", async () => {
  await using fleet = await Fleet.make();
  fleet.limit(group, { creditsPerSecond: 20 });
  const [stopped] = floods(fleet, [perSecond(20)], { processes: 3 });
  await fleet.clock.advance(10_000);
  stopped!.clock.stop();
  await fleet.clock.advance(30_000);
  // It cannot ask: nothing may leave.
  stopped!.store.isAway = true;
  const from = fleet.clock.now();
  stopped!.clock.resume();
  await fleet.clock.advance(5000);
  assert.equal(fleet.credits({ from, process: stopped!.name }), 0);
  stopped!.store.isAway = false;
  await fleet.clock.advance(10_000);
  assert.ok(fleet.credits({ from, process: stopped!.name }) > 20);
  assert.equal(fleet.refused, 0);
});

Deno.test("Ledger goes on with what it has while the store is away, then waits", async () => {
  await using fleet = await Fleet.make();
  fleet.limit(group, { creditsPerSecond: 20, creditsPerDay: 100_000 });
  const windows = [perSecond(20), perDay(100_000)];
  const [one] = floods(fleet, windows, { processes: 2 });
  await fleet.clock.advance(10_000);
  const from = fleet.clock.now();
  for (const { store } of fleet.members) store.isAway = true;
  await fleet.clock.advance(60_000);
  const sent = fleet.sent.filter(({ at }) => at >= from);
  const last = sent.at(-1)!.at - from;
  assert.ok(last > 2000 && last < 9000, `went on for ${last} ms`);
  for (const { store } of fleet.members) store.isAway = false;
  const back = fleet.clock.now();
  await fleet.clock.advance(20_000);
  assert.ok(fleet.credits({ from: back }) >= 300);
  assert.equal(fleet.refused, 0);
  assert.deepEqual(one!.lines, [
    "Calls wait: the store of the shared budgets does not answer",
    "Budgets are renewed, calls go on",
  ]);
});

Deno.test("Ledger spends a day once, however many processes and kills", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 23, 56, 30));
  await using fleet = await Fleet.make(clock);
  const day = 2000;
  fleet.limit(group, { creditsPerSecond: 40, creditsPerDay: day });
  const windows = [perSecond(40), perDay(day)];
  const members = floods(fleet, windows, { processes: 4 });
  await clock.advance(20_000);
  fleet.kill(members[0]!);
  floods(fleet, windows, { processes: 1 });
  await clock.advance(120_000);
  assert.equal(fleet.refused, 0);
  const used = fleet.credits();
  assert.ok(used <= day && used >= 0.9 * day, `${used} of ${day}`);
  const told = members[1]!.lines.filter((line) => line.startsWith("Quota"));
  assert.deepEqual(told, ["Quota spent: calls wait or go elsewhere"]);
  // It comes back at 00:00 UTC, for everybody, while they wait.
  await clock.advance(140_000);
  assert.equal(fleet.refused, 0);
  const midnight = Date.UTC(2026, 0, 2);
  const next = fleet.credits({ from: midnight });
  assert.ok(next <= day && next >= 0.95 * day, `${next} of ${day}`);
  const first = fleet.sent.find(({ at }) => at >= midnight)!.at - midnight;
  assert.ok(first >= 5000 && first < 40_000, `${first} ms behind the reset`);
});

Deno.test("Ledger remembers what a day has cost before a restart", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 3));
  await using fleet = await Fleet.make(clock);
  fleet.limit(group, { creditsPerDay: 1000 });
  const windows = [perSecond(50), perDay(1000)];
  const first = fleet.start();
  const budget = first.budget({ windows, group });
  fleet.flood(first, budget, { cost: costOf(10) });
  await clock.advance(10_000);
  const before = fleet.credits();
  assert.ok(before > 400);
  fleet.kill(first);
  await clock.advance(60_000);
  floods(fleet, windows, { cost: 10, processes: 1 });
  await clock.advance(60_000);
  assert.equal(fleet.refused, 0);
  // Who is killed takes a quarter along at most.
  assert.ok(fleet.credits() >= 750, `${fleet.credits()} of 1000`);
});

Deno.test("Ledger gives back what an ended process has not spent", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 3));
  await using fleet = await Fleet.make(clock);
  fleet.limit(group, { creditsPerDay: 1000 });
  const windows = [perSecond(50), perDay(1000)];
  for (let run = 0; run < 3; run++) {
    const member = fleet.start();
    const stop = new AbortController();
    const budget = member.budget({ windows, group });
    const { signal } = stop;
    fleet.flood(member, budget, { cost: costOf(10), signal });
    await clock.advance(5000);
    stop.abort();
    const ended = member.ledger[Symbol.asyncDispose]();
    await clock.advance(2000);
    await ended;
  }
  floods(fleet, windows, { cost: 10, processes: 1 });
  await clock.advance(60_000);
  assert.equal(fleet.refused, 0);
  assert.equal(fleet.credits(), 1000);
});

Deno.test("Ledger keeps the reserve of a day for any process's head", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 3));
  await using fleet = await Fleet.make(clock);
  fleet.limit(group, { creditsPerDay: 1000 });
  const windows = [perSecond(50), perDay(1000)];
  const reserve = 0.2;
  const members = Array.from({ length: 3 }, () => fleet.start());
  const budgets = members.map((one) => one.budget({ windows, group, reserve }));
  members.forEach((one, index) =>
    fleet.flood(one, budgets[index]!, { cost: costOf(10) })
  );
  await clock.advance(60_000);
  const history = fleet.credits();
  assert.ok(history <= 800 && history >= 700, `${history} of 800`);
  const head = members[0]!;
  fleet.flood(head, budgets[0]!, { cost: costOf(10), priority: "head" });
  await clock.advance(60_000);
  assert.ok(fleet.credits() >= 950, `${fleet.credits()} of 1000`);
  assert.equal(fleet.refused, 0);
});

Deno.test("Ledger tells other processes that a quota is spent", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 3));
  await using fleet = await Fleet.make(clock);
  const windows = [perSecond(10)];
  const [a, b] = [fleet.start(), fleet.start()];
  const budget = a.budget({ windows, group });
  const other = b.budget({ windows, group });
  await clock.advance(1000);
  const until = clock.now() + 3_600_000;
  budget.coolGroupUntil(until);
  await clock.advance(3000);
  assert.equal(other.cooledUntil, until);
  const late = fleet.start().budget({ windows, group });
  await clock.advance(1000);
  assert.equal(late.cooledUntil, until, "also one that comes later");
});

Deno.test("Ledger keeps count of each key, also of a killed process's", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 3, 59, 55));
  await using fleet = await Fleet.make(clock);
  const windows = [perSecond(20), perDay(10_000)];
  const members = floods(fleet, windows, { cost: 4, processes: 2 });
  await clock.advance(10_500);
  fleet.kill(members[0]!);
  const sent = fleet.sent.length;
  await clock.advance(2000);
  const { ledger } = fleet.start();
  const own = { key: "team", windows };
  const usage = await ledger.usage("group team", own);
  const { calls, credits } = usage!.day;
  const all = fleet.sent.length;
  // Of the last second of a killed process nobody knows.
  assert.ok(calls >= sent - 5 && calls <= all, `${calls} of ${all}`);
  assert.equal(credits, 4 * calls);
  const [second, day] = usage!.windows;
  assert.equal(second!.used, 0);
  // What the killed one held counts, too: units for some seconds.
  const really = fleet.credits();
  assert.ok(day!.used >= really, `${day!.used} of ${really}`);
  assert.ok(day!.used < really + 300, `${day!.used} of ${really}`);
  assert.equal(day!.left, 10_000 - day!.used);
  fleet.kill(members[1]!);
  clock.jump(26 * 3_600_000);
  const later = await ledger.usage("group team", own);
  assert.deepEqual(later!.day, { calls: 0, credits: 0 });
  assert.equal(later!.windows[1]!.used, 0);
});

Deno.test("Ledger holds through suspends and clocks that jump", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 3));
  await using fleet = await Fleet.make(clock);
  const minute: Window = { count: 300, per: 60_000, unit: "credits" };
  fleet.limit(group, { creditsPerSecond: 20 });
  const windows = [perSecond(20), minute];
  const members = floods(fleet, windows, { processes: 3 });
  await clock.advance(20_000);
  for (const by of [3_600_000, -7_200_000, 3_600_000]) {
    // One machine: all of its processes see the jump.
    for (const member of members) member.clock.set(by);
    await clock.advance(20_000);
  }
  const hours = 5 * 3_600_000;
  clock.jump(hours);
  for (const member of members) member.clock.slept(hours);
  const from = clock.now();
  await clock.advance(60_000);
  assert.equal(fleet.refused, 0);
  assertSliding(fleet, 300, 60_000);
  assert.ok(fleet.credits({ from }) >= 200, "goes on after the suspend");
});

function assertSliding(fleet: Fleet, count: number, per: number): void {
  const { sent } = fleet;
  let first = 0;
  let inside = 0;
  for (const { at, credits } of sent) {
    inside += credits;
    while (sent[first]!.at <= at - per) inside -= sent[first++]!.credits;
    assert.ok(inside <= count, `${inside} within ${per} ms`);
  }
}

Deno.test("Ledger keeps a sliding minute to the full among processes", async () => {
  await using fleet = await Fleet.make();
  const minute: Window = { count: 300, per: 60_000, unit: "credits" };
  floods(fleet, [minute], { cost: 3, processes: 4 });
  await fleet.clock.advance(180_000);
  assertSliding(fleet, 300, 60_000);
  assert.ok(fleet.credits() >= 0.9 * 900, `${fleet.credits()} of 900`);
});
