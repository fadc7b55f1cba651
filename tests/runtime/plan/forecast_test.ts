import assert from "node:assert/strict";
import type { PlannedCall, StandingCall } from "../../../runtime/component.ts";
import { forecastsOf } from "../../../runtime/plan/forecast.ts";
import { forecastLines } from "../../../runtime/plan/forecast_text.ts";
import { spanText } from "../../../runtime/plan/quantity.ts";
import { timelineOf } from "../../../runtime/plan/timeline.ts";
import { readFields } from "../../../runtime/spec/members.ts";
import { evm } from "../../../connectors/evm/rpc/connection.ts";
import { Reports } from "../../contracts/reports.ts";
import { checked } from "./checked.ts";

const calls: readonly PlannedCall[] = [
  { method: "eth_getBlockByNumber", perUnit: 1, because: "" },
  { method: "eth_getBlockReceipts", perUnit: 1, because: "" },
];

/** Noon, so that a day turns in twelve hours. */
const start = Date.UTC(2026, 0, 1, 12);

function tariffsOf(...endpoints: readonly Record<string, unknown>[]) {
  const reports = new Reports();
  const config = readFields(evm.fields, {
    endpoints: endpoints.map((one, index) => ({
      name: `e${index}`,
      url: "https://example.org/{key}",
      keys: "k",
      ...one,
    })),
  }, reports.place);
  assert.ok(config, reports.lines.join("\n"));
  return evm.tariffs?.(config) ?? [];
}

function follow(
  units: number,
  endpoints: readonly Record<string, unknown>[],
  more: {
    readonly head?: number;
    readonly standing?: readonly StandingCall[];
    readonly calls?: readonly PlannedCall[];
  } = {},
) {
  const tariffs = tariffsOf(...endpoints);
  const timeline = timelineOf({
    ...{ units, calls, start, tariffs, standing: [] },
    ...more,
  });
  return {
    ...timeline,
    seconds: (timeline.end - start) / 1000,
    spentBy: tariffs.map((one) => timeline.spent.get(one)!),
    limits: [...timeline.bound].map(([{ limit, name }, ms]) =>
      `${Math.round(ms / 1000)} s ${limit} of ${name}`
    ),
  };
}

function near(actual: number, expected: number, share = 0.01): void {
  assert.ok(
    Math.abs(actual - expected) <= share * expected,
    `${actual}, expected ${expected}`,
  );
}

Deno.test("timelineOf() paces by a rate", () => {
  const { limits, seconds, spentBy } = follow(5000, [{ rate: "10/s" }]);
  near(seconds, 1027);
  assert.equal(Math.round(spentBy[0]!.calls), 10_001);
  assert.match(limits[0]!, /10 requests\/s of e0/);
});

Deno.test("timelineOf() counts one call for many units, and none that history lacks", () => {
  const because = "";
  const { seconds, spentBy } = follow(500_000, [{ rate: "10/s" }], {
    calls: [
      { method: "eth_getLogs", perUnit: 0.01, atHead: 1, because },
      { method: "eth_getBlockByNumber", perUnit: 0, atHead: 1, because },
    ],
  });
  near(seconds, 513, 0.02);
  assert.equal(Math.round(spentBy[0]!.calls), 5001, "and one for the chain id");
});

Deno.test("timelineOf() waits for the day to turn", () => {
  // 50 calls a second: 20,000 calls today, the rest from midnight on.
  const { days, limits, seconds } = ((it) => ({ ...it, ...it.spentBy[0]! }))(
    follow(15_000, [{ rate: "50/s", quota: "20000/day from 00:00 UTC" }]),
  );
  near(seconds, 12 * 3600 + 5 + 10_000 / 48.6, 0.001);
  assert.deepEqual(
    [...days].map(([day, credits]) => [day, Math.round(credits)]),
    [["2026-01-01", 20_000], ["2026-01-02", 10_001]],
  );
  assert.match(limits[1]!, /s 20000 requests\/day from 00:00 UTC of e0/);
});

Deno.test("timelineOf() waits for a window that slides", () => {
  const { seconds } = follow(145, [{ rate: "20/s", quota: "100/minute" }]);
  // Three times a hundred calls: the third at the end of the second minute.
  near(seconds, 120 + 5, 0.01);
});

Deno.test("timelineOf() goes on elsewhere when a quota is spent", () => {
  const { seconds, spentBy } = follow(10_000, [
    { rate: "30/s", quota: "3000/day from 00:00 UTC" },
    { rate: "10/s" },
  ]);
  const [spent, other] = spentBy;
  assert.equal(Math.round(spent!.calls), 3000);
  near(seconds, other!.calls / 9.73);
});

Deno.test("timelineOf() lets the accounts of a plan add up", () => {
  const one = follow(500, [{ plan: "infura/developer", keys: "a" }]);
  const three = follow(500, [{ plan: "infura/developer", keys: "a,b,c" }]);
  near(one.seconds, 3 * three.seconds, 0.03);
});

Deno.test("timelineOf() knows that a dear call waits for an empty second", () => {
  const { seconds } = follow(100, [{ plan: "infura/free" }]);
  // One second until the block's 80 are back, two for the receipts.
  near(seconds, 307, 0.02);
});

