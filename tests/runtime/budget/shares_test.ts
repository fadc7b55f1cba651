import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  allotShare,
  type Share,
  type ShareGrant,
  targetsOf,
} from "../../../runtime/budget/shares.ts";

const count = 100;
const window = { count, per: 1000, unit: "weight" } as const;

function share(some: Partial<Share> = {}): Share {
  return {
    ...{ window, share: 0, want: count, quantum: 1, busy: true, since: 0 },
    ...some,
  };
}

function targets(
  shares: Readonly<Record<string, Share>>,
  time = 0,
): Record<string, number> {
  const all = new Map(Object.entries(shares));
  return Object.fromEntries(targetsOf(all, { count, time }));
}

Deno.test("targetsOf() gives everything to one that is alone", () => {
  assert.deepEqual(targets({ a: share() }), { a: 100 });
  const idle = share({ busy: false, want: 1 });
  assert.deepEqual(targets({ a: idle }), { a: 100 });
});

Deno.test("targetsOf() divides in whole calls, and leaves odd ones where they are", () => {
  const dear = { quantum: 16 };
  assert.deepEqual(
    targets({
      a: share(dear),
      b: share({ ...dear, share: 32 }),
      c: share(dear),
      d: share(dear),
    }),
    // Six calls fit; the four units that are left make cheaper ones.
    { a: 32, b: 36, c: 16, d: 16 },
  );
});

Deno.test("targetsOf() leaves to idle ones what they use", () => {
  const idle = share({ busy: false, want: 5 });
  assert.deepEqual(targets({ a: share(), b: idle, c: share() }), {
    ...{ a: 48, b: 5, c: 47 },
  });
});

Deno.test("targetsOf() serves who waits longest when a turn is over", () => {
  const dear = { quantum: 60 };
  const holder = share({ ...dear, share: 100, since: 0 });
  const early = share({ ...dear, since: 2000 });
  const late = share({ ...dear, since: 3000 });
  const all = { a: holder, b: late, c: early };
  assert.deepEqual(targets(all, 9000), { a: 100 });
  assert.deepEqual(targets(all, 11_000), { c: 100 });
});

/** One process as the protocol wants it to behave. */
class Process {
  granted: ShareGrant = { count, share: 0, limit: 0 };
  /** Units spent at most in the current window. */
  used = 0;
  busy = true;
  quantum = 1;
  before: Share | undefined;
}

Deno.test("allotShare() never gives away more than there is, and starves nobody", () => {
  const step = fc.record({
    who: fc.nat(5),
    quantum: fc.constantFrom(1, 5, 16, 40, 70, 150),
    busy: fc.boolean(),
    pause: fc.constantFrom(100, 700, 1100),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(step, { minLength: 1, maxLength: 60 }),
      (number, steps) => {
        const processes = Array.from({ length: number }, () => new Process());
        let time = 0;
        const renew = (index: number) => {
          const one = processes[index]!;
          const others = new Map(
            processes.flatMap(({ before }, other) =>
              before && other !== index ? [[`${other}`, before]] : []
            ),
          );
          const keeps = Math.max(one.granted.limit, one.used);
          const { busy, quantum } = one;
          const want = busy ? count : quantum;
          const { grant, holding } = allotShare(
            { window, busy, keeps, quantum, want: Math.min(count, want) },
            { id: `${index}`, mine: one.before, others, time },
          );
          one.before = holding;
          one.granted = grant;
          // What is allowed is spent at once, by those with something to do.
          if (one.busy) one.used = Math.max(one.used, grant.limit);
          assert.ok(grant.limit <= grant.share);
          const held = processes.reduce(
            (sum, { before }) => sum + (before?.share ?? 0),
            0,
          );
          assert.ok(held <= count, `${held} of ${count}`);
          const spent = processes.reduce((sum, { used }) => sum + used, 0);
          assert.ok(spent <= count, `${spent} of ${count}`);
        };
        /** A window passes: only what is allowed now is spent again. */
        const pass = (ms: number) => {
          time += ms;
          for (const one of processes) {
            if (ms >= 1000) one.used = one.busy ? one.granted.limit : 0;
          }
        };
        for (const { busy, pause, quantum, who } of steps) {
          const one = processes[who % number]!;
          one.busy = busy;
          one.quantum = quantum;
          renew(who % number);
          pass(pause);
        }
        // From now on everybody renews: whoever is busy gets its turn.
        const served = new Set<number>();
        for (let round = 0; round < 200; round++) {
          processes.forEach((_, index) => renew(index));
          pass(1100);
          processes.forEach(({ granted: { limit }, quantum }, index) => {
            if (limit >= Math.min(quantum, count)) served.add(index);
          });
        }
        const busy = processes.flatMap(({ busy }, index) =>
          busy ? [index] : []
        );
        for (const index of busy) assert.ok(served.has(index), `${index}`);
        const held = processes.reduce(
          (sum, { granted }) => sum + granted.share,
          0,
        );
        if (busy.length === 1) assert.ok(held > 0);
      },
    ),
    { numRuns: 300 },
  );
});
