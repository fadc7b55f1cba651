/**
 * What a range will cost and when it ends, before it is read.
 *
 * @module
 */
import type { PlannedCall } from "../component.ts";
import { QUOTA_MS, unitsOf } from "../budget/account.ts";
import { callsOf, standingOf } from "../spec/calls.ts";
import type { SourceStage, Spec } from "../spec/spec.ts";
import { divideCalls } from "../budget/division.ts";
import { type AccountForecast, accountsOf } from "./account_forecast.ts";
import { atHead } from "./cost.ts";
import { type LookUpForecast, lookUpsIn } from "./look_ups.ts";
import {
  type Bound,
  type Timeline,
  timelineOf,
  type Work,
} from "./timeline.ts";
import { someOf, type SpentTariff, type Usage } from "./usage.ts";

const DAY_S = 86_400;

// What saves less than this share of the time is not worth saying.
const WORTH = 0.05;

/** A range of units. */
export interface Range {
  /** First and last unit, both inclusive. */
  readonly from: number;
  readonly to: number;
  /** When it starts, milliseconds since 1970. */
  readonly start: number;
}

/** What a range costs on one connection. */
export interface Forecast extends Range {
  readonly connection: string;
  readonly sources: readonly string[];
  /** Where it is from what was used before; undefined: nobody keeps count. */
  readonly usage: Omit<Usage, "tariffs"> | undefined;
  readonly calls: number;
  readonly accounts: readonly AccountForecast[];
  /** What is taken for granted where only the other side knows. */
  readonly assumptions: readonly string[];
  /** What may be asked of other connections meanwhile. */
  readonly lookUps: readonly LookUpForecast[];
  /** Undefined: it never ends. */
  readonly seconds: number | undefined;
  /** Which limits make it take that long; shares of the time. */
  readonly bound: readonly (Bound & { readonly share: number })[];
  /** The same while the head is followed as well; undefined: unknown. */
  readonly withHead: {
    readonly unitsPerDay: number;
    /** Units that the range leaves in a day's budgets; undefined: no limit. */
    readonly left: number | undefined;
    /** Undefined: the head alone is too much for the budgets. */
    readonly seconds: number | undefined;
  } | undefined;
  /** What would be faster. */
  readonly changes: readonly {
    readonly change: string;
    readonly seconds: number;
  }[];
}

/** What a forecast begins with. */
export interface ForecastOptions {
  /** What is used already; absent: nothing. */
  readonly usage?: Usage | undefined;
}

/** Forecast a range for every connection whose calls somebody counts. */
export function forecastsOf(
  spec: Spec,
  range: Range,
  { usage }: ForecastOptions = {},
): readonly Forecast[] {
  const sources = spec.stages.filter((stage) => stage.kind === "source");
  const names = new Set(sources.flatMap(({ connection }) => connection ?? []));
  return [...names].flatMap((name) => {
    const users = sources.filter(({ connection }) => connection === name);
    return forecastOf(users, { name, range, spec, usage }) ?? [];
  });
}

function forecastOf(
  sources: readonly SourceStage[],
  { name, range, spec, usage }: ForecastOptions & {
    readonly name: string;
    readonly range: Range;
    readonly spec: Spec;
  },
): Forecast | undefined {
  const paying = spec.connections.get(name);
  const tariffs: readonly SpentTariff[] = usage?.tariffs.get(name) ??
    paying?.definition.tariffs?.(paying.config) ?? [];
  const made = paying?.definition.unitsPerDay?.(paying.config);
  const isSettled = paying?.definition.isSettled?.(paying.config, {
    number: range.to,
    now: range.start,
  }) ?? false;
  const options = {
    stages: spec.stages,
    tariffs: withOpening(tariffs, sources),
    range: { ...range, isSettled },
    unitsPerDay: made,
  };
  const calls = sources.flatMap((source) => callsOf(source, options));
  if (tariffs.length === 0 || calls.length === 0) return undefined;
  const work: Work = {
    units: range.to - range.from + 1,
    start: range.start,
    calls,
    standing: sources.flatMap((source) => standingOf(source, options)),
    tariffs: options.tariffs,
  };
  const timeline = timelineOf(work);
  const accounts = accountsOf(timeline.spent);
  const seconds = secondsOf(timeline, work);
  const asked = lookUpsIn(sources, { seconds, spec, usage });
  const learning = sources.flatMap(({ definition, follows }) =>
    tariffs[0] && !follows && definition.follow?.(tariffs[0]).calls || []
  );
  const live = [...atHead(calls), ...learning];
  return {
    connection: name,
    sources: sources.map(({ name }) => name),
    ...range,
    usage: usage && {
      from: usage.from,
      ...usage.unknown === undefined ? {} : { unknown: usage.unknown },
    },
    calls: accounts.reduce((sum, { calls }) => sum + calls, 0),
    accounts,
    assumptions: [
      ...new Set([
        ...calls.flatMap(({ assumes }) => assumes ?? []),
        ...asked.assumptions,
      ]),
    ],
    lookUps: asked.lookUps,
    seconds,
    bound: boundsOf(timeline),
    withHead: made === undefined ? undefined : {
      unitsPerDay: made,
      left: leftFor(live, { timeline, work }),
      seconds: secondsOf(
        timelineOf({ ...work, head: headLoad(work, { live, made }) }),
        work,
      ),
    },
    changes: changesOf(work, { seconds, timeline }),
  };
}

