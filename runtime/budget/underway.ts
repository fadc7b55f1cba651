/**
 * A call that has left, and when it has arrived.
 *
 * A unit of budget counts as spent from the moment a call leaves until `per`
 * milliseconds after it has surely reached the server: that is what its answer
 * tells, or a short time for a call on a connection that is open already. So
 * no sliding window holds too many calls at the *receiver*, even when the
 * first of them had to wait for a handshake, or the receiver stood still.
 *
 * @module
 */
import type { Account } from "./account.ts";
import type { Clock } from "../run/clock.ts";
import type { Spent } from "./spending.ts";

// Arrival of two calls on open connections differs by this much at most, as
// a rule. The answer of most calls settles the question.
const WARM_MS = 50;

// Name resolution and TLS may keep the first call of a connection this long.
const COLD_MS = 1500;

// A call that was held up, and given up, arrives within so long or never.
const HELD_UP_MS = 2000;

// Where timers fire this late the machine is too busy to send in time, too.
const LATE_MS = 10;

// Aborting without a reason makes an exception with a stack, every time.
const ENDED = "The call has ended";

/** What a call under way works with. */
export interface UnderwayOptions {
  readonly account: Account;
  readonly spent: Spent;
  readonly method: string;
  /** Whether it has to open a connection first. */
  readonly cold: boolean;
  readonly clock: Clock;
  elapsed(): number;
  /** More or less can be spent than before. */
  changed(): void;
}

/** A call that has left. */
export class Underway {
  readonly #options: UnderwayOptions;
  readonly #left: number;
  readonly #timer = new AbortController();
  /** Milliseconds that it travels at most, if nothing holds it up. */
  readonly #usual: number;
  /** Milliseconds after which something does. */
  readonly #patience: number;
  /** When it has arrived, if nothing holds it up. */
  #arrived = Infinity;

  constructor(options: UnderwayOptions) {
    const { account, cold, elapsed, method } = options;
    this.#options = options;
    this.#left = elapsed();
    this.#usual = (cold ? COLD_MS : WARM_MS) + account.room;
    this.#patience = cold ? Infinity : account.arrivals.patience(method);
    this.#watch().catch(() => {}); // The answer was faster than the timer.
  }

  /** It has been answered. */
  answered(): void {
    this.#timer.abort(ENDED);
    const { account, cold, elapsed, method, spent } = this.#options;
    const now = elapsed();
    const took = now - this.#left;
    if (!cold) account.arrivals.answered(method, took);
    const known = Math.max(this.#left, now - account.lead);
    const heldUp = took > this.#patience;
    spent.settle(heldUp ? known : Math.min(known, this.#arrived));
  }

  /** It was given up; nobody knows where it is. */
  lost(): void {
    this.#timer.abort(ENDED);
    const { elapsed, spent } = this.#options;
    const now = elapsed();
    const heldUp = now - this.#left > this.#patience;
    spent.settle(now + (heldUp ? HELD_UP_MS : this.#usual));
  }

  /** Settle it for as long as no answer says more. */
  async #watch(): Promise<void> {
    const { changed, clock, elapsed, spent } = this.#options;
    const { signal } = this.#timer;
    for (let late = Infinity; late > LATE_MS;) {
      const since = elapsed();
      await clock.sleep(this.#usual, signal);
      late = elapsed() - since - this.#usual;
    }
    this.#arrived = elapsed();
    spent.settle(this.#arrived);
    changed();
    if (this.#patience === Infinity) return;
    const left = this.#left + this.#patience - this.#arrived;
    await clock.sleep(Math.max(1, left), signal);
    // Nobody knows where it is until it is answered.
    spent.withdraw();
    changed();
  }
}
