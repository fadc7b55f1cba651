/**
 * The highest value of late.
 *
 * @module
 */

/** The highest value of the last one to two spans of time. */
export class RecentPeak {
  readonly #span: number;
  #since = -Infinity;
  #now = 0;
  #before = 0;

  /** @param span Milliseconds. */
  constructor(span: number) {
    this.#span = span;
  }

  /** Take note of a value. */
  note(value: number, now: number): void {
    this.#age(now);
    this.#now = Math.max(this.#now, value);
  }

  /** The highest value; 0 when there was none. */
  at(now: number): number {
    this.#age(now);
    return Math.max(this.#now, this.#before);
  }

  #age(now: number): void {
    const age = now - this.#since;
    if (age < this.#span) return;
    this.#before = age < 2 * this.#span ? this.#now : 0;
    this.#now = 0;
    this.#since = now;
  }
}
