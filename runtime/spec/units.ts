/**
 * Durations, sizes, rates and quotas: a number with its unit.
 *
 * @module
 */
import type { Window } from "../budget/scheduler.ts";

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const periods: Readonly<Record<string, number>> = {
  s: 1000,
  second: 1000,
  m: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

const bytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** Read `500ms`, `2s`, `7d` as milliseconds; undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  return withUnit(text, /^(\d+(?:\.\d+)?)\s*([a-z]+)$/, milliseconds);
}

/** Read `16MiB`, `64kB` as bytes; undefined when it is not one. */
export function parseSize(text: string): number | undefined {
  return withUnit(text, /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/, bytes);
}

/** Read `25/s`, `100000/day` as a window; undefined when it is not one. */
export function parseRate(text: string): Window | undefined {
  const [, count, unit] = /^(\d+)\s*\/\s*([a-z]+)$/.exec(text) ?? [];
  const per = unit === undefined ? undefined : periods[unit];
  if (per === undefined || Number(count) < 1) return undefined;
  return { count: Number(count), per };
}

function withUnit(
  text: string,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
): number | undefined {
  const [, amount, unit] = pattern.exec(text) ?? [];
  const scale = unit === undefined ? undefined : units[unit];
  return scale === undefined ? undefined : Number(amount) * scale;
}
