/**
 * How long a lease lasts, by the clocks of the process that holds it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** An instant on both clocks. */
export interface Instant {
  readonly wall: number;
  readonly elapsed: number;
}

/**
 * The end of a lease. The wall clock may be set back, and the other one may
 * stand still while the machine sleeps: whichever says first that the lease
 * is over is believed.
 */
export class LeaseClock {
  readonly #clock: Clock;
  readonly #elapsed: () => number;
  #end: Instant | undefined;

  /** @param elapsed Milliseconds that only grow. */
  constructor(clock: Clock, elapsed = () => performance.now()) {
    this.#clock = clock;
    this.#elapsed = elapsed;
  }

  /** Now; to be asked *before* a renewal is sent. */
  now(): Instant {
    return { wall: this.#clock.now(), elapsed: this.#elapsed() };
  }

  /** The lease was renewed by what was sent at `sent`, for `ms`. */
  extend({ elapsed, wall }: Instant, ms: number): void {
    const end = { wall: wall + ms, elapsed: elapsed + ms };
    // Answers may come in another order than the questions.
    if (this.#end && this.#end.elapsed > end.elapsed) return;
    this.#end = end;
  }

  /** The lease is over. */
  end(): void {
    this.#end = undefined;
  }

  /** Milliseconds until the lease is over; 0 or less when it is. */
  left(): number {
    if (!this.#end) return 0;
    const { elapsed, wall } = this.now();
    return Math.min(this.#end.wall - wall, this.#end.elapsed - elapsed);
  }
}
