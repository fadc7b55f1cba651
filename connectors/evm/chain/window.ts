/**
 * Results that are asked for out of order and taken in order.
 *
 * @module
 */
import type { Clock } from "../../../runtime/component.ts";

// Answers waiting for their turn may hold this many bytes of JSON.
const MOST_BYTES = 48 * 1024 ** 2;

// What is asked for at once before anything is known, and at least: the first
// of many large answers comes late when all of them come at the same time.
const FIRST_SIZE = 2;

// So many results tell how fast they come and how long they take; a few of
// them do at first.
const SAMPLES = 16;
const FIRST_SAMPLES = 4;

// Twice what latency x rate needs: the rate can then double each time.
const HEADROOM = 2;

/** What the window bounds, and what it learns from. */
export interface Measured {
  /** What it takes in memory. */
  readonly bytes: number;
  /** Milliseconds that its calls took, without the wait for a budget. */
  readonly latency: number;
}

/**
 * A window of promises. Its size follows latency x rate: more waits in
 * memory and gains nothing, less leaves the node idle.
 */
export class FetchWindow<T extends Measured> {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #ring: Promise<T>[] = [];
  readonly #latencies: number[] = [];
  readonly #arrivals: number[] = [];
  #bytes = 0;
  #size: number;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
    this.#size = Math.min(FIRST_SIZE, most);
  }

  /** Results that may be under way or waiting at once. */
  get size(): number {
    return this.#size;
  }

  /** Whether another may be asked for. */
  get open(): boolean {
    return this.#ring.length < this.#size &&
      (this.#bytes < MOST_BYTES || this.#ring.length === 0);
  }

  /** Whether nothing is under way. */
  get empty(): boolean {
    return this.#ring.length === 0;
  }

  /** Add what was asked for. */
  push(promise: Promise<T>): void {
    const counted = promise.then((value) => {
      this.#bytes += value.bytes;
      this.#arrived(value.latency);
      return value;
    });
    // It may fail long before its turn comes.
    counted.catch(() => {});
    this.#ring.push(counted);
  }

  /** Take the next in order. */
  async shift(): Promise<T> {
    const promise = this.#ring.shift();
    if (promise === undefined) throw new RangeError("The window is empty");
    const value = await promise;
    this.#bytes -= value.bytes;
    return value;
  }

  #arrived(latency: number): void {
    const now = this.#clock.now();
    this.#latencies.push(latency);
    this.#arrivals.push(now);
    const [first = now] = this.#arrivals;
    const samples = this.#latencies.length - 1;
    if (samples >= SAMPLES) {
      this.#arrivals.shift();
      this.#latencies.shift();
    }
    if (samples < FIRST_SAMPLES) return;
    const rate = samples / Math.max(1, now - first);
    const total = this.#latencies.reduce((sum, one) => sum + one, 0);
    const mean = total / this.#latencies.length;
    const needed = Math.ceil(HEADROOM * rate * mean);
    this.#size = Math.min(this.#most, Math.max(FIRST_SIZE, needed + 1));
  }
}
