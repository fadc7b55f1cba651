import assert from "node:assert/strict";
import { Metrics } from "../../../runtime/run/metrics.ts";
import {
  NETWORK,
  sumOf,
  TimeKeeper,
  timeText,
} from "../../../runtime/run/time_used.ts";

/** A keeper over clocks that the test moves. */
function bench() {
  let [now, worked, asked] = [0, 0, 0];
  const metrics = new Metrics();
  const keeper = new TimeKeeper({
    metrics,
    elapsed: () => now,
    worked: () => {
      asked++;
      return worked;
    },
  });
  return {
    ...{ keeper, metrics },
    asked: () => asked,
    pass: (ms: number, busy = 0) => {
      now += ms;
      worked += busy;
    },
  };
}

Deno.test("TimeKeeper tells what a source waits for", () => {
  const { keeper, metrics, pass } = bench();
  let head = false;
  const time = keeper.source("chain", () => head);
  pass(1000);
  time.starts();
  pass(10);
  keeper.calls("budget of infura");
  pass(700);
  keeper.calls(NETWORK);
  pass(100, 30);
  time.works();
  pass(50, 50);
  time.waitsFor("rows");
  pass(120);
  time.works();
  time.reads();
  keeper.calls(undefined);
  head = true;
  pass(20);
  assert.deepEqual(Object.fromEntries(time.used), {
    "source chain": 10,
    "budget of infura": 700,
    "network": 70,
    "decode and transforms": 80,
    "sink rows": 120,
    "idle at head": 20,
  });
  assert.equal(
    timeText(time.used),
    "budget of infura 70 %, sink rows 12 %, decode and transforms 8 %, " +
      "network 7 %",
  );
  assert.equal(
    metrics.total("sluice_time_ms_total", { on: "sink rows" }),
    120,
  );
});

Deno.test("TimeKeeper counts no more work than there was time", () => {
  const { keeper, pass } = bench();
  const time = keeper.source("chain", () => false);
  keeper.calls(NETWORK);
  pass(10, 35); // Several threads.
  assert.equal(timeText(time.used), "decode and transforms 100 %");
});

Deno.test("TimeKeeper does not ask the processor about every moment", () => {
  const { asked, keeper, pass } = bench();
  const time = keeper.source("chain", () => false);
  keeper.calls(NETWORK);
  time.starts();
  const before = asked();
  for (let unit = 0; unit < 10_000; unit++) {
    time.works();
    pass(0.25, 0.25);
    time.reads();
    pass(0.005, 0.005);
    // Every hundredth is waited for.
    if (unit % 100 === 0) pass(20, 2);
  }
  const used = time.used;
  assert.ok(asked() - before < 900, `${asked() - before} times`);
  const [network = 0, work = 0] = [
    used.get(NETWORK),
    used.get("decode and transforms"),
  ];
  assert.ok(Math.abs(network - 1800) < 20, `${network} ms of network`);
  assert.ok(Math.abs(work - 2750) < 20, `${work} ms of work`);
});

Deno.test("sumOf() adds times up and takes earlier ones away", () => {
  const a = new Map([["network", 5], ["sink rows", 1]]);
  const b = new Map([["network", 7]]);
  assert.deepEqual(
    Object.fromEntries(sumOf([a, b], new Map([["network", 2]]))),
    { "network": 10, "sink rows": 1 },
  );
  assert.equal(timeText(new Map()), "");
});
