/**
 * Sizes, durations and counts in words.
 *
 * @module
 */

const sizes: readonly (readonly [string, number])[] = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
  ["GB", 1_000_000_000],
  ["MB", 1_000_000],
  ["kB", 1000],
];

const durations: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** Bytes in the largest unit that divides them: `16MiB`. */
export function sizeText(bytes: number): string {
  return inUnit(bytes, sizes, "B");
}

/** Milliseconds in the largest unit that divides them: `2s`. */
export function durationText(milliseconds: number): string {
  return inUnit(milliseconds, durations, "ms");
}

/**
 * A whole number with its thousands apart: `12,345`. `toLocaleString` writes
 * the same, and loads tables for 20 ms when it is first called.
 */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Seconds as a person says them, in two units at most: `3 h 25 min`. */
export function spanText(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const spans = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]] as const;
  const index = spans.findIndex(([, length]) => whole >= length);
  const [first, second] = spans.slice(index);
  if (first === undefined) return "0 s";
  const [name, length] = first;
  const rest = second && Math.floor(whole % length / second[1]);
  const tail = rest ? ` ${rest} ${second[0]}` : "";
  return `${Math.floor(whole / length)} ${name}${tail}`;
}

function inUnit(
  amount: number,
  units: readonly (readonly [string, number])[],
  smallest: string,
): string {
  const fitting = units.find(([, scale]) => amount > 0 && amount % scale === 0);
  if (!fitting) return `${amount}${smallest}`;
  const [name, scale] = fitting;
  return `${amount / scale}${name}`;
}
