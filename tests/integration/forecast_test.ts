/**
 * What `plan` says a range will cost, against what it cost: the node counts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Forecast, forecastsOf } from "../../runtime/plan/forecast.ts";
import { type Usage, usedTariffs } from "../../runtime/plan/usage.ts";
import type { NodeStats } from "../fixtures/simulated/node.ts";
import { figure } from "./figure.ts";
import { type Endpoints, limitedChain } from "./limited_chain.ts";
import type { LivePipeline } from "./live_pipeline.ts";
import { quickClock } from "./quick_clock.ts";

/** How far off a forecast may be. */
const spentWithin = 0.02;
const dividedWithin = 0.05;
const timeWithin = 0.05;

const MOST_TRIES = 4;

interface Case {
  /** The node refuses nothing that a busy machine sends too late. */
  readonly endpoints: Endpoints;
  readonly blocks: number;
  /** Blocks that an earlier run has read, whose use is in the ledger. */
  readonly before?: number;
  /** How much faster the clock runs. */
  readonly speed: number;
  /** What the clock shows at first. */
  readonly start?: number;
}

/**
 * Forecast a range, read it, and compare. A machine that has other things to
 * do may be late, and is asked again; calls and credits must be right at once.
 */
async function compare(one: Case): Promise<Forecast> {
  for (let tries = 1;; tries++) {
    const { forecast, seconds, stats } = await read(one);
    assertNear("calls", forecast.calls, stats.calls, spentWithin);
    assertNear("credits", billed(forecast), stats.credits, spentWithin);
    for (const { billed, name } of forecast.accounts) {
      const real = stats.keys[name.replace("eth/", "")]?.credits ?? 0;
      assertNear(`credits of ${name}`, billed, real, dividedWithin);
    }
    const expected = forecast.seconds ?? 0;
    const late = expected < seconds * (1 - timeWithin);
    if (late && tries < MOST_TRIES) continue;
    assertNear("seconds", expected, seconds, timeWithin);
    return forecast;
  }
}

/** Read a range, and forecast it from what was known before. */
async function read(
  { before = 0, blocks, endpoints, speed, ...one }: Case,
): Promise<{
  readonly forecast: Forecast;
  readonly seconds: number;
  readonly stats: NodeStats;
}> {
  const clock = quickClock(speed, one.start);
  const to = before + blocks;
  const ledger = before > 0;
  await using limited = await limitedChain({
    ...{ clock, endpoints, ledger },
    blocks: to,
  });
  const { node, pipeline } = limited;
  if (before > 0) await pipeline.start({ to: before }).done;
  node.reset();
  const usage = ledger ? await usageOf(pipeline) : undefined;
  await pipeline.start({ to }).done;
  // What opens files and stores before is not the range.
  const [first] = node.calls.filter(({ method }) => method !== "eth_chainId");
  const start = first?.at ?? 0;
  const seconds = (clock.now() - start) / 1000;
  const range = { from: before + 1, to, start };
  const [forecast] = forecastsOf(pipeline.spec, range, { usage });
  assert.ok(forecast);
  const stats = node.stats();
  figure(
    `forecast ${forecast.calls} calls, ${billed(forecast)} credits, ` +
      `${forecast.seconds?.toFixed(2)} s; real ${stats.calls} calls, ` +
      `${stats.credits} credits, ${seconds.toFixed(2)} s`,
  );
  return { forecast, seconds, stats };
}

/** What the runs of a pipeline have used. */
async function usageOf(pipeline: LivePipeline): Promise<Usage> {
  await using ledger = pipeline.openLedger(true);
  const tariffs = await usedTariffs(pipeline.spec, ledger);
  return { from: "the ledger", tariffs };
}

function billed({ accounts }: Forecast): number {
  return accounts.reduce((sum, { billed }) => sum + billed, 0);
}

function assertNear(
  what: string,
  forecast: number,
  real: number,
  within: number,
): void {
  assert.ok(
    Math.abs(forecast - real) <= within * real,
    `${forecast} ${what} were forecast, ${real} it was`,
  );
}

Deno.test("forecastsOf() foretells a range that a rate limits", async () => {
  const forecast = await compare({
    endpoints: { one: ["rate: 50/s", {}] },
    blocks: 100,
    speed: 1,
  });
  assert.equal(forecast.bound[0]?.limit, "50 requests/s");
});

Deno.test("forecastsOf() foretells a range that credits limit at two providers", async () => {
  await compare({
    endpoints: {
      // Makes blocks only; the other one makes what is left of them.
      dear: [
        "price: 80, prices: { eth_chainId: 5, eth_getBlockReceipts: 1000 }, " +
        "rate: 1600/s",
        {
          prices: { default: 80, eth_chainId: 5, eth_getBlockReceipts: 1000 },
        },
      ],
      flat: ["price: 20, rate: 1000/s", {
        prices: { default: 20 },
      }],
    },
    blocks: 150,
    speed: 1,
  });
});

Deno.test("forecastsOf() foretells a range that waits for a quota", async () => {
  const forecast = await compare({
    endpoints: {
      one: ["rate: 50/s, quota: 200/day from 00:00 UTC", {
        creditsPerDay: 200,
      }],
    },
    blocks: 190,
    speed: 3,
    // Calls a few seconds before and after midnight count on both days.
    start: Date.UTC(2026, 0, 1, 23, 59, 49),
  });
  assert.deepEqual(Object.keys(forecast.accounts[0]!.days), [
    "2026-01-01",
    "2026-01-02",
  ]);
  assert.ok(forecast.bound.some(({ limit = "" }) => /day/.test(limit)));
});

Deno.test("forecastsOf() begins with what an earlier run has used of a day", async () => {
  const forecast = await compare({
    endpoints: {
      one: ["rate: 50/s, quota: 400/day from 00:00 UTC", {
        creditsPerDay: 400,
      }],
    },
    before: 100,
    blocks: 150,
    speed: 5,
    start: Date.UTC(2026, 0, 1, 23, 59, 43),
  });
  const [account] = forecast.accounts;
  const [limit] = account?.before ?? [];
  assertNear("used", limit?.used ?? 0, 203, spentWithin);
  assert.deepEqual(Object.keys(account?.days ?? {}), [
    "2026-01-01",
    "2026-01-02",
  ]);
  assert.ok(forecast.bound.some(({ limit = "" }) => /day/.test(limit)));
});

Deno.test("forecastsOf() begins with what comes back of a window that slides", async () => {
  await compare({
    endpoints: { one: ["rate: 30/s, quota: 120/30s", {}] },
    before: 40,
    blocks: 50,
    speed: 7,
  });
});
