/**
 * Holds a forecast against a real run: the node counts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Forecast, forecastsOf } from "../../runtime/plan/forecast.ts";
import { type Usage, usedTariffs } from "../../runtime/plan/usage.ts";
import type { NodeStats } from "../fixtures/simulated/node.ts";
import { figure } from "./figure.ts";
import { limitedChain, type LimitedChainOptions } from "./limited_chain.ts";
import type { LivePipeline } from "./live_pipeline.ts";

/** How far off a forecast may be. */
export const spentWithin = 0.02;
const dividedWithin = 0.05;
const timeWithin = 0.05;

const MOST_TRIES = 4;

/**
 * A range that is forecast and read. The node should refuse nothing that a
 * busy machine sends too late.
 */
export interface ForecastCase extends Omit<LimitedChainOptions, "ledger"> {
  /** Blocks that an earlier run has read, whose use is in the ledger. */
  readonly before?: number;
}

/**
 * Forecast a range, read it, and compare. A machine that has other things to
 * do may be late, and is asked again; calls and credits must be right at once.
 */
export async function compareForecast(one: ForecastCase): Promise<Forecast> {
  for (let tries = 1;; tries++) {
    const { forecast, seconds, stats } = await readForecast(one);
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
export async function readForecast(
  { before = 0, blocks, ...one }: ForecastCase,
): Promise<{
  readonly forecast: Forecast;
  readonly seconds: number;
  readonly stats: NodeStats;
}> {
  const to = before + blocks;
  const ledger = before > 0;
  await using limited = await limitedChain({
    ...{ ...one, ledger },
    blocks: to,
  });
  const { clock, node, pipeline } = limited;
  if (before > 0) await limited.read(before);
  node.reset();
  const usage = ledger ? await usageOf(pipeline) : undefined;
  await limited.read(to);
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

export function assertNear(
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
