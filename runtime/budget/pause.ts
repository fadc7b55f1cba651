/**
 * A pause that ends at an instant, and the one call that then finds out
 * whether it was long enough.
 *
 * @module
 */
import type { Clock } from "../run/clock.ts";

/**
 * A pause; a longer one replaces a shorter one. It is a circuit breaker: when
 * it has ended one call may leave, and the others when that has brought no
 * new pause.
 */
export class Pause {
  readonly #clock: Clock;
  readonly #elapsed: () => number;
  #end: { readonly wall: number; readonly elapsed: number } | undefined;
  /** Whether a call must find out first; "running": one is under way. */
  #probe: "none" | "due" | "running" = "none";

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
    this.#probe = "due";
    return true;
  }

  /** Milliseconds until a call may leave; infinite: when another has ended. */
  left(): number {
    if (!this.#end) return this.#probe === "running" ? Infinity : 0;
    // The wall clock may be set: the earlier of both clocks decides.
    const left = Math.min(
      this.#end.wall - this.#clock.now(),
      this.#end.elapsed - this.#elapsed(),
    );
    if (left > 0) return left;
    this.#end = undefined;
    return this.left();
  }

  /** A call leaves; call the result when it has ended. */
  probe(): () => void {
    if (this.#probe !== "due") return () => {};
    this.#probe = "running";
    return () => {
      if (this.#probe === "running") this.#probe = "none";
    };
  }
}
