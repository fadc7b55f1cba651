/**
 * The write timestamps of rows, made of their place in the chain.
 *
 * Of two writes of one key the one with the higher timestamp is seen, in
 * whatever order they arrive, and at equal timestamps a deletion wins. So a
 * retry that comes late changes nothing, a retraction hides exactly what came
 * before it, and a replacement is seen behind it.
 *
 * Timestamps are microseconds, as everybody else's: Scylla refuses those that
 * are days ahead, and what a person deletes by hand stays deleted.
 *
 * @module
 */
import type { UnitInfo } from "../../runtime/component.ts";

/** A version is milliseconds. */
const perVersion = 1000;

/**
 * Units of one version are told apart by their number: history comes in with
 * one version for all of it. The remainder keeps what is no block number
 * within 72 minutes of the clock.
 */
const numbers = 2 ** 32;

/** The timestamp of a unit's rows, from its version and number alone. */
export function timestampOf(
  { number, version }: Pick<UnitInfo, "number" | "version">,
): number {
  return version * perVersion + number % numbers;
}

/** Hands out the timestamps of one sink's units; see the module. */
export class Timeline {
  #last: number;
  readonly #shared: boolean;

  /**
   * @param last the last timestamp of earlier writes; 0 without any.
   * @param options `shared`: units come in no order and other processes write
   * too, so that nothing but the unit may count.
   */
  constructor(last: number, { shared }: { readonly shared: boolean }) {
    this.#last = last;
    this.#shared = shared;
  }

  /** The highest timestamp so far. */
  get last(): number {
    return this.#last;
  }

  /** The timestamp of the unit that comes next in the chain's order. */
  next(unit: Pick<UnitInfo, "number" | "version">): number {
    const own = timestampOf(unit);
    // A new sink gets history with a version of now, and then what other
    // sinks have in their journal, with versions of an hour ago.
    const next = this.#shared ? own : Math.max(this.#last + 1, own);
    this.#last = Math.max(this.#last, next);
    return next;
  }
}
