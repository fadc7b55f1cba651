import assert from "node:assert/strict";
import { join } from "node:path";
import { Ledger } from "../../../runtime/budget/ledger.ts";
import { createScheduler } from "../../../runtime/budget/scheduler.ts";
import { openSqliteLedger } from "../../../runtime/budget/sqlite_ledger.ts";
import { forecastsOf } from "../../../runtime/plan/forecast.ts";
import { forecastLines } from "../../../runtime/plan/forecast_text.ts";
import { type Usage, usedTariffs } from "../../../runtime/plan/usage.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import type { Spec } from "../../../runtime/spec/spec.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";
import { checked } from "./checked.ts";

/** Noon, so that a day turns in twelve hours. */
const noon = Date.UTC(2026, 0, 1, 12);

/** What one account is used for before. */
interface Use {
  readonly account: number;
  readonly credits?: number;
  readonly closedFor?: number;
}

/** What another process did before. */
interface Before {
  readonly uses?: readonly Use[];
  /** Whether it goes on. */
  readonly isRunning?: boolean;
}

function specWith(endpoint: string): Spec {
  const yaml = `
name: usage
connections:
  eth:
    type: evm
    chain_id: 1
    endpoints:
      - { name: one, url: "https://example.org/{key}", ${endpoint} }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, transactions] }
sinks:
  blocks: { type: blackhole, from: chain.blocks }
  transactions: { type: blackhole, from: chain.transactions }
`;
  return checked(yaml);
}

/** What is known of an endpoint's accounts after they were used. */
async function usageOf(
  spec: Spec,
  { isRunning = false, uses = [] }: Before,
): Promise<Usage> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-usage-" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const clock = new FakeClock(noon);
  const open = (readOnly: boolean) =>
    openSqliteLedger(join(folder, "usage.db"), {
      ...{ clock, readOnly },
      elapsed: () => clock.now(),
    });
  const look = async (): Promise<Usage> => {
    await using store = open(true);
    return { from: "usage.db", tariffs: await usedTariffs(spec, store) };
  };
  {
    const { config, definition } = spec.connections.get("eth")!;
    const [tariff] = definition.tariffs?.(config) ?? [];
    const identities = await tariff?.identities?.() ?? [];
    await using ledger = new Ledger({
      clock,
      open: () => Promise.resolve(open(false)),
    });
    const scheduler = createScheduler({
      ...{ clock, ledger },
      metrics: new Metrics(),
    });
    const budgets = identities.map((identity, index) =>
      scheduler.budget({
        name: `eth/${index}`,
        ...identity.startsWith("group ")
          ? { group: identity.slice("group ".length) }
          : { identity },
        windows: tariff?.windows ?? [],
        inFlight: 1,
      })
    );
    await ledger.ready();
    for (const { account, closedFor, credits = 0 } of uses) {
      const cost = { calls: credits, credits, weight: 0 };
      if (credits > 0) budgets[account]?.charge(cost);
      if (closedFor) budgets[account]?.coolGroupUntil(noon + closedFor);
    }
    const stop = new AbortController();
    for (let call = 0; isRunning && call < 500; call++) {
      const { signal } = stop;
      const wanted = { method: "m", priority: "backfill", budgets } as const;
      scheduler.admit({ ...wanted, signal })
        .then((admission) => admission[Symbol.dispose](), () => {});
    }
    // Another renewal, which tells of it.
    await clock.advance(2000);
    const now = await look();
    stop.abort();
    if (isRunning) return now;
  }
  return await look();
}

/** A range of so many blocks, with what was used before. */
async function forecastOf(
  endpoint: string,
  { blocks, ...before }: Before & { readonly blocks: number },
) {
  const spec = specWith(endpoint);
  const usage = await usageOf(spec, before);
  const range = { from: 1, to: blocks, start: noon + 2000 };
  const [forecast] = forecastsOf(spec, range, { usage });
  assert.ok(forecast);
  return forecast;
}

function near(actual: number | undefined, expected: number): void {
  assert.ok(
    Math.abs((actual ?? 0) - expected) <= 0.01 * expected,
    `${actual}, expected ${expected}`,
  );
}

