/**
 * Limits as a person writes them: `25/s`, `500 credits/s`, `15 requests/s`,
 * `3000000/day from 00:00 UTC`, `10000000/month from day 15 00:00 UTC`.
 *
 * @module
 */
import type { Field, Reset, Window } from "../../../runtime/component.ts";

/** A limit as written; of what is decided by the plan's unit. */
export interface Limit {
  readonly count: number;
  /** Milliseconds. */
  readonly per: number;
  /** Absent: what the plan sells. */
  readonly unit: "credits" | "requests" | undefined;
  readonly reset: Reset | undefined;
}

const periods: Readonly<Record<string, number>> = {
  s: 1000,
  second: 1000,
  m: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  month: 30 * 86_400_000,
};

const DAY_MS = 86_400_000;

const form = new RegExp(
  /^(\d+)\s*(?:(credits|requests)\s*)?\/\s*(\d*)\s*([a-z]+)/.source +
    /(?:\s+from\s+(?:day\s+(\d+)\s+)?(\d\d):(\d\d)\s+([\w+/-]+))?$/.source,
);

/** Read a limit; undefined when it is none. */
export function parseLimit(text: string): Limit | undefined {
  const [, count, unit, times, period, day, hour, minute, zone] =
    form.exec(text) ?? [];
  const length = period === undefined ? undefined : periods[period];
  if (length === undefined || Number(count) < 1) return undefined;
  const per = length * (times ? Number(times) : 1);
  const limit = {
    count: Number(count),
    per,
    unit: unit as "credits" | "requests" | undefined,
  };
  const every = length === DAY_MS ? "day" : "month";
  const calendar = !times && (every === "day" ? per === DAY_MS : per > DAY_MS);
  if (zone === undefined) {
    // A month has no length of its own: it always turns at an instant.
    const turns = period === "month" && !times;
    const reset: Reset = { every: "month", day: 1, minute: 0, zone: "UTC" };
    return per > 0 ? { ...limit, reset: turns ? reset : undefined } : undefined;
  }
  const reset: Reset = {
    every,
    day: day === undefined ? 1 : Number(day),
    minute: Number(hour) * 60 + Number(minute),
    zone,
  };
  const right = calendar && (day === undefined || every === "month") &&
    // Every month has 28 days.
    reset.day >= 1 && reset.day <= 28 && Number(hour) < 24 &&
    Number(minute) < 60 && isZone(zone);
  return right ? { ...limit, reset } : undefined;
}

/** Write a limit with its unit, as a person would. */
export function limitText({ count, per, reset }: Window, unit: string): string {
  const [name] =
    Object.entries(periods).find(([name, length]) =>
      length === per && name.length !== 1 && (name !== "month" || reset)
    ) ?? [];
  const period = name === "second" ? "s" : name ?? `${per / DAY_MS}d`;
  const day = reset?.every === "month" ? `day ${reset.day} ` : "";
  const time = [
    Math.floor((reset?.minute ?? 0) / 60),
    (reset?.minute ?? 0) % 60,
  ]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const from = reset ? ` from ${day}${time} ${reset.zone}` : "";
  return `${count} ${unit}/${period}${from}`;
}

/** A limit. */
export function limitField(doc: string): Field<Limit> {
  return {
    doc,
    required: true,
    noun: "rate",
    schema: {
      type: "string",
      pattern: "^\\d+\\s*((credits|requests)\\s*)?/",
      examples: ["25/s", "100000/day", "3000000 credits/day from 00:00 UTC"],
    },
    read(value, place) {
      const limit = typeof value === "string" ? parseLimit(value) : undefined;
      if (limit !== undefined) return limit;
      const zone = /from .*\d\d:\d\d\s+(\S+)$/.exec(`${value}`)?.[1];
      if (zone !== undefined && !isZone(zone)) {
        return place.report(`Unknown time zone "${zone}"`, "write it like UTC");
      }
      const found = typeof value === "string" ? `"${value}"` : String(value);
      return place.report(
        `Expected a rate, found ${found}`,
        "write it like 25/s, 100000/day or 3000000/day from 00:00 UTC",
      );
    },
  };
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}
