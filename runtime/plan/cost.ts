/**
 * What the calls of a source cost, and how far the budgets go.
 *
 * @module
 */
import type { AccountTariff, FollowPlan, PlannedCall } from "../component.ts";
import { unitsOf } from "../budget/account.ts";
import { divideCalls, leastPerUnit } from "../budget/division.ts";
import type { Cost, Window } from "../budget/scheduler.ts";

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
  /** How it learns of new units, and what that is of the day's bill. */
  readonly follow:
    | { readonly how: string; readonly perDay: number }
    | undefined;
}

/** How far all budgets go together. */
export interface BudgetsPlan {
  readonly budgets: readonly BudgetPlan[];
  /** Units a second while no quota is spent; undefined: no limit. */
  readonly unitsPerSecond: number | undefined;
  /** Units that the budgets last for in a day; undefined: no limit. */
  readonly unitsPerDay: number | undefined;
  /** As `unitsPerDay`, by the calls that are made at the head. */
  readonly headPerDay: number | undefined;
  /** Units that the other side makes in a day. */
  readonly madePerDay: number | undefined;
  /** Which budgets make which calls. */
  readonly routes: Readonly<Record<string, readonly string[]>>;
}

/** What a plan of budgets depends on. */
export interface PlanOptions {
  readonly tariffs: readonly AccountTariff[];
  readonly madePerDay: number | undefined;
  /** How the source learns of new units with one of them. */
  readonly follow?: ((tariff: AccountTariff) => FollowPlan) | undefined;
}

/** Plan what calls cost; undefined when nothing limits them. */
export function planBudgets(
  calls: readonly PlannedCall[],
  { follow, madePerDay, tariffs }: PlanOptions,
): BudgetsPlan | undefined {
  const limited = tariffs.some(({ windows }) => windows.length > 0);
  if (calls.length === 0 || !limited) return undefined;
  const made = calls.filter(({ perUnit }) => perUnit > 0);
  const all = divideCalls(made, tariffs);
  const fast = secondsOf(made, tariffs, ({ per }) => per < quotaMs);
  const slow = secondsOf(made, tariffs, () => true);
  const live = secondsOf(atHead(calls), tariffs, () => true);
  const routes = Object.fromEntries(
    [...all.routes].map(([method, payers]) => [
      method,
      tariffs.filter((one) => payers.has(one.name)).map(({ name }) => name),
    ]),
  );
  return {
    budgets: tariffs.map((tariff) =>
      planBudget(tariff, { calls, follow, madePerDay })
    ),
    unitsPerSecond: fast > 0 ? 1 / fast : undefined,
    unitsPerDay: slow > 0 ? daySeconds / slow : undefined,
    headPerDay: live > 0 ? daySeconds / live : undefined,
    madePerDay,
    routes,
  };
}

function planBudget(
  tariff: AccountTariff,
  { calls, follow, madePerDay }: Omit<PlanOptions, "tariffs"> & {
    readonly calls: readonly PlannedCall[];
  },
): BudgetPlan {
  const { accounts, cost, name, plan, unit, windows } = tariff;
  const heads = follow?.(tariff);
  const learning = costOf(heads?.calls ?? [], tariff).credits;
  const whole = calls.every(({ method }) => cost(method) !== undefined);
  const sum = costOf(calls, tariff);
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
      ? madePerDay * (costOf(atHead(calls), tariff).credits + learning)
      : undefined,
    follow: heads && madePerDay !== undefined
      ? { how: heads.how, perDay: madePerDay * learning }
      : undefined,
  };
}

/** The calls of a unit at the head. */
export function atHead(calls: readonly PlannedCall[]): readonly PlannedCall[] {
  return calls.map((call) => ({
    ...call,
    perUnit: call.atHead ?? call.perUnit,
  })).filter(({ perUnit }) => perUnit > 0);
}

/** What the calls of a unit cost together. */
function costOf(
  calls: readonly PlannedCall[],
  tariff: AccountTariff,
): Cost {
  return calls.reduce<Cost>((total, { method, perUnit }) => {
    const one = tariff.cost(method);
    const times = perUnit > 0
      ? Math.max(perUnit, leastPerUnit(tariff, method))
      : 0;
    return {
      calls: total.calls + times * (one?.calls ?? 0),
      credits: total.credits + times * (one?.credits ?? 0),
      weight: total.weight + times * (one?.weight ?? 0),
    };
  }, { calls: 0, credits: 0, weight: 0 });
}

/** Seconds that a unit takes; none where somebody has no limit. */
function secondsOf(
  calls: readonly PlannedCall[],
  tariffs: readonly AccountTariff[],
  counts: (window: Window) => boolean,
): number {
  const free = tariffs.some(({ windows }) => !windows.some(counts));
  return free ? 0 : divideCalls(calls, tariffs, counts).seconds;
}
