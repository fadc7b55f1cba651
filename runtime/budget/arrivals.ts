/**
 * When calls reach the other side, as far as their answers tell.
 *
 * @module
 */

// So many answers show how long one takes at least.
const ENOUGH = 16;

// Of that time so much is sure: the next answer may be a little faster.
const SURE = 0.9;

// A call that takes so many times as long as others of its kind, and longer,
// is held up: nobody knows where.
const HELD_UP = 2;
const HELD_UP_MS = 10;

// How far the usual time of a kind moves with each answer: little, or those
// that were held up would soon be usual.
const STEP = 1.02;

/** What the answers of one account tell. */
export class Arrivals {
  #answers = 0;
  #least = Infinity;
  /** Milliseconds by kind of call: half of them are faster. */
  readonly #usual = new Map<string, number>();

  /** A call was answered that had no connection to wait for. */
  answered(method: string, took: number): void {
    this.#answers++;
    this.#least = Math.min(this.#least, took);
    const usual = this.#usual.get(method);
    const next = usual === undefined
      ? took
      : took > usual
      ? usual * STEP
      : usual / STEP;
    this.#usual.set(method, Math.max(1, next));
  }

  /**
   * Milliseconds before its answer by which a call has arrived. Where all
   * calls go the same way, one that took no longer than the fastest was as
   * early, and what it took more may all have been spent on the way there.
   */
  get lead(): number {
    return this.#answers < ENOUGH ? 0 : SURE * this.#least;
  }

  /** Milliseconds after which a call is held up; infinite: nobody knows. */
  patience(method: string): number {
    const usual = this.#usual.get(method);
    return usual === undefined ? Infinity : HELD_UP * usual + HELD_UP_MS;
  }
}
