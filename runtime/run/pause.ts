/**
 * A pause that ends at an instant.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** A pause; a longer one replaces a shorter one. */
export class Pause {
  readonly #clock: Clock;
  readonly #elapsed: () => number;
  #end: { readonly wall: number; readonly elapsed: number } | undefined;

  constructor(clock: Clock, elapsed: () => number) {
    this.#clock = clock;
    this.#elapsed = elapsed;
  }

  /** When it ends; in the past when there is none. */
  get until(): number {
    return this.#end?.wall ?? -Infinity;
  }

  /** Pause until an instant; whether that is longer than before. */
  extend(instant: number): boolean {
    if (this.#end && this.#end.wall >= instant) return false;
    const left = instant - this.#clock.now();
    this.#end = { wall: instant, elapsed: this.#elapsed() + left };
    return true;
  }

  /** Milliseconds that are left of it. */
  left(): number {
    if (!this.#end) return 0;
    // The wall clock may be set: the earlier of both clocks decides.
    const left = Math.min(
      this.#end.wall - this.#clock.now(),
      this.#end.elapsed - this.#elapsed(),
    );
    if (left <= 0) this.#end = undefined;
    return Math.max(0, left);
  }
}
