import assert from "node:assert/strict";
import { Pause } from "../../../runtime/budget/pause.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";
import { Bench } from "../run/bench.ts";

function pauseOn(clock: FakeClock): Pause {
  return new Pause(clock, () => clock.now());
}

Deno.test("Pause.left() lets one call go when the pause has ended", async () => {
  const clock = new FakeClock();
  const pause = pauseOn(clock);
  assert.equal(pause.left(), 0);
  pause.probe()();
  assert.equal(pause.left(), 0, "without a pause nobody has to find out");

  pause.extend(clock.now() + 1000);
  assert.equal(pause.left(), 1000);
  await clock.advance(1000);
  assert.equal(pause.left(), 0);
  const ended = pause.probe();
  assert.equal(pause.left(), Infinity, "the others wait for it");
  ended();
  assert.equal(pause.left(), 0);
  pause.probe();
  assert.equal(pause.left(), 0, "it was long enough");
});

Deno.test("Pause.left() lets one call go again when the first has failed", async () => {
  const clock = new FakeClock();
  const pause = pauseOn(clock);
  pause.extend(clock.now() + 1000);
  await clock.advance(1000);
  assert.equal(pause.left(), 0);
  const ended = pause.probe();
  pause.extend(clock.now() + 2000);
  ended();
  assert.equal(pause.left(), 2000);
  await clock.advance(2000);
  assert.equal(pause.left(), 0);
  pause.probe();
  assert.equal(pause.left(), Infinity);
});

Deno.test("createScheduler() sends one call after a pause, and the others elsewhere", async () => {
  const bench = new Bench();
  const [a, b] = [
    bench.budget([], { name: "a" }),
    bench.budget([], { name: "b", inFlight: 2 }),
  ];
  a.coolUntil(bench.clock.now() + 1000);
  await bench.clock.advance(1000);
  const left: string[] = [];
  const calls = Array.from({ length: 6 }, async (_, index) => {
    using admission = await bench.admit(`${index}`, [a, b]);
    left.push(admission.budget.name);
    await bench.clock.sleep(100);
  });
  await bench.clock.advance(99);
  assert.deepEqual(left, ["a", "b", "b"]);
  await bench.clock.advance(1);
  assert.deepEqual(left.slice(3), ["a", "a", "a"]);
  await bench.clock.advance(1000);
  await Promise.all(calls);
});

Deno.test("createScheduler() lets one key of an account find out for all", async () => {
  const bench = new Bench();
  const keys = ["1", "2"].map((name) =>
    bench.budget([{ count: 100, per: 1000 }], { name, group: "team" })
  );
  keys[0]!.coolGroupUntil(bench.clock.now() + 1000);
  await bench.clock.advance(1000);
  let left = 0;
  const calls = Array.from({ length: 4 }, async (_, index) => {
    using _admission = await bench.admit(`${index}`, keys);
    left++;
    await bench.clock.sleep(100);
  });
  await bench.clock.advance(99);
  assert.equal(left, 1);
  await bench.clock.advance(200);
  assert.equal(left, 4);
  await bench.clock.advance(1000);
  await Promise.all(calls);
});
