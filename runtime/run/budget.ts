/**
 * What one key may spend, and what it has under way.
 *
 * A unit of budget counts as spent from the moment a call leaves until `per`
 * milliseconds after it has surely reached the server: when its answer is
 * here, or after a short time for a call on a connection that is open
 * already. So no sliding window holds too many calls at the *receiver*, even
 * when the first of them had to wait for a handshake.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Counter, Gauge, Metrics } from "./metrics.ts";
import type {
  Admission,
  Budget,
  BudgetOptions,
  CallRequest,
  Priority,
} from "./scheduler.ts";
import { Spending } from "./spending.ts";

// Arrival of two calls on open connections differs by this much at most, as
// a rule. The answer of most calls settles the question earlier.
const WARM_MS = 25;

// Name resolution and TLS may keep the first call of a connection this long.
const COLD_MS = 1500;

// Servers close idle connections; Node's default is 5 s, proxies keep them
// longer. After this long a call is taken to open a new one.
const KEEP_ALIVE_MS = 4000;

// Aborting without a reason makes an exception with a stack, every time.
const ENDED = "The call has ended";

// History spreads its calls over this share of a short window: providers
// dislike bursts, and a call for the head then finds a free slot soon.
const SPREAD = 0.8;
const SPREAD_PER_MS = 10_000;

/** What a budget needs of its scheduler. */
export interface Surroundings {
  readonly clock: Clock;
  readonly metrics: Metrics;
  elapsed(): number;
  changed(): void;
}

/** A budget as the scheduler keeps it. */
export class PacedBudget implements Budget {
  readonly name: string;
  /** Calls of a higher class that went ahead of one that waits. */
  readonly passed: Record<Priority, number> = {
    head: 0,
    lookup: 0,
    backfill: 0,
  };
  readonly #inFlight: number;
  readonly #windows: readonly Spending[];
  /** Milliseconds between two units of history. */
  readonly #spacing: number;
  readonly #around: Surroundings;
  readonly #running: Gauge;
  readonly #waited: Counter;
  /** When connections that are open and idle were used last. */
  readonly #idle: number[] = [];
  #under = 0;
  #lastLeft = -Infinity;
  #lastUnits = 0;
  #cool: { readonly wall: number; readonly elapsed: number } | undefined;

  constructor(options: BudgetOptions, around: Surroundings) {
    const { name, windows, inFlight } = options;
    this.name = name;
    this.#inFlight = inFlight;
    this.#windows = windows.map((window) => new Spending(window));
    this.#spacing = Math.max(
      0,
      ...windows.filter(({ per }) => per <= SPREAD_PER_MS)
        .map(({ count, per }) => SPREAD * per / count),
    );
    this.#around = around;
    this.#running = around.metrics.gauge("sluice_rpc_in_flight", {
      endpoint: name,
    });
    this.#waited = around.metrics.counter("sluice_rpc_waited_ms_total", {
      endpoint: name,
    });
  }

  coolUntil(instant: number): void {
    const { clock, elapsed, changed } = this.#around;
    if (this.#cool && this.#cool.wall >= instant) return;
    const left = instant - clock.now();
    this.#cool = { wall: instant, elapsed: elapsed() + left };
    changed();
  }

  /** Milliseconds until the call may leave; infinite: when one has ended. */
  wait({ price = 1, priority }: CallRequest): number {
    const now = this.#around.elapsed();
    let wait = this.#cooling(now);
    if (this.#under >= this.#inFlight) return Infinity;
    for (const window of this.#windows) {
      wait = Math.max(wait, window.admits(now, price) - now);
    }
    if (priority === "backfill" && this.#spacing > 0) {
      const due = this.#lastLeft + this.#spacing * this.#lastUnits;
      wait = Math.max(wait, due - now);
    }
    return wait;
  }

  /** Let a call leave now. */
  leave({ price = 1 }: CallRequest, waited: number): Admission {
    const { changed, elapsed } = this.#around;
    const now = elapsed();
    this.#running.set(++this.#under);
    this.#waited.add(waited);
    this.#lastLeft = now;
    this.#lastUnits = price;
    for (const window of this.#windows) window.spend(price);

    const arrived = this.#windows.length === 0
      ? () => {}
      : this.#awaitArrival(now, price);
    let ended = false;
    return {
      budget: this,
      [Symbol.dispose]: () => {
        if (ended) return;
        ended = true;
        this.#running.set(--this.#under);
        arrived();
        changed();
      },
    };
  }

  /** Settle a call when it has arrived; call the result when it has ended. */
  #awaitArrival(left: number, price: number): () => void {
    const { clock, elapsed, changed } = this.#around;
    const used = this.#idle.pop() ?? -Infinity;
    const cold = left - used > KEEP_ALIVE_MS;
    const timer = new AbortController();
    let settled = false;
    const settle = () => {
      if (settled) return;
      settled = true;
      const instant = elapsed();
      for (const window of this.#windows) window.settle(instant, price);
    };
    clock.sleep(cold ? COLD_MS : WARM_MS, timer.signal).then(() => {
      settle();
      changed();
    }, () => {}); // The answer was faster than the timer.
    return () => {
      timer.abort(ENDED);
      this.#idle.push(elapsed());
      settle();
    };
  }

  #cooling(now: number): number {
    if (!this.#cool) return 0;
    // The wall clock may be set: the earlier of both clocks decides.
    const left = Math.min(
      this.#cool.wall - this.#around.clock.now(),
      this.#cool.elapsed - now,
    );
    if (left <= 0) this.#cool = undefined;
    return Math.max(0, left);
  }
}

/** Time that stands still where the clock goes back. */
export function monotonic(elapsed: () => number): () => number {
  let last = -Infinity;
  let behind = 0;
  return () => {
    const now = elapsed() + behind;
    if (now < last) {
      behind += last - now;
      return last;
    }
    return last = now;
  };
}