/** Accounts without the calls that the first ones of their sources replace. */
function withOpening(
  tariffs: readonly SpentTariff[],
  sources: readonly SourceStage[],
): readonly SpentTariff[] {
  const [only, ...others] = tariffs;
  const isOne = only && others.length === 0 &&
    only.opening?.every(({ times }) => times === 1);
  const first = sources.filter(({ follows }) => follows === undefined);
  const identifies = first.length > 0 &&
    first.every(({ definition, used }) => definition.identifies?.(used));
  return isOne && identifies ? [{ ...only, opening: [] }] : tariffs;
}

/** What the head takes, in units of the range a second. */
function headLoad(
  { calls, tariffs }: Work,
  { live, made }: {
    readonly live: readonly PlannedCall[];
    readonly made: number;
  },
): number {
  const usual = divideCalls(calls, tariffs).seconds;
  return made / DAY_S * divideCalls(live, tariffs).seconds / usual;
}

/**
 * Units a day of the head that the range leaves in the quotas; rates do not
 * matter, because the head goes first.
 */
function leftFor(
  live: readonly PlannedCall[],
  { timeline, work }: { readonly timeline: Timeline; readonly work: Work },
): number | undefined {
  const { end, spent } = timeline;
  const lasts = end - work.start;
  const left = work.tariffs.map((tariff) => ({
    ...tariff,
    windows: tariff.windows.map((window) => {
      const { calls = 0, credits = 0, days } = spent.get(tariff) ?? {};
      if (window.per < QUOTA_MS) return window;
      const all = unitsOf(window, { calls, credits, weight: credits });
      const most = Math.max(0, ...days?.values() ?? []);
      const share = window.reset?.every === "day"
        ? most / Math.max(1, credits)
        : Math.min(1, window.per / lasts);
      const used = all / tariff.accounts * share;
      return { ...window, count: Math.max(1, window.count - used) };
    }),
  }));
  const { seconds } = divideCalls(live, left);
  return seconds > 0 ? DAY_S / seconds : undefined;
}

function secondsOf({ end }: Timeline, { start }: Work): number | undefined {
  return end === Infinity ? undefined : (end - start) / 1000;
}

function boundsOf({ bound }: Timeline): Forecast["bound"] {
  const all = [...bound.values()].reduce((sum, ms) => sum + ms, 0);
  return Array.from(bound, ([one, ms]) => ({ ...one, share: ms / all }))
    .filter(({ share }) => share >= 0.005)
    .sort((a, b) => b.share - a.share);
}

/** What another account or another plan would change. */
function changesOf(
  work: Work,
  { seconds, timeline }: {
    readonly seconds: number | undefined;
    readonly timeline: Timeline;
  },
): Forecast["changes"] {
  const limiting = new Set([...timeline.bound.keys()].map(({ name }) => name));
  return [...Map.groupBy(work.tariffs, ({ name }) => name)]
    .filter(([name]) => limiting.has(name))
    .flatMap(([name, tariffs]) => changesAt(name, tariffs))
    .flatMap(({ change, ...of }) => {
      const others = work.tariffs.filter((one) => !of.without.includes(one));
      const changed = { ...work, tariffs: [...others, ...of.with] };
      const other = secondsOf(timelineOf(changed), work);
      const better = other !== undefined &&
        other < (seconds ?? Infinity) * (1 - WORTH);
      return better ? [{ change, seconds: other }] : [];
    });
}

/** Other accounts instead of some. */
interface Change {
  readonly change: string;
  readonly without: readonly SpentTariff[];
  readonly with: readonly SpentTariff[];
}

/** What could be changed about the accounts of a plan. */
function changesAt(
  name: string,
  tariffs: readonly SpentTariff[],
): readonly Change[] {
  const [first] = tariffs;
  if (first === undefined) return [];
  const { plan } = first;
  const accounts = tariffs.reduce((sum, { accounts }) => sum + accounts, 0);
  const at = plan === undefined ? name : `${name} (${plan})`;
  const fresh = tariffs.find(({ before }) => before === undefined);
  const more = fresh
    ? { ...fresh, accounts: fresh.accounts + 1 }
    : { ...someOf(first, 1), before: undefined };
  return [
    {
      change: accounts === 1
        ? `a second account at ${at}`
        : `${accounts + 1} accounts at ${at}`,
      without: fresh ? [fresh] : [],
      with: [more],
    },
    ...(first.alternatives?.() ?? []).map((other) => ({
      change: `${other.plan} instead of ${plan} at ${name}`,
      without: tariffs,
      with: tariffs.map(({ accounts, before }) => ({
        ...someOf(other, accounts),
        before,
      })),
    })),
  ];
}
