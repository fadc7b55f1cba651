/**
 * How long to wait before trying again.
 *
 * @module
 */

/** First pause, ms. */
const first = 200;

/** Longest pause, ms: an outage that ends is noticed within half a minute. */
const longest = 30_000;

/**
 * The pause before attempt `attempt` (1 is the first retry) in milliseconds:
 * doubling, with jitter so that many clients do not come back together, and
 * at least `after`.
 */
export function backoff(attempt: number, after = 0): number {
  const ceiling = Math.min(longest, first * 2 ** (attempt - 1));
  return Math.max(after, ceiling / 2 + Math.random() * ceiling / 2);
}
