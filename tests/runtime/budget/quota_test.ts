import assert from "node:assert/strict";
import * as fc from "fast-check";
import { periodOf, Quota } from "../../../runtime/budget/quota.ts";
import type { Reset } from "../../../runtime/budget/scheduler.ts";

const day = 86_400_000;
const midnight: Reset = { every: "day", day: 1, minute: 0, zone: "UTC" };

function quota(count: number): Quota {
  return new Quota({ count, per: day, reset: midnight }, midnight);
}

for (
  const [what, reset, now, start, end] of [
    ["a day", midnight, "2026-03-01T00:00Z", "2026-03-01", "2026-03-02"],
    [
      "a day from noon",
      { ...midnight, minute: 750 },
      "2026-03-01T12:29Z",
      "2026-02-28T12:30Z",
      "2026-03-01T12:30Z",
    ],
    [
      "a day of 23 hours",
      { ...midnight, zone: "America/New_York" },
      "2026-03-08T12:00Z",
      "2026-03-08T05:00Z",
      "2026-03-09T04:00Z",
    ],
    [
      "a month",
      { ...midnight, every: "month" },
      "2026-02-28T23:59Z",
      "2026-02-01",
      "2026-03-01",
    ],
    [
      "a month from the 15th",
      { ...midnight, every: "month", day: 15 },
      "2026-01-14T23:00Z",
      "2025-12-15",
      "2026-01-15",
    ],
  ] satisfies [string, Reset, string, string, string][]
) {
  Deno.test(`periodOf() finds ${what}`, () => {
    const period = periodOf(reset, Date.parse(now));
    assert.deepEqual(
      [period.start, period.end],
      [Date.parse(start), Date.parse(end)],
    );
  });
}

Deno.test("periodOf() leaves no instant out and none twice", () => {
  const zones = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"];
  fc.assert(fc.property(
    fc.record({
      every: fc.constantFrom<"day" | "month">("day", "month"),
      day: fc.integer({ min: 1, max: 28 }),
      minute: fc.integer({ min: 0, max: 1439 }),
      zone: fc.constantFrom(...zones),
    }),
    fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
    (reset, now) => {
      const { end, start } = periodOf(reset, now);
      assert.ok(start <= now && now < end);
      assert.equal(periodOf(reset, start).start, start);
      assert.equal(periodOf(reset, end - 1).end, end);
      assert.equal(periodOf(reset, end).start, end);
    },
  ));
});

Deno.test("Quota admits up to its count, then after the reset", () => {
  const spent = quota(100);
  const noon = Date.UTC(2026, 0, 1, 12);
  assert.equal(spent.admits(noon, 60), noon);
  spent.spend(noon, 60);
  assert.equal(spent.admits(noon, 40), noon);
  const reset = Date.UTC(2026, 0, 2) + 5000;
  assert.equal(spent.admits(noon, 41), reset);
  assert.equal(spent.resetsAt(noon), reset);
  assert.equal(spent.admits(reset, 100), reset);
  assert.equal(spent.used(reset), 0);
});

Deno.test("Quota counts on both sides of a reset what leaves close to it", () => {
  const spent = quota(100);
  const turn = Date.UTC(2026, 0, 2);
  spent.spend(turn - 3000, 70);
  assert.equal(spent.used(turn + 20_000), 70);
  // A call that left before and arrived behind it.
  const late = quota(100);
  const counted = late.spend(turn - 60_000, 30);
  late.settle(turn + 1000, 30, counted);
  assert.equal(late.used(turn + 20_000), 30);
});

Deno.test("Quota forgets nothing when the clock was wrong", () => {
  const spent = quota(100);
  const noon = Date.UTC(2026, 0, 1, 12);
  spent.spend(noon, 40);
  // The clock jumps to the next day, and is set right again.
  spent.spend(noon + day, 50);
  assert.equal(spent.used(noon + 1000), 90);
  assert.equal(spent.admits(noon + 1000, 20), Date.UTC(2026, 0, 2) + 5000);
});

Deno.test("Quota lets a call through that is dearer than all of it", () => {
  const spent = quota(100);
  const noon = Date.UTC(2026, 0, 1, 12);
  assert.equal(spent.admits(noon, 1000), noon);
  spent.spend(noon, 1);
  assert.equal(spent.admits(noon, 1000), Date.UTC(2026, 0, 2) + 5000);
});
