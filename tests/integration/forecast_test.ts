/**
 * What `plan` says a range will cost, against what it cost: the node counts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Forecast, forecastsOf } from "../../runtime/plan/forecast.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import type { Limits } from "../fixtures/simulated/limiter.ts";
import { type NodeStats, SimulatedNode } from "../fixtures/simulated/node.ts";
import { figure } from "./figure.ts";
import { LivePipeline } from "./live_pipeline.ts";
import { quickClock } from "./quick_clock.ts";

/** How far off a forecast may be. */
const spentWithin = 0.02;
const dividedWithin = 0.05;
const timeWithin = 0.05;

const MOST_TRIES = 4;

interface Case {
  /**
   * Endpoints by key: the rest of their line, and what the node counts. It
   * refuses nothing that a busy machine sends too late.
   */
  readonly endpoints: Readonly<Record<string, [string, Limits]>>;
  readonly blocks: number;
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

/** Forecast a range and read it. */
async function read(
  { blocks, endpoints, speed, start }: Case,
): Promise<{
  readonly forecast: Forecast;
  readonly seconds: number;
  readonly stats: NodeStats;
}> {
  const clock = quickClock(speed, start);
  const chain = new SimulatedChain({ seed: 3, transactionsPerBlock: 6 });
  await using node = await SimulatedNode.start(chain.extend(blocks + 100), {
    keys: Object.fromEntries(
      Object.entries(endpoints).map(([key, [, limits]]) => [key, limits]),
    ),
    now: clock.now,
  });
  const yaml = [
    "name: forecast",
    "connections:",
    "  eth:",
    "    type: evm",
    "    endpoints:",
    ...Object.entries(endpoints).map(([key, [line]]) =>
      `      - { name: ${key}, url: "${node.url}/${key}", ${line} }`
    ),
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    "  blocks: { type: memory, from: chain.blocks }",
    "  transactions: { type: memory, from: chain.transactions }",
  ].join("\n");
  await using pipeline = await LivePipeline.make(yaml, clock);
  const range = { from: 1, to: blocks, start: clock.now() };
  const [forecast] = forecastsOf(pipeline.spec, range);
  assert.ok(forecast);
  await pipeline.start({ to: blocks }).done;
  // What opens files and stores before is not the range.
  const [first] = node.calls.filter(({ method }) => method !== "eth_chainId");
  const began = first?.at ?? 0;
  const seconds = (clock.now() - began) / 1000;
  const stats = node.stats();
  figure(
    `forecast ${forecast.calls} calls, ${billed(forecast)} credits, ` +
      `${forecast.seconds?.toFixed(2)} s; real ${stats.calls} calls, ` +
      `${stats.credits} credits, ${seconds.toFixed(2)} s`,
  );
  return { forecast, seconds, stats };
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
