/**
 * What the calls of a source cost, and how far the budgets go.
 *
 * @module
 */
import type { AccountTariff, PlannedCall } from "../component.ts";
import { unitsOf } from "../run/account.ts";
import { divide } from "../run/routing.ts";
import type { Cost } from "../run/scheduler.ts";

/** A window at least this long is a quota of a day or more. */
const quotaMs = 3_600_000;

const daySeconds = 86_400;

/** How far one window goes. */
export interface WindowPlan {
  /** "500 credits/s". */
  readonly limit: string;
  /** Units of the source, in the time of the window, over all accounts. */
  readonly units: number;
  /** Seconds of the window. */
  readonly seconds: number;
}

/** What a source's calls cost at one provider. */
export interface BudgetPlan {
  readonly name: string;
  readonly plan: string | undefined;
  readonly accounts: number;
  /** What is billed for a unit; undefined when a method is not included. */
  readonly perUnit: number | undefined;
  readonly unit: string;
  readonly windows: readonly WindowPlan[];
  /** What is billed in a day for all that the other side makes. */
  readonly perDay: number | undefined;
}

/** How far all budgets go together. */
export interface BudgetsPlan {
  readonly budgets: readonly BudgetPlan[];
  /** Units a second while no quota is spent; undefined: no limit. */
  readonly unitsPerSecond: number | undefined;
  /** Units that the budgets last for in a day; undefined: no limit. */
  readonly unitsPerDay: number | undefined;
  /** Units that the other side makes in a day. */
  readonly madePerDay: number | undefined;
  /** Which budgets make which calls. */
  readonly routes: Readonly<Record<string, readonly string[]>>;
}

/** Plan what calls cost; undefined when nothing limits them. */
export function planBudgets(
  calls: readonly PlannedCall[],
  { madePerDay, tariffs }: {
    readonly tariffs: readonly AccountTariff[];
    readonly madePerDay: number | undefined;
  },
): BudgetsPlan | undefined {
  const limited = tariffs.some(({ windows }) => windows.length > 0);
  if (calls.length === 0 || !limited) return undefined;
  const all = divideCalls(calls, tariffs, () => true);
  const fast = divideCalls(calls, tariffs, ({ per }) => per < quotaMs);
  const routes = Object.fromEntries(
    [...all.routes].map(([method, payers]) => [
      method,
      tariffs.filter((one) => payers.has(one.name)).map(({ name }) => name),
    ]),
  );
  return {
    budgets: tariffs.map((tariff) => planBudget(tariff, { calls, madePerDay })),
    unitsPerSecond: fast.seconds > 0 ? 1 / fast.seconds : undefined,
    unitsPerDay: all.seconds > 0 ? daySeconds / all.seconds : undefined,
    madePerDay,
    routes,
  };
}

function planBudget(
  { accounts, cost, name, plan, unit, windows }: AccountTariff,
  { calls, madePerDay }: {
    readonly calls: readonly PlannedCall[];
    readonly madePerDay: number | undefined;
  },
): BudgetPlan {
  const costs = calls.map(({ method, perUnit }) =>
    scaled(cost(method), perUnit)
  );
  const whole = costs.every((one) => one !== undefined);
  const sum = costs.reduce<Cost>(
    (total, one) => ({
      calls: total.calls + (one?.calls ?? 0),
      credits: total.credits + (one?.credits ?? 0),
      weight: total.weight + (one?.weight ?? 0),
    }),
    { calls: 0, credits: 0, weight: 0 },
  );
  return {
    name,
    plan,
    accounts,
    perUnit: whole ? sum.credits : undefined,
    unit,
    windows: whole
      ? windows.map((window) => ({
        limit: window.text,
        units: accounts * window.count / unitsOf(window, sum),
        seconds: window.per / 1000,
      }))
      : [],
    perDay: whole && madePerDay !== undefined
      ? madePerDay * sum.credits
      : undefined,
  };
}

function scaled(cost: Cost | undefined, times: number): Cost | undefined {
  return cost && {
    calls: cost.calls * times,
    credits: cost.credits * times,
    weight: cost.weight * times,
  };
}

/** Divide the calls of one unit; routes name the budgets. */
function divideCalls(
  calls: readonly PlannedCall[],
  tariffs: readonly AccountTariff[],
  counts: (window: AccountTariff["windows"][number]) => boolean,
) {
  const payers = tariffs.map((tariff) => ({
    name: tariff.name,
    tariff,
    windows: tariff.windows.filter(counts)
      .map((window) => ({ ...window, count: window.count * tariff.accounts })),
  }));
  const { routes, seconds } = divide(calls.map(({ method, perUnit }) => ({
    method,
    share: perUnit,
    costs: new Map(
      payers.flatMap((payer) => {
        const cost = payer.tariff.cost(method);
        return cost ? [[payer, cost] as const] : [];
      }),
    ),
  })));
  const free = payers.some(({ windows }) => windows.length === 0);
  return {
    seconds: free ? 0 : seconds,
    routes: new Map(
      [...routes].map(([method, payers]) => [
        method,
        new Set([...payers.keys()].map(({ name }) => name)),
      ]),
    ),
  };
}