/** Seconds from the start until the new day. */
const untilDay = 12 * 3600 + 3;

Deno.test("usedTariffs() leaves to a range what is left of the day", async () => {
  const endpoint = "rate: 50/s, keys: a, quota: 20000/day from 00:00 UTC";
  const whole = await forecastOf(endpoint, { blocks: 9000 });
  near(whole.seconds, 18_000 / 48.6);
  const uses = [{ account: 0, credits: 12_000 }];
  const rest = await forecastOf(endpoint, { blocks: 9000, uses });
  // 8,000 calls are left for today.
  near(rest.seconds, untilDay + 10_000 / 48.6);
  assert.deepEqual(rest.accounts[0]?.before, [{
    limit: "20000 requests/day from 00:00 UTC",
    used: 12_000,
    accounts: 1,
  }]);
  near(rest.accounts[0]?.days["2026-01-01"], 8000);
  const lines = forecastLines(rest).join("\n");
  assert.match(lines, /calls, with what usage\.db says is left of the budgets/);
  assert.match(
    lines,
    /one: 180\d\d calls, .*\n +used already: 12000 of 20000 requests\/day/,
  );
  assert.match(lines, /with a second account at one: .* instead of 12 h/);
});

Deno.test("usedTariffs() knows which of several accounts has something left", async () => {
  const endpoint = "rate: 10/s, keys: 'a,b,c', quota: 9000/day from 00:00 UTC";
  const three = await forecastOf(endpoint, { blocks: 2000 });
  const uses = [{ account: 1, credits: 9000 }];
  const two = await forecastOf(endpoint, { blocks: 2000, uses });
  // Not a rate that only all three had together.
  near(two.seconds, 1.5 * (three.seconds ?? 0));
  assert.equal(two.accounts.length, 1);
  near(two.accounts[0]?.calls, 4000);
  assert.match(
    forecastLines(two).join("\n"),
    /used already: 9000 of 3 x 9000 requests\/day/,
  );
});

Deno.test("usedTariffs() takes keys of a quota group for one account", async () => {
  const endpoint = "rate: 50/s, keys: 'a,b', quota_group: team, " +
    "quota: 20000/day from 00:00 UTC";
  const uses = [{ account: 0, credits: 15_000 }];
  const rest = await forecastOf(endpoint, { blocks: 4000, uses });
  near(rest.seconds, untilDay + 3000 / 48.6);
});

Deno.test("usedTariffs() waits for what comes back of a month", async () => {
  const endpoint = "rate: 50/s, keys: a, quota: 20000/month";
  const uses = [{ account: 0, credits: 19_000 }];
  const rest = await forecastOf(endpoint, { blocks: 1000, uses });
  near(rest.seconds, 30 * 86_400 + 12 * 3600 + 1000 / 48.6);
  assert.match(rest.bound[0]?.limit ?? "", /month/);
});

Deno.test("usedTariffs() waits where the provider refuses calls", async () => {
  const uses = [{ account: 0, closedFor: 3_600_000 }];
  const rest = await forecastOf("rate: 50/s, keys: a", { blocks: 100, uses });
  near(rest.seconds, 3600);
  assert.equal(rest.bound[0]?.limit, "the provider's refusal");
  assert.match(
    forecastLines(rest).join("\n"),
    /closed by the provider until 2026-01-01T13:00Z/,
  );
});

Deno.test("usedTariffs() says of unused accounts that they are full", async () => {
  const rest = await forecastOf("rate: 50/s, keys: a", { blocks: 100 });
  assert.match(
    forecastLines(rest).join("\n"),
    /with budgets that are full at the start, as usage\.db says/,
  );
});

Deno.test("usedTariffs() sees who uses an account now", async () => {
  const endpoint = "rate: 50/s, keys: a, quota: 20000/day from 00:00 UTC";
  const uses = [{ account: 0, credits: 100 }];
  const textOf = async (isRunning: boolean) => {
    const given = { blocks: 100, uses, isRunning };
    return forecastLines(await forecastOf(endpoint, given)).join("\n");
  };
  assert.match(await textOf(true), /used now by 1 process, which would take/);
  assert.doesNotMatch(await textOf(false), /used now/);
});
