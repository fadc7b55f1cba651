/**
 * What calls cost, for people.
 *
 * @module
 */
import { aligned, indented } from "./columns.ts";
import type { BudgetPlan, BudgetsPlan } from "./cost.ts";

/** Lines about the budgets of a source. */
export function budgetLines(plan: BudgetsPlan): readonly string[] {
  return [...plan.budgets.flatMap(ofOne), ...ofAll(plan)];
}

function ofOne(budget: BudgetPlan): readonly string[] {
  const { accounts, name, perDay, perUnit, plan, unit, windows } = budget;
  const title = [
    `budget ${name}`,
    ...plan === undefined ? [] : [`plan ${plan}`],
    ...accounts === 1 ? [] : [`${accounts} accounts`],
  ].join(", ");
  if (perUnit === undefined) return [`${title}: lacks some of the calls`];
  if (windows.length === 0) return [`${title}: no limit`];
  const cells = windows.map(({ limit, seconds, units }) => [
    limit,
    seconds <= 60
      ? `${figure(units / seconds)} units a second`
      : `${figure(units * 86_400 / seconds)} units a day`,
  ]);
  return [
    `${title}: a unit costs ${figure(perUnit)} ${
      perUnit === 1 ? unit.replace(/s$/, "") : unit
    }`,
    ...indented(aligned(cells)),
    ...perDay === undefined ? [] : indented([followText(budget, perDay)]),
  ];
}

function followText({ follow, unit }: BudgetPlan, perDay: number): string {
  const text = `following the chain costs ${figure(perDay)} ${unit} a day`;
  if (follow === undefined) return text;
  return `${text}, ${follow.how} heads ${figure(follow.perDay)} of them`;
}

function ofAll(plan: BudgetsPlan): readonly string[] {
  const { budgets, headPerDay, madePerDay, routes } = plan;
  const { unitsPerDay, unitsPerSecond } = plan;
  const speed = unitsPerSecond === undefined
    ? "without a limit"
    : `${figure(unitsPerSecond)} units a second`;
  const day = unitsPerDay === undefined
    ? []
    : [`${figure(unitsPerDay)} units a day`];
  const several = budgets.length > 1
    ? indented(aligned(
      Object.entries(routes).map(([method, names]) => [
        method,
        `from ${names.join(", ")}`,
      ]),
    ))
    : [];
  const share = madePerDay === undefined || headPerDay === undefined
    ? []
    : madePerDay <= headPerDay
    ? [
      `the chain makes ${figure(madePerDay)} units a day: ` +
      `${figure(100 * madePerDay / headPerDay)} % of the budgets`,
    ]
    : [
      `the chain makes ${figure(madePerDay)} units a day, more than the ` +
      "budgets last for",
    ];
  return [
    `budgets together: ${[speed, ...day].join(", ")}`,
    ...several,
    ...share,
  ];
}

/** A number in three digits, and whole where it is large. */
function figure(value: number): string {
  return value >= 100
    // A sum of rounded parts may be a hair below a whole number.
    ? String(Math.floor(value * (1 + 1e-9)))
    : String(Number(value.toPrecision(3)));
}
