/**
 * Who gets what of an account, held against a model that knows every unit
 * that was really spent.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  allot,
  type Book,
  keyOf,
  leave,
  type Seen,
  usageOf,
} from "../../../runtime/budget/book.ts";
import type {
  ChunkGrant,
  ChunkRequest,
} from "../../../runtime/budget/chunks.ts";
import type { Window } from "../../../runtime/budget/scheduler.ts";

const minute: Window = { count: 100, per: 60_000, unit: "credits" };
const reset = { every: "day", day: 1, minute: 0, zone: "UTC" } as const;
const day: Window = { count: 100, per: 86_400_000, unit: "credits", reset };
const midnight = Date.UTC(2026, 0, 2);

/** Longer than any lease lasts that is not renewed, ms. */
const lease = 50_000;

/** A process that keeps to what it is granted, and while that lasts. */
class Process {
  renewed = -Infinity;
  common = 0;
  head = 0;
  spent = 0;
  isAlive = true;
}

/** An account and everything that was really spent of it. */
class World {
  readonly window: Window;
  readonly common: number;
  readonly processes: Process[];
  readonly spent: { at: number; units: number; isHead: boolean }[] = [];
  now: number;
  book: Book | undefined;

  constructor(
    window: Window,
    { common, number, start }: {
      readonly common: number;
      readonly number: number;
      readonly start: number;
    },
  ) {
    this.window = window;
    this.common = common;
    this.now = start;
    this.processes = Array.from({ length: number }, () => new Process());
  }

  get seen(): Seen {
    const live = this.processes.flatMap(({ isAlive }, id) =>
      isAlive ? [`${id}`] : []
    );
    return {
      ...{ book: this.book, live: new Set(live) },
      ...{ time: this.now, wall: this.now },
    };
  }

  renew(id: number, wants: { common: number; head: number }): void {
    const process = this.processes[id]!;
    if (!process.isAlive) return;
    // What is too much goes back.
    process.common = Math.min(process.common, wants.common);
    process.head = Math.min(process.head, wants.head);
    const { book, grant } = allot(this.seen, {
      id: `${id}`,
      closedUntil: 0,
      windows: [this.#request(process, wants)],
    });
    this.book = book;
    process.renewed = this.now;
    const [{ more }] = grant.windows as [ChunkGrant];
    process.common += more.common;
    process.head += more.head;
  }

  /** Another process comes in the place of one that died, when that is over. */
  begin(id: number): void {
    const process = this.processes[id]!;
    if (process.isAlive) return;
    // Somebody has seen meanwhile that the old one is gone.
    this.book = this.book && allot(this.seen, {
      ...{ id: "passer-by", closedUntil: 0, windows: [] },
    }).book;
    this.processes[id] = new Process();
  }

  end(id: number): void {
    const process = this.processes[id]!;
    if (!process.isAlive) return;
    process.common = process.head = 0;
    const windows = [this.#request(process, { common: 0, head: 0 })];
    this.book = leave(this.seen, { id: `${id}`, closedUntil: 0, windows });
    process.isAlive = false;
  }

  spend(id: number, units: number, isHead: boolean): void {
    const process = this.processes[id]!;
    const pool = isHead ? "head" : "common";
    const may = process.isAlive && this.now - process.renewed < lease;
    const can = may ? Math.min(units, process[pool]) : 0;
    process[pool] -= can;
    process.spent += can;
    this.spent.push({ at: this.now, units: can, isHead });
  }

  /** Units that the provider counts now. */
  counted(): number {
    const since = this.window.reset
      ? Math.floor(this.now / this.window.per) * this.window.per
      : this.now - this.window.per + 1;
    return this.spent.filter(({ at }) => at >= since)
      .reduce((sum, { units }) => sum + units, 0);
  }

  #request(
    { common, head, spent }: Process,
    wants: { common: number; head: number },
  ): ChunkRequest {
    return {
      window: this.window,
      common: this.common,
      holds: { common, head, open: 0 },
      wants,
      spent,
      quantum: 3,
    };
  }
}

const units = fc.integer({ min: 0, max: 60 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("renew" as const),
      wants: fc.record({ common: units, head: units }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("spend" as const),
      units,
      isHead: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("kill", "end", "begin") }),
  },
);

for (const [name, window] of Object.entries({ minute, day })) {
  Deno.test(`allot() lets nobody spend more than a ${name} holds`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(100, 80),
        fc.array(
          fc.tuple(
            fc.nat(3),
            step,
            fc.constantFrom(0, 900, 7000, 30_000, 58_500),
          ),
          { minLength: 5, maxLength: 80 },
        ),
        (number, common, steps) => {
          const start = midnight - 60_000;
          const world = new World(window, { common, number, start });
          for (const [who, what, pause] of steps) {
            const id = who % number;
            const process = world.processes[id]!;
            if (what.kind === "renew") world.renew(id, what.wants);
            else if (what.kind === "spend") {
              world.spend(id, what.units, what.isHead);
            } else if (what.kind === "kill") process.isAlive = false;
            else if (what.kind === "end") world.end(id);
            else world.begin(id);
            const counted = world.counted();
            assert.ok(counted <= 100, `${counted} of 100`);
            world.now += pause;
          }
          const all = usageOf(world.seen, [window])[0]!;
          assert.ok(all.used >= world.counted(), "nothing is forgotten");
          assert.ok(all.used <= 100);
          // After a while everything has come back.
          for (let id = 0; id < number; id++) world.end(id);
          world.now += 2 * 86_400_000;
          assert.equal(usageOf(world.seen, [window])[0]!.used, 0);
        },
      ),
      { numRuns: 300 },
    );
  });
}

Deno.test("allot() keeps a reserve for the head", () => {
  const world = new World(day, { common: 80, number: 2, start: midnight });
  world.renew(0, { common: 100, head: 0 });
  assert.equal(world.processes[0]!.common, 80);
  world.renew(1, { common: 100, head: 100 });
  const { common, head } = world.processes[1]!;
  assert.equal(common, 0);
  assert.ok(head >= 10 && head <= 20, `${head}`);
});

Deno.test("keyOf() tells windows apart, whatever they count", () => {
  const month: Window = { ...day, reset: { ...reset, every: "month" } };
  const keys = [minute, day, month, { ...minute, unit: "calls" as const }]
    .map(keyOf);
  assert.equal(new Set(keys).size, 4);
  assert.equal(keyOf({ ...minute, count: 5 }), keyOf(minute));
});
