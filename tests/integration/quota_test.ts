/**
 * A day's quota that runs out in the middle of a range: work goes to another
 * provider or waits for the new day, nothing is lost, and the log says so
 * once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Endpoints, limitedChain } from "./limited_chain.ts";

const blocks = 200;

/** The day turns at 00:00 UTC. */
const midnight = Date.UTC(2026, 0, 2);

const spent: Endpoints[string] = [
  "rate: 20/s, quota: 150/day from 00:00 UTC",
  { creditsPerDay: 150 },
];

/** Read the range with these endpoints, so many minutes before midnight. */
async function read(endpoints: Endpoints, minutes: number) {
  const start = midnight - minutes * 60_000;
  const chain = { endpoints, blocks, speed: 40, start };
  await using limited = await limitedChain(chain);
  const { clock, node, pipeline } = limited;
  await limited.read(blocks);
  const stored = pipeline.table("blocks").map(({ row }) => row["number"]);
  assert.deepEqual(
    stored.map(Number).sort((a, b) => a - b),
    Array.from({ length: blocks }, (_, index) => index + 1),
    "every block, once",
  );
  const { keys, refusedCalls } = node.stats();
  assert.equal(refusedCalls, 0);
  const told = pipeline.log.filter((line) => /[Qq]uota/.test(line));
  return { calls: node.calls, ended: clock.now(), keys, told };
}

Deno.test("runPipeline() goes on at another provider when a day is spent", async () => {
  const { calls, ended, keys, told } = await read({
    first: spent,
    second: ["rate: 5/s", {}],
  }, 30);
  // 150 at the first, 250 at the second, which takes 50 s.
  assert.ok(ended < midnight, "it did not wait for the new day");
  assert.equal(keys["first"]?.calls, 150);
  const last = calls.findLast(({ key }) => key === "first")?.at ?? 0;
  const after = calls.filter(({ at }) => at > last);
  assert.ok(after.length > 100 && after.every(({ key }) => key === "second"));
  assert.equal(told.length, 1, told.join("\n"));
  assert.match(
    told[0]!,
    /^Quota spent: calls wait or go elsewhere .*"account":"eth\/first"/,
  );
  assert.match(told[0]!, /"until":"2026-01-02T00:00:05/);
});

Deno.test("runPipeline() waits for the new day and goes on", async () => {
  const twice: Endpoints[string] = [
    "rate: 20/s, quota: 300/day from 00:00 UTC",
    { creditsPerDay: 300 },
  ];
  const { calls, keys, told } = await read({ first: twice }, 3);
  assert.ok((keys["first"]?.calls ?? 0) >= 2 * blocks + 4);
  const today = calls.filter(({ at }) => at < midnight);
  assert.equal(today.length, 300, "all of the day was used");
  const next = calls[300]?.at ?? 0;
  assert.ok(next >= midnight && next < midnight + 7000, `${next - midnight}`);
  assert.equal(told.length, 1, told.join("\n"));
});
