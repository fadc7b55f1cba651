/**
 * A forecast for people.
 *
 * @module
 */
import { UNLIMITED_S } from "../budget/routing.ts";
import { indented } from "./columns.ts";
import type { AccountForecast, UsedBefore } from "./account_forecast.ts";
import type { LookUpForecast } from "./look_ups.ts";
import type { Forecast } from "./forecast.ts";
import { spanText } from "./quantity.ts";

/** Lines about a range; the same forecast always gives the same lines. */
export function forecastLines(forecast: Forecast): readonly string[] {
  const {
    accounts,
    assumptions,
    bound,
    changes,
    connection,
    from,
    sources,
    to,
  } = forecast;
  return [
    `Range ${from} to ${to} of ${sources.join(", ")}, connection ${connection}`,
    "",
    ...indented([
      `${to - from + 1} units, ${forecast.calls} calls, ${usageText(forecast)}`,
      ...accounts.flatMap((one) => [accountLine(one), ...beforeLines(one)]),
      ...forecast.lookUps.flatMap(lookUpTextLines),
      ...assumptions.map((one) => `assumes that ${one}`),
      endLine(forecast),
      ...bound.length === 0 ? [] : [
        `limited by ${
          bound.map(({ limit, name, share }) =>
            `${
              limit === undefined
                ? `how fast ${name} answers`
                : `${limit} of ${name}`
            } (${percent(share)})`
          ).join(", ")
        }`,
      ],
      ...headLines(forecast),
      ...changes.map(({ change, seconds }) =>
        `with ${change}: ${spanText(seconds)}` +
        (forecast.seconds === undefined
          ? ""
          : ` instead of ${spanText(forecast.seconds)}`)
      ),
    ]),
  ];
}

function accountLine(account: AccountForecast): string {
  const { billed, calls, days, name, plan, unit } = account;
  const most = Math.max(0, ...Object.values(days));
  const title = plan === undefined ? name : `${name}, plan ${plan}`;
  const daily = Object.keys(days).length > 1 ? `, at most ${most} a day` : "";
  return unit === "requests"
    ? `${title}: ${calls} calls${daily}`
    : `${title}: ${calls} calls, ${billed} ${unit}${daily}`;
}

/** What the budgets are like at the start. */
function usageText({ accounts, usage }: Forecast): string {
  const full = "with budgets that are full at the start";
  if (usage === undefined) return full;
  const { from, unknown } = usage;
  if (unknown !== undefined) {
    return "with budgets that are taken to be full at the start, because " +
      `${from} cannot be read: ${unknown}`;
  }
  const isUsed = accounts.some(({ before, closed }) =>
    before.length + closed.length > 0
  );
  return isUsed
    ? `with what ${from} says is left of the budgets`
    : `${full}, as ${from} says`;
}

function beforeLines(
  { before, closed, processes }: AccountForecast,
): readonly string[] {
  return indented([
    ...before.map(usedText),
    ...processes === 0 ? [] : [
      `used now by ${processes} ${
        processes === 1 ? "process" : "processes"
      }, ` +
      "which would take a part of each rate",
    ],
    ...closed.map((until) =>
      `closed by the provider until ${instantText(until)}`
    ),
  ]);
}

function usedText({ accounts, limit, used }: UsedBefore): string {
  const times = accounts === 1 ? "" : `${accounts} x `;
  return `used already: ${Math.ceil(used)} of ${times}${limit}`;
}

/** Nobody knows how many, but what the limits admit. */
function lookUpTextLines(
  { atMost, before, connection, name }: LookUpForecast,
): readonly string[] {
  return [
    `${name} of ${connection}: calls as what is new is met, ` +
    (atMost === undefined
      ? "without a limit"
      : `at most ${atMost} in that time`),
    ...indented(before.map(usedText)),
  ];
}

function instantText(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 16)}Z`;
}

function endLine({ bound, seconds, start }: Forecast): string {
  if (seconds === undefined) return "never ends: the budgets do not allow it";
  const [first] = bound;
  if (first && first.limit === undefined) {
    return `takes as long as ${first.name} takes to answer: ` +
      `${spanText(seconds)} at ${Math.round(1 / UNLIMITED_S)} calls a second`;
  }
  return `takes ${spanText(seconds)}, until ` +
    `${instantText(start + seconds * 1000)} when it starts now`;
}

function headLines({ seconds, withHead }: Forecast): readonly string[] {
  if (withHead === undefined || seconds === undefined) return [];
  const { left = Infinity, unitsPerDay } = withHead;
  const slower = withHead.seconds === undefined
    ? "the range never ends beside it"
    : `the range then takes ${spanText(withHead.seconds)}`;
  const taken = left >= unitsPerDay
    ? "nothing is taken from it"
    : `${percent(1 - left / unitsPerDay)} is taken from it, which leaves ` +
      `${Math.floor(left)} of ${unitsPerDay} units a day`;
  return [`following the head meanwhile: ${slower}, ${taken}`];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
