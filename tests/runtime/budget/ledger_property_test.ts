import assert from "node:assert/strict";
import * as fc from "fast-check";
import { FakeClock } from "../../fixtures/fake_clock.ts";
import { costOf, Fleet, perDay, perSecond } from "./fleet.ts";

const group = "team";

Deno.test("Ledger keeps every limit, whatever happens to the processes", async () => {
  const happening = fc.oneof(
    fc.record({
      kind: fc.constantFrom("start", "kill", "end", "stop", "resume"),
    }),
    fc.record({ kind: fc.constantFrom("away", "back", "jump") }),
  );
  const seed = Number(Deno.env.get("SLUICE_SEED") ?? Date.now() % 2 ** 31);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        rate: fc.integer({ min: 5, max: 40 }),
        day: fc.integer({ min: 300, max: 3000 }),
        costs: fc.array(fc.integer({ min: 1, max: 12 }), {
          minLength: 1,
          maxLength: 3,
        }),
        early: fc.integer({ min: 0, max: 120_000 }),
      }),
      fc.array(
        fc.record({
          what: happening,
          which: fc.nat(20),
          pause: fc.integer({ min: 50, max: 15_000 }),
        }),
        { minLength: 3, maxLength: 12 },
      ),
      async ({ costs, day, early, rate }, events) => {
        const clock = new FakeClock(Date.UTC(2026, 0, 2) - early);
        await using fleet = await Fleet.make(clock);
        fleet.limit(group, {
          creditsPerSecond: rate,
          creditsPerDay: day,
          debt: true,
        });
        const windows = [perSecond(rate), perDay(day)];
        const run = () => {
          const member = fleet.start();
          const budget = member.budget({ windows, group });
          for (const cost of costs) {
            const call = { cost: costOf(cost), atOnce: 2 };
            fleet.flood(member, budget, call);
          }
          return member;
        };
        run();
        run();
        for (const { pause, what: { kind }, which } of events) {
          await clock.advance(pause);
          const member = fleet.members[which % fleet.members.length]!;
          if (kind === "start" && fleet.members.length < 8) run();
          if (kind === "kill") fleet.kill(member);
          if (kind === "stop") member.clock.stop();
          if (kind === "resume" && !member.isDead) member.clock.resume();
          if (kind === "away") member.store.isAway = true;
          if (kind === "back" && !member.isDead) member.store.isAway = false;
          if (kind === "end" && !member.isDead) {
            member.isDead = true;
            member.clock.resume();
            member.ledger[Symbol.asyncDispose]();
          }
        }
        await clock.advance(15_000);
        assert.equal(fleet.refused, 0);
      },
    ),
    { numRuns: Number(Deno.env.get("SLUICE_RUNS") ?? 12), seed },
  );
});
