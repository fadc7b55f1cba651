import assert from "node:assert/strict";
import type { PlannedCall } from "../../../runtime/component.ts";
import { planBudgets } from "../../../runtime/plan/cost.ts";
import { budgetLines } from "../../../runtime/plan/cost_text.ts";
import { readFields } from "../../../runtime/spec/members.ts";
import { evm } from "../../../connectors/evm/rpc/connection.ts";
import { Reports } from "../../contracts/reports.ts";

const calls: readonly PlannedCall[] = [
  { method: "eth_getBlockByNumber", perUnit: 1, because: "" },
  { method: "eth_getBlockReceipts", perUnit: 1, because: "" },
];

/** The budgets of a connection with these endpoints. */
function budgetsOf(...endpoints: readonly Record<string, unknown>[]) {
  const reports = new Reports();
  const config = readFields(evm.fields, {
    chain_id: 1,
    endpoints: endpoints.map((one, index) => ({
      name: `e${index}`,
      url: "https://example.org/{key}",
      keys: "k",
      ...one,
    })),
  }, reports.place);
  assert.ok(config, reports.lines.join("\n"));
  return planBudgets(calls, {
    tariffs: evm.tariffs?.(config) ?? [],
    madePerDay: evm.unitsPerDay?.(config),
  });
}

for (
  const [plan, perUnit, perSecond, perDay] of [
    ["infura/free", 1080, 0.463, 2777],
    ["infura/developer", 1080, 3.7, 13_888],
    ["infura/team", 1080, 37, 69_444],
    ["alchemy/free", 40, 0.962, 25_000],
    ["quicknode/free", 40, 7.5, 8333],
    ["drpc/free", 40, 50, 175_000],
  ] as const
) {
  Deno.test(`planBudgets() knows how far ${plan} goes`, () => {
    const plans = budgetsOf({ plan });
    assert.ok(plans);
    const [budget] = plans.budgets;
    assert.equal(budget?.perUnit, perUnit);
    assert.equal(budget?.perDay, perUnit * 7200);
    assert.equal(Number(plans.unitsPerSecond?.toPrecision(3)), perSecond);
    assert.equal(Math.floor(plans.unitsPerDay ?? 0), perDay);
  });
}

Deno.test("planBudgets() counts accounts, not keys", () => {
  const keys = "a,b,c";
  const one = budgetsOf({ plan: "infura/free", keys, quota_group: "team" });
  const three = budgetsOf({ plan: "infura/free", keys });
  assert.equal(Math.floor(one?.unitsPerDay ?? 0), 2777);
  assert.equal(Math.floor(three?.unitsPerDay ?? 0), 8333);
  assert.deepEqual(one?.budgets.map(({ name }) => name), ["team"]);
});

Deno.test("planBudgets() divides the work where it is cheap", () => {
  const plans = budgetsOf({ plan: "infura/free" }, { plan: "drpc/free" });
  assert.deepEqual(plans?.routes, {
    eth_getBlockByNumber: ["e0", "e1"],
    eth_getBlockReceipts: ["e1"],
  });
  // dRPC alone lasts for 175,000; Infura takes blocks off it.
  const [perDay = 0] = [plans?.unitsPerDay];
  assert.ok(Math.abs(perDay - (350_000 + 37_500) / 2) < 1, `${perDay}`);
});

Deno.test("planBudgets() leaves out what nothing limits", () => {
  assert.equal(budgetsOf({ plan: "own/node" }), undefined);
  const mixed = budgetsOf({ plan: "own/node" }, { plan: "infura/free" });
  assert.equal(mixed?.unitsPerSecond, undefined);
  assert.equal(mixed?.unitsPerDay, undefined);
});

Deno.test("budgetLines() tells the prices and how far they go", () => {
  const plans = budgetsOf(
    { plan: "infura/free", keys: "a,b" },
    { plan: "alchemy/free" },
    { lacks: "eth_getBlockReceipts", rate: "10/s" },
  );
  assert.ok(plans);
  assert.deepEqual(budgetLines(plans), [
    "budget e0, plan infura/free, 2 accounts: a unit costs 1080 credits",
    "  500 credits/s                       0.926 units a second",
    "  3000000 credits/day from 00:00 UTC  5555 units a day",
    "  following the chain costs 7776000 credits a day",
    "budget e1, plan alchemy/free: a unit costs 40 credits",
    "  500 credits/s                                0.962 units a second",
    "  30000000 credits/month from day 1 00:00 UTC  25000 units a day",
    "  following the chain costs 288000 credits a day",
    "budget e2: lacks some of the calls",
    "budgets together: 2 units a second, 56000 units a day",
    "  eth_getBlockByNumber  from e2",
    "  eth_getBlockReceipts  from e0, e1",
    "the chain makes 7200 units a day: 12.9 % of the budgets",
  ]);
});