Deno.test("timelineOf() keeps a reserve for the head", () => {
  const quota = "1000/day from 00:00 UTC";
  const { spentBy } = follow(1000, [{ rate: "10/s", quota, reserve: "20%" }]);
  assert.equal(Math.round(spentBy[0]!.days.get("2026-01-01")!), 800);
});

Deno.test("timelineOf() counts what a run calls beside its units", () => {
  const standing = [
    { method: "eth_getBlockByNumber", times: 3 },
    { method: "eth_getBlockByNumber", times: 0, every: 60_000 },
  ];
  const { seconds, spentBy } = follow(6000, [{ plan: "infura/team" }], {
    standing,
  });
  near(seconds, 166, 0.03);
  assert.equal(Math.round(spentBy[0]!.calls), 12_000 + 1 + 3 + 2);
  assert.equal(
    Math.round(spentBy[0]!.credits),
    6000 * 1080 + 5 + 3 * 80 + 2 * 80,
  );
});

Deno.test("timelineOf() leaves to a range what the head does not take", () => {
  const alone = follow(1000, [{ rate: "10/s" }]);
  const beside = follow(1000, [{ rate: "10/s" }], { head: 1 });
  near(beside.seconds, alone.seconds * 4.87 / 3.87, 0.01);
  const never = follow(1000, [{ rate: "10/s" }], { head: 6 });
  assert.equal(never.end, Infinity);
});

Deno.test("timelineOf() follows years of days", () => {
  const { seconds } = follow(5_000_000, [{ plan: "infura/free" }]);
  near(seconds, 5_000_000 / 2777.8 * 86_400, 0.01);
});

for (
  const [seconds, text] of [
    [0, "0 s"],
    [2.345, "2.3 s"],
    [59.6, "1 min"],
    [217, "3 min 37 s"],
    [43_200, "12 h"],
    [90_060, "1 d 1 h"],
  ] as const
) {
  Deno.test(`spanText() says ${seconds} s as ${text}`, () => {
    assert.equal(spanText(seconds), text);
  });
}

/** The forecast of a spec with these endpoints. */
function forecastOf(endpoints: readonly string[], to: number) {
  const yaml = `
name: forecast
connections:
  eth:
    type: evm
    chain_id: 1
    endpoints:
${endpoints.map((one) => `      - { ${one} }`).join("\n")}
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, logs] }
sinks:
  blocks: { type: blackhole, from: chain.blocks }
  logs: { type: blackhole, from: chain.logs }
`;
  const spec = checked(yaml);
  const [forecast] = forecastsOf(spec, { from: 1, to, start });
  assert.ok(forecast);
  return forecast;
}

Deno.test("forecastLines() tells what a range costs, and what would be faster", () => {
  const forecast = forecastOf([
    'name: infura, url: "https://example.org", plan: infura/free, reserve: 20%',
  ], 60_000);
  assert.deepEqual(forecastLines(forecast), [
    "Range 1 to 60000 of chain, connection eth",
    "",
    "  60000 units, 62401 calls, with budgets that are full at the start",
    "  infura, plan infura/free: 62401 calls, 5412005 credits, at most " +
    "2400000 a day",
    "  assumes that one eth_getLogs covers 25 blocks",
    "  takes 1 d 12 h, until 2026-01-03T00:23Z when it starts now",
    "  limited by 3000000 credits/day from 00:00 UTC of infura (91 %), 500 " +
    "credits/s of infura (9.4 %)",
    "  following the head meanwhile: the range then takes 1 d 12 h, 79 % is " +
    "taken from it, which leaves 1515 of 7200 units a day",
    "  with a second account at infura (infura/free): 12 h 11 min instead of " +
    "1 d 12 h",
    "  with infura/developer instead of infura/free at infura: 23 min 27 s " +
    "instead of 1 d 12 h",
    "  with infura/team instead of infura/free at infura: 2 min 19 s instead " +
    "of 1 d 12 h",
  ]);
  assert.ok(!JSON.stringify(forecast).includes("example.org"));
});

Deno.test("forecastLines() tells of a range that never ends", () => {
  const forecast = forecastOf([
    'name: e, url: "https://example.org", rate: 1/s, ' +
    "lacks: eth_getBlockByNumber",
  ], 100);
  assert.equal(forecast.seconds, undefined);
  assert.match(forecastLines(forecast).join("\n"), /never ends/);
});

Deno.test("forecastLines() promises nothing for a node without limits", () => {
  const forecast = forecastOf(['name: own, url: "https://example.org"'], 100);
  assert.match(
    forecastLines(forecast).join("\n"),
    /takes as long as own takes to answer: .* at 333 calls a second/,
  );
});

Deno.test("timelineOf() ends at once where no unit is called for", () => {
  const because = "";
  const { seconds, spentBy } = follow(9, [{ rate: "10/s" }], {
    calls: [{ method: "eth_call", perUnit: 0, because }],
    standing: [{ method: "eth_getBlockByNumber", times: 3 }],
  });
  near(spentBy[0]!.calls, 4);
  assert.ok(seconds >= 0 && seconds < 1, `${seconds}`);
});
