/**
 * How the calls of a unit are best divided among the accounts that sell them.
 *
 * @module
 */
import type { AccountTariff, PlannedCall } from "../component.ts";
import { divide } from "./routing.ts";
import type { Window } from "./scheduler.ts";

/** How calls are divided. */
export interface CallDivision {
  /** Seconds of the busiest budget that a unit takes; no way: infinitely. */
  readonly seconds: number;
  /** Names of the accounts that each method is asked of. */
  readonly routes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Calls of a method that a unit takes at least, by how many one covers. */
export function leastPerUnit(
  { span }: AccountTariff,
  method: string,
): number {
  return 1 / (span?.(method) ?? Infinity);
}

/**
 * Divide the calls of one unit; one that covers many units is made only where
 * so many are allowed.
 *
 * @param counts Which windows count; all when absent.
 */
export function divideCalls(
  calls: readonly PlannedCall[],
  tariffs: readonly AccountTariff[],
  counts: (window: Window) => boolean = () => true,
): CallDivision {
  const payers = tariffs.map((tariff) => ({
    name: tariff.name,
    tariff,
    windows: tariff.windows.filter(counts)
      .map((window) => ({ ...window, count: window.count * tariff.accounts })),
  }));
  const workloads = calls.map(({ method, perUnit }) => ({
    method,
    share: perUnit,
    costs: new Map(
      payers.flatMap((payer) => {
        const cost = payer.tariff.cost(method);
        const narrow = leastPerUnit(payer.tariff, method) > perUnit;
        return cost && !narrow ? [[payer, cost] as const] : [];
      }),
    ),
  }));
  const { routes, seconds } = divide(workloads);
  const possible = workloads.every(({ costs }) => costs.size > 0);
  return {
    seconds: possible ? seconds : Infinity,
    routes: new Map(
      [...routes].map(([method, payers]) => [
        method,
        new Set([...payers.keys()].map(({ name }) => name)),
      ]),
    ),
  };
}
