/**
 * What `plan` says that a range costs whose end is old: the node counts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertNear, compareForecast, readForecast } from "./forecast_check.ts";

const BASE = 8453;

/** Base's first block, and the pace of its others. */
const time = { start: 1_686_789_347, slot: 2 };

const DAY_MS = 86_400_000;

const transfers = [
  "sources:",
  "  chain: { type: evm.chain, connection: eth, start: 1, emit: [logs] }",
  "sinks:",
  "  logs: { type: memory, from: chain.logs }",
];

/** A range of Base, seen so many days after its first block. */
function range(blocks: number, { days = 41, speed = 1 } = {}) {
  return {
    ...{ blocks, speed, time },
    chainId: BASE,
    endpoints: { one: ["rate: 40/s", {}] },
    start: 1000 * time.start + days * DAY_MS,
  } as const;
}

Deno.test("forecastsOf() foretells a small range that is old", async () => {
  const { forecast, stats } = await readForecast(range(20));
  assert.equal(stats.calls, 40, "nothing but its blocks");
  assert.equal(forecast.calls, stats.calls);
});

Deno.test("forecastsOf() foretells a small range that is not old yet", async () => {
  const { forecast, stats } = await readForecast(range(20, { days: 30 }));
  assert.equal(stats.calls, 43, "the head, and what is final");
  assert.equal(forecast.calls, stats.calls);
});

Deno.test("forecastsOf() foretells a large range that is old", async () => {
  const { calls } = await compareForecast(range(300, { speed: 5 }));
  assert.equal(calls, 600);
});

Deno.test("forecastsOf() foretells an old range of logs alone", async () => {
  const one = { ...range(20), stages: transfers };
  const { forecast, stats } = await readForecast(one);
  // Its last block, the chain's id, and the logs.
  assert.equal(stats.calls, 3);
  assert.equal(forecast.calls, stats.calls);
});

Deno.test("forecastsOf() foretells an old range of blocks and logs", async () => {
  const blocks = transfers.join("\n").replace(
    "emit: [logs]",
    "emit: [blocks, logs]",
  );
  const stages = [blocks, "  blocks: { type: memory, from: chain.blocks }"];
  const { forecast, stats } = await readForecast({
    ...range(120, { speed: 5 }),
    stages,
  });
  assertNear("calls", forecast.calls, stats.calls, 0.02);
});
