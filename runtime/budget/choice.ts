/**
 * Which budget pays for a call: the one that admits it first.
 *
 * @module
 */
import type { Account } from "./account.ts";
import { PacedBudget } from "./budget.ts";
import { shareOf } from "./routing.ts";
import type { CallRequest, Cost, Priority } from "./scheduler.ts";

/** A budget that could pay for a call, and what it would pay. */
export interface Choice {
  readonly budget: PacedBudget;
  readonly cost: Cost;
}

/** Where a call may leave soonest. */
export interface Soonest {
  readonly choice: Choice | undefined;
  readonly wait: number;
}

/** What a call costs at each budget; with prices, the cheapest first. */
export function choicesOf(request: CallRequest): readonly Choice[] {
  const { price = 1 } = request;
  const flat = { calls: price, credits: price, weight: price };
  const choices = request.budgets.flatMap((budget): Choice[] =>
    budget instanceof PacedBudget
      ? [{ budget, cost: request.cost?.(budget) ?? flat }]
      : []
  );
  if (!request.cost || choices.length === 1) return choices;
  return choices
    .map((choice) => ({
      choice,
      share: shareOf(choice.budget.account, choice.cost),
    }))
    .sort((a, b) => a.share - b.share)
    .map(({ choice }) => choice);
}

/** Of several that are free at once the first. */
export function soonestOf(
  choices: readonly Choice[],
  { held, priority }: {
    readonly held: ReadonlySet<PacedBudget | Account>;
    readonly priority: Priority;
  },
): Soonest {
  let soonest: Soonest = { choice: undefined, wait: Infinity };
  for (const choice of choices) {
    const { budget, cost } = choice;
    if (held.has(budget) || held.has(budget.account)) continue;
    const wait = budget.wait(cost, priority);
    if (wait < soonest.wait || soonest.choice === undefined) {
      soonest = { choice, wait };
    }
  }
  return soonest;
}
