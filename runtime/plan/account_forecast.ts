/**
 * What a range takes of the accounts of a plan.
 *
 * @module
 */
import type { Spent } from "./timeline.ts";
import type { SpentTariff } from "./usage.ts";

/** What a range takes of the accounts of a plan. */
export interface AccountForecast {
  readonly name: string;
  readonly plan: string | undefined;
  readonly calls: number;
  /** What is billed, in `unit`. */
  readonly billed: number;
  readonly unit: string;
  /** What is billed by day, UTC. */
  readonly days: Readonly<Record<string, number>>;
  /** What was used of its limits before. */
  readonly before: readonly UsedBefore[];
  /** When each account opens that the provider has closed, ms since 1970. */
  readonly closed: readonly number[];
  /** How many processes use an account of it now. */
  readonly processes: number;
}

/** What was used of a limit. */
export interface UsedBefore {
  /** "3000000 credits/day from 00:00 UTC". */
  readonly limit: string;
  readonly used: number;
  /** How many accounts have this limit. */
  readonly accounts: number;
}

/** What a timeline takes of each plan's accounts. */
export function accountsOf(
  spent: ReadonlyMap<SpentTariff, Spent>,
): readonly AccountForecast[] {
  const groups = Map.groupBy(spent.keys(), ({ name }) => name);
  return Array.from(groups, ([name, tariffs]) => {
    const taken = tariffs.flatMap((one) => spent.get(one) ?? []);
    const days = new Map<string, number>();
    for (const [day, amount] of taken.flatMap(({ days }) => [...days])) {
      days.set(day, (days.get(day) ?? 0) + amount);
    }
    return {
      name,
      plan: tariffs[0]?.plan,
      calls: Math.round(sumOf(taken.map(({ calls }) => calls))),
      billed: Math.round(sumOf(taken.map(({ credits }) => credits))),
      unit: tariffs[0]?.unit ?? "",
      days: Object.fromEntries(
        Array.from(days, ([day, amount]) => [day, Math.round(amount)]),
      ),
      before: usedBefore(tariffs),
      processes: Math.max(
        ...tariffs.map(({ before }) => before?.processes ?? 0),
      ),
      closed: tariffs.flatMap(({ before }) => before?.closedUntil || []),
    };
  });
}

/** What was used of the limits of a plan's accounts. */
export function usedBefore(
  tariffs: readonly SpentTariff[],
): readonly UsedBefore[] {
  const limits = (tariffs[0]?.windows ?? []).map(({ text }, index) => ({
    limit: text,
    used: sumOf(tariffs.map(({ before }) => before?.windows[index]?.used ?? 0)),
    accounts: sumOf(tariffs.map(({ accounts }) => accounts)),
  }));
  return limits.filter(({ used }) => used > 0);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
