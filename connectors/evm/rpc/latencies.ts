/**
 * How long answers take, so that a slow one can be told.
 *
 * @module
 */

// So many answers are remembered of each method, and so many are enough.
const KEPT = 40;
const ENOUGH = 8;

const SLOW = 0.95;

/** How long the last answers took, by method. */
export class Latencies {
  readonly #times = new Map<string, number[]>();

  /** Take note of an answer after so many milliseconds. */
  observe(method: string, ms: number): void {
    const times = this.#times.get(method) ?? [];
    this.#times.set(method, times);
    times.push(ms);
    if (times.length > KEPT) times.shift();
  }

  /**
   * Milliseconds within which 95 of 100 answers came; undefined while too few
   * are known.
   */
  slow(method: string): number | undefined {
    const times = this.#times.get(method) ?? [];
    if (times.length < ENOUGH) return undefined;
    const sorted = times.toSorted((a, b) => a - b);
    return sorted[Math.ceil(SLOW * sorted.length) - 1];
  }
}
