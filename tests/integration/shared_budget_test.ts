/**
 * Many processes, one budget: nothing is refused and hardly anything left,
 * while processes are killed and one is stopped for longer than its lease.
 *
 * `SLUICE_BUDGET_SECONDS` makes the time before and behind that longer.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { LedgerStore } from "../../runtime/component.ts";
import { systemClock } from "../../runtime/run/clock.ts";
import { openSqliteLedger } from "../../runtime/run/sqlite_ledger.ts";
import { until } from "../fixtures/until.ts";
import { figure } from "./figure.ts";
import { rate, Team } from "./shared_budget.ts";

/** Seconds in which everybody works, before and behind the trouble. */
const seconds = Number(Deno.env.get("SLUICE_BUDGET_SECONDS") ?? 8);

/** A process that was killed is taken for living so long, ms. */
const ttl = 10_000;

/** A second to take what it had, and one to see that it is used, ms. */
const reuse = 2000;

/** The part of a budget that has to be used. */
const wanted = 0.9;

const killed = [0, 1, 2];
const stopped = 3;

const clock = systemClock;

/** Store the budgets, and how soon those of a killed process are free. */
interface Sharing {
  readonly state: readonly string[];
  folder(index: number): string;
  open(): Promise<LedgerStore>;
}

async function assertShared(sharing: Sharing): Promise<void> {
  const working = 1000 * seconds;
  // It ends a little behind the trouble.
  const day = Math.round(rate * (seconds + 15));
  const blocks = 200 + 50 * (seconds + 30);
  await using team = await Team.start({ ...sharing, day, blocks });
  await using ledger = await sharing.open();
  const settled = team.now + 2500;
  await until(() => team.now >= settled + working / 2, "all have worked");
  const trouble = team.now;
  const before = team.used({ from: settled, to: trouble });

  for (const index of killed) team.program(index).kill("SIGKILL");
  team.program(stopped).kill("SIGSTOP");
  let reused = 0;
  await until(() => {
    const to = team.now;
    // A call that is not answered yet is not counted yet.
    reused = to - trouble;
    return reused > 1000 && team.used({ from: to - 1000, to }) >= wanted;
  }, "what the dead had is used");
  const after = team.now;
  await until(() => team.now >= trouble + ttl + 1500, "its lease is over");
  const meanwhile = team.used({ from: after, to: team.now });

  // Its place is gone; nothing may come from it before it has a new one.
  const live = async () => (await ledger.look("group a")).live.size;
  const left = await live();
  team.program(stopped).kill("SIGCONT");
  let waking = team.now;
  await until(async () => {
    const asked = team.now;
    if (await live() > left) return true;
    waking = asked;
    return false;
  }, "the stopped process has a place again");
  const early = team.uses(trouble + 500).filter(({ at, process }) =>
    process === stopped && at < waking
  );
  const woken = team.now + 2500;
  await until(() => team.now >= woken + 1500, "all go on");
  const last = team.used({ from: woken, to: team.now });
  // Nothing is left that anybody could use.
  await until(() => team.silence > 2000, "all days are spent");
  const { spent } = team;
  const joined = team.uses(waking).some(({ process }) => process === stopped);

  for (const program of team.programs) program.kill("SIGTERM");
  const ends = await Promise.all(team.programs.map((one) => one.ended()));
  const { accounts, refusedCalls } = team.node.stats();
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  figure(
    `8 processes: ${percent(before)} of the budget used; 3 killed and 1 ` +
      `stopped: reused after ${(reused / 1000).toFixed(1)} s, then ` +
      `${percent(meanwhile)}; after its waking ${percent(last)}; ${spent} ` +
      `of ${3 * day} credits of the day; ${refusedCalls} refused; peaks ${
        Object.values(accounts).map((one) => one.peakCreditsPerSecond)
      } of ${rate}/s`,
  );
  team.assertKept(day);
  ends.forEach(({ code, stderr }, index) => {
    if (!killed.includes(index)) assert.equal(code, 0, stderr);
  });
  assert.equal(early.length, 0, "nothing is sent on waking");
  assert.ok(joined, "the stopped process goes on");
  assert.ok(reused <= ttl + reuse, `${reused} ms`);
  for (const part of [before, meanwhile, last]) {
    assert.ok(part >= wanted, percent(part));
  }
  assert.ok(spent >= wanted * 3 * day, `${spent} of ${3 * day}`);
}

Deno.test("sluice run shares budgets with the processes of its directory", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-shared-" });
  try {
    await assertShared({
      state: ["connections:"],
      folder: () => folder,
      open: () =>
        Promise.resolve(
          openSqliteLedger(`${folder}/.sluice/usage.db`, {
            clock,
            readOnly: true,
          }),
        ),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
