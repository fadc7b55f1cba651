/**
 * What `plan` says a range will cost, against what it cost: the node counts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertNear, compareForecast, spentWithin } from "./forecast_check.ts";

Deno.test("forecastsOf() foretells a range that a rate limits", async () => {
  const forecast = await compareForecast({
    endpoints: { one: ["rate: 50/s", {}] },
    blocks: 100,
    speed: 1,
  });
  assert.equal(forecast.bound[0]?.limit, "50 requests/s");
});

Deno.test("forecastsOf() foretells a range that credits limit at two providers", async () => {
  await compareForecast({
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
  const forecast = await compareForecast({
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
  const forecast = await compareForecast({
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
  await compareForecast({
    endpoints: { one: ["rate: 30/s, quota: 120/30s", {}] },
    before: 40,
    blocks: 50,
    speed: 7,
  });
});
