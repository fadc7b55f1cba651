import assert from "node:assert/strict";
import { FetchWindow } from "../../../../connectors/evm/chain/window.ts";
import { FakeClock, settled } from "../../../fixtures/fake_clock.ts";

interface Result {
  readonly bytes: number;
  readonly latency: number;
  readonly index?: number;
}

/** Fetch `count` results as a reader does; what was under way at most. */
async function run(
  count: number,
  { bytes = 1000, latency, most = 64, rate = Infinity, work = 0 }: {
    bytes?: number;
    latency: number;
    most?: number;
    /** Results per second that the other side gives. */
    rate?: number;
    /** Milliseconds that the reader needs for each. */
    work?: number;
  },
) {
  const clock = new FakeClock();
  const window = new FetchWindow<Result>(most, clock);
  const start = clock.now();
  let [asked, peak, free] = [0, 0, 0];
  const taken: number[] = [];
  const fetch = async (index: number) => {
    const leave = Math.max(free, clock.now());
    free = leave + 1000 / rate;
    await clock.sleep(leave - clock.now() + latency);
    return { bytes, index, latency };
  };
  const reading = (async () => {
    while (taken.length < count) {
      while (asked < count && window.open) window.push(fetch(asked++));
      peak = Math.max(peak, asked - taken.length);
      taken.push((await window.shift()).index!);
      if (work > 0) await clock.sleep(work);
    }
    return true;
  })();
  while (!await Promise.race([reading, settled()])) await clock.advance(5);
  assert.deepEqual(taken, [...taken.keys()], "in order");
  return { peak, took: clock.now() - start, size: window.size };
}

Deno.test("FetchWindow grows until the latency is hidden", async () => {
  const { took } = await run(400, { latency: 100, most: 64, rate: 200 });
  assert.ok(took < 2900, `${took} ms for 400 at 200/s`);
});

Deno.test("FetchWindow stays small where the rate is the limit", async () => {
  const { peak } = await run(60, { latency: 100, most: 64, rate: 5 });
  assert.ok(peak <= 6, `${peak} under way`);
});

Deno.test("FetchWindow stays small where the reader is the limit", async () => {
  const { peak } = await run(60, { latency: 20, most: 64, work: 100 });
  assert.ok(peak <= 6, `${peak} under way`);
});

Deno.test("FetchWindow holds no more than it may", async () => {
  const { peak } = await run(100, { latency: 1000, most: 7 });
  assert.ok(peak <= 7, `${peak}`);
});

Deno.test("FetchWindow is bounded by bytes, and never stuck", async () => {
  const clock = new FakeClock();
  const window = new FetchWindow<Result>(64, clock);
  for (let i = 0; i < 3; i++) {
    assert.ok(window.open);
    window.push(Promise.resolve({ bytes: 30 * 1024 ** 2, latency: 1 }));
    await clock.advance(1);
    if (i === 1) break;
  }
  assert.equal(window.open, false);
  await window.shift();
  assert.equal(window.open, true);
});

Deno.test("FetchWindow.shift() throws what failed, and only when its turn comes", async () => {
  const window = new FetchWindow<Result>(4, new FakeClock());
  window.push(Promise.resolve({ bytes: 1, latency: 1 }));
  window.push(Promise.reject(new Error("lost")));
  await window.shift();
  await assert.rejects(window.shift(), /lost/);
  assert.ok(window.empty);
});
