/**
 * Many processes, one budget: nothing is refused and hardly anything left,
 * while processes are killed and one is stopped for longer than its lease.
 *
 * `SLUICE_BUDGET_SECONDS` makes the time before and behind that longer.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openScyllaLedger } from "../../connectors/scylla/ledger.ts";
import type { LedgerStore } from "../../runtime/component.ts";
import { systemClock } from "../../runtime/run/clock.ts";
import { openSqliteLedger } from "../../runtime/budget/sqlite_ledger.ts";
import { connect } from "../connectors/scylla/hot.ts";
import { until } from "../fixtures/until.ts";
import { cassandra, javaTest, uniqueName } from "../services/mod.ts";
import { figure } from "./figure.ts";
import { accounts, rate, Team } from "./shared_budget.ts";

/** Seconds in which everybody works, before and behind the trouble. */
const seconds = Number(Deno.env.get("SLUICE_BUDGET_SECONDS") ?? 6);

/** A process that was killed is taken for living so long, ms. */
const ttl = 10_000;

/** A second to take what it had, and one to see that it is used, ms. */
const reuse = 2000;

/** The part of a day that has to be used. */
const wanted = 0.9;

/** The part of the rates that is used in a few seconds. */
const steady = 0.85;

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
  const day = Math.round(rate * (seconds + 20));
  const blocks = 200 + 50 * (seconds + 30);
  await using ledger = await sharing.open();
  await using team = await Team.start({ ...sharing, day, blocks });
  // Eight programs that begin have more to do than to read.
  const settled = team.now + 4000;
  await until(() => team.now >= settled + working / 2, "all have worked");
  const trouble = team.now;
  const before = team.used({ from: settled, to: trouble });

  // On a machine that is busy as much as four processes can do.
  const level = Math.min(steady, 0.95 * before);
  for (const index of killed) team.program(index).kill("SIGKILL");
  // Not between the leave of a call and its way into the network: nothing in
  // the process helps against that.
  await until(() => team.sinceCall(stopped) < 20, "a call of it has come");
  team.program(stopped).kill("SIGSTOP");
  let reused = 0;
  await until(() => {
    const to = team.now;
    // A call that is not answered yet is not counted yet.
    reused = to - trouble;
    return reused > 1000 && team.used({ from: to - 1000, to }) >= level;
  }, "what the dead had is used");
  const after = team.now;
  await until(() => team.now >= trouble + ttl + 1500, "its lease is over");
  const meanwhile = team.used({ from: after, to: team.now });

  // Its places are gone; nothing may come from it before it has new ones.
  const live = async (account: string) =>
    (await ledger.look(`group ${account}`)).live;
  const left = await Promise.all(accounts.map(live));
  team.program(stopped).kill("SIGCONT");
  const waking = await Promise.all(accounts.map(async (account, index) => {
    let without = team.now;
    await until(async () => {
      const asked = team.now;
      const now = await live(account);
      if (now.difference(left[index] ?? now).size > 0) return true;
      without = asked;
      return false;
    }, "the stopped process has a place again");
    return without;
  }));
  const early = team.uses(trouble + 1000).filter((use) =>
    use.process === stopped &&
    use.at < (waking[accounts.indexOf(use.account)] ?? 0)
  );
  const woken = team.now + 2000;
  await until(() => team.now >= woken + 1500, "all go on");
  const last = team.used({ from: woken, to: team.now });
  // Nothing is left that anybody could use.
  await until(() => team.silence > 1500, "all days are spent");
  const { spent } = team;
  const joined = team.uses(woken).some(({ process }) => process === stopped);

  for (const program of team.programs) program.kill("SIGTERM");
  const ends = await Promise.all(team.programs.map((one) => one.ended()));
  const { accounts: read, calls, refusedCalls } = team.node.stats();
  const keys = await team.keys(killed.length + 1);
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  figure(
    `8 processes: ${percent(before)} of the budget used; 3 killed and 1 ` +
      `stopped: reused after ${(reused / 1000).toFixed(1)} s, then ` +
      `${percent(meanwhile)}; after its waking ${percent(last)}; ${spent} ` +
      `of ${
        3 * day
      } credits of the day; ${refusedCalls} refused, the node up to ${team.late.toFixed()} ms late; peaks ${
        Object.values(read).map((one) => one.peakCreditsPerSecond)
      } of ${rate}/s`,
  );
  team.assertKept(day);
  ends.forEach(({ code, stderr }, index) => {
    if (!killed.includes(index)) assert.equal(code, 0, stderr);
  });
  const instants = early.map(({ at }) => Math.round(at - trouble));
  // On a busy machine a call may have been caught on its way out.
  const most = team.isOnTime ? 0 : 1;
  assert.ok(instants.length <= most, `sent on waking, at ${instants}`);
  assert.ok(joined, "the stopped process goes on");
  assert.ok(reused <= ttl + reuse, `${reused} ms`);
  // A machine that is busy with other things does not let them work.
  for (const part of team.isOnTime ? [before, meanwhile, last] : []) {
    assert.ok(part >= steady, percent(part));
  }
  // What the killed held, and what they had not told yet.
  const lost = rate * killed.length;
  assert.equal(keys.length, 12);
  for (const { group, limits } of keys) {
    const { left = 0, used = 0 } = limits[1] ?? {};
    const own = read[group]?.creditsToday ?? 0;
    assert.ok(used >= own && used <= own + lost, `${used} of ${own}`);
    assert.equal(left, day - used);
  }
  const counted = keys.reduce((sum, { day }) => sum + (day?.calls ?? 0), 0);
  assert.ok(Math.abs(counted - calls) < lost, `${counted} of ${calls}`);
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
          openSqliteLedger(`${folder}/.sluice/usage.db`, { clock }),
        ),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

javaTest("sluice run shares budgets with other machines", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-shared-" });
  const keyspace = uniqueName("budgets");
  const address = await cassandra();
  const client = await connect({ hosts: [address], keyspace });
  await using _ = client;
  try {
    await assertShared({
      state: [
        "state: { connection: hot }",
        "connections:",
        `  hot: { type: scylla, hosts: ["${address}"], keyspace: ${keyspace} }`,
      ],
      folder: (index) => {
        const own = `${folder}/${index}`;
        Deno.mkdirSync(own, { recursive: true });
        return own;
      },
      open: () => Promise.resolve(openScyllaLedger(client, { clock })),
    });
  } finally {
    await client.execute(`DROP KEYSPACE "${keyspace}"`, [], {
      prepare: false,
    });
    await Deno.remove(folder, { recursive: true });
  }
});
