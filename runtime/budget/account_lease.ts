/**
 * This process's part of an account that other processes share: what it may
 * spend now, renewed in the background.
 *
 * A call asks the part's own clocks and numbers and nobody else. What is
 * granted lasts as long as the lease certainly does; a process that was
 * stopped finds that it is over, and sends nothing before it is renewed.
 *
 * @module
 */
import { RetryableError } from "../errors.ts";
import {
  type AccountGrant,
  type AccountRequest,
  allot,
  isShared,
  leave,
} from "./book.ts";
import type { Clock } from "../run/clock.ts";
import { type Demand, HeldChunk } from "./held_chunk.ts";
import { HeldShare } from "./held_share.ts";
import { LeaseClock } from "../run/lease_clock.ts";
import type { LedgerStore, Place } from "./ledger_store.ts";
import type { Window } from "./scheduler.ts";
import type { Spending } from "./spending.ts";

/** How often a part is renewed, ms: several chances before it ends. */
const renewEvery = 1000;

/** Where calls wait for more it is asked for so soon again, ms. */
const soonest = 250;

/** A lease that is not renewed for so long is over, ms. */
const leaseMs = 9000;

/** Renewals fit in so often before what is held must be over, ms. */
const spare = 4000;

/** A call that was let go may be on its way for so long, ms. */
const arrival = 2000;

/** So long after a process was killed its last calls may still arrive, ms. */
const delivery = 500;

/** Aborting without a reason makes an exception with a stack, every time. */
const hurried = "A renewal is due";

/** One of an account's windows, and what was spent of it here. */
export interface LeasedWindow {
  readonly window: Window;
  /** Units that all but the head may have spent. */
  readonly common: number;
  /** What this process has spent; undefined: the window does not slide. */
  readonly spending: Spending | undefined;
}

/** What a lease works with. */
export interface AccountLeaseOptions {
  /** Who pays, to all processes. */
  readonly account: string;
  readonly windows: readonly LeasedWindow[];
  readonly clock: Clock;
  /** Milliseconds that only grow. */
  elapsed(): number;
  /** Opens the store, once. */
  store(): Promise<LedgerStore>;
  /** It may spend more or less than before. */
  changed(): void;
  /** The provider refuses all calls until an instant, ms since 1970. */
  closed(until: number): void;
  /** A renewal has failed, or worked. */
  told(error?: Error): void;
  /** Calls wait because the lease is over. */
  lapsed(): void;
}

/** This process's part of an account. */
export class AccountLease implements AsyncDisposable {
  /**
   * Settled when the account was asked for the first time; rejected when
   * asking again is no use.
   */
  readonly ready: Promise<void>;
  readonly #options: AccountLeaseOptions;
  readonly #id = crypto.randomUUID();
  readonly #lease: LeaseClock;
  readonly #held: readonly (HeldShare | HeldChunk)[];
  readonly #end = new AbortController();
  readonly #working: Promise<void>;
  #closedUntil = 0;
  #isAlone = true;
  /** Whether the last renewal has worked. */
  #isThere = false;
  #renewed = -Infinity;
  #next = 0;
  #isWanted = false;
  /** Cuts short the pause before the next renewal. */
  #hurry = new AbortController();

  constructor(options: AccountLeaseOptions) {
    const { clock, elapsed, windows } = options;
    this.#options = options;
    this.#lease = new LeaseClock(clock, elapsed);
    const rates = windows.map(({ window }) => window).filter(isShared);
    const perMs = Math.max(...rates.map(({ count, per }) => count / per));
    this.#held = windows.map(({ common, spending, window }) =>
      spending && isShared(window)
        ? new HeldShare(window, spending)
        : new HeldChunk(window, common, rates.length > 0 ? perMs : Infinity)
    );
    this.ready = this.#renew();
    this.#working = this.ready.catch(() => {}).then(() => this.#work());
  }

  /** Whether no other process uses the account now. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** What may be spent of a window's time; undefined: a long one has none. */
  limit(index: number): number | undefined {
    const held = this.#held[index];
    return held instanceof HeldShare ? held.limit : undefined;
  }

  /** Milliseconds until a call may leave, as far as others are concerned. */
  wait(index: number, demand: Demand): number {
    const held = this.#held[index];
    if (held === undefined) return 0;
    const now = this.#options.elapsed();
    const isShare = held instanceof HeldShare;
    // By then the call has arrived, and has left every window again.
    const lasts = arrival + (isShare ? held.lingers(now) : 0);
    if (this.#lease.left() <= lasts) {
      this.#options.lapsed();
      return this.#soon(now);
    }
    if (isShare) {
      if (held.admits(demand.units)) return 0;
      held.wanted(demand.units, now);
      return this.#soon(now);
    }
    if (held.admits(demand)) {
      if (held.isLow) this.#soon(now);
      return 0;
    }
    const wait = held.backIn(demand, now);
    if (wait !== undefined) return wait;
    held.wanted(demand, now);
    return this.#soon(now);
  }

  /** Whether a call waits until a quota comes back, not for its turn. */
  isSpent(index: number, demand: Demand): boolean {
    const held = this.#held[index];
    if (!(held instanceof HeldChunk) || held.admits(demand)) return false;
    return held.backIn(demand, this.#options.elapsed()) !== undefined;
  }

  /** A call waits that a larger share of a window would let go. */
  wanted(index: number, units: number): void {
    const held = this.#held[index];
    if (held instanceof HeldShare) held.wanted(units, this.#options.elapsed());
  }

  /** Pay for a call that leaves now; call the result when it has arrived. */
  spend(index: number, demand: Demand): () => void {
    const held = this.#held[index];
    const now = this.#options.elapsed();
    if (held instanceof HeldChunk) return held.spend(demand, now);
    held?.spend(demand.units, now);
    return () => {};
  }

  /** The provider refuses all calls until an instant: others should know. */
  close(until: number): void {
    if (until <= this.#closedUntil) return;
    this.#closedUntil = until;
    this.#soon(this.#options.elapsed());
  }

  /** Give back what is not spent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#hurry.abort(hurried);
    await this.#working;
    for (const held of this.#held) held.close();
    // What cannot be given back now is free when the lease is over.
    if (!this.#isThere || this.#lease.left() <= 0) return;
    const now = this.#options.elapsed();
    const counts = this.#held.map((held) =>
      held instanceof HeldShare ? held.lingers(now) : 0
    );
    const place = { ...this.#place(now), lasts: Math.max(0, ...counts) };
    const request = this.#request(now);
    try {
      const store = await this.#options.store();
      await store.change(place, (seen) => leave(seen, request));
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
    }
  }

  async #work(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.#nap();
      if (this.#end.signal.aborted) return;
      // It was told already, and is tried again.
      await this.#renew().catch(() => {});
    }
  }

  /** Wait for the next renewal, which may come to be due sooner. */
  async #nap(): Promise<void> {
    const { clock, elapsed } = this.#options;
    const now = elapsed();
    const given = this.#held.map((held) =>
      held instanceof HeldShare ? held.freeIn(now) : undefined
    ).filter((ms) => ms !== undefined);
    // Processes that began together should not go on together.
    const usual = renewEvery * (0.9 + Math.random() / 10);
    this.#next = now + Math.max(1, Math.min(usual, ...given));
    this.#isWanted = false;
    for (;;) {
      const left = this.#next - elapsed();
      if (left <= 0 || this.#end.signal.aborted) return;
      this.#hurry = new AbortController();
      await clock.sleep(Math.ceil(left), this.#hurry.signal).catch(() => {});
    }
  }

  async #renew(): Promise<void> {
    const { changed, elapsed, store, told } = this.#options;
    try {
      const opened = await store();
      const sent = this.#lease.now();
      const now = elapsed();
      const place = this.#place(now);
      const request = this.#request(now);
      let grant: AccountGrant | undefined;
      await opened.change(place, (seen) => {
        const allotted = allot(seen, request);
        grant = allotted.grant;
        return allotted.book;
      });
      this.#isThere = true;
      if (grant) this.#take(grant);
      this.#lease.extend(sent, place.lasts);
      told();
    } catch (cause) {
      this.#isThere = false;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      told(error);
      if (!(error instanceof RetryableError)) throw error;
    } finally {
      this.#renewed = elapsed();
      changed();
    }
  }

  #place(now: number): Place {
    const counts = this.#held.map((held) =>
      held instanceof HeldShare ? held.lingers(now) : 0
    );
    const longest = Math.max(0, ...counts);
    return {
      account: this.#options.account,
      id: this.#id,
      lasts: Math.max(leaseMs, longest + arrival + spare),
      lingers: longest + delivery,
    };
  }

  #request(now: number): AccountRequest {
    return {
      id: this.#id,
      windows: this.#held.map((held) => held.request(now)),
      closedUntil: this.#closedUntil,
    };
  }

  #take({ closedUntil, isAlone, isNew, windows }: AccountGrant): void {
    this.#isAlone = isAlone;
    const now = this.#options.elapsed();
    this.#held.forEach((held, index) => {
      const grant = windows[index];
      if (grant === undefined) return;
      if (held instanceof HeldShare) {
        if ("share" in grant) held.take(grant);
      } else if ("more" in grant) held.take(grant, { isNew, now });
    });
    if (closedUntil <= this.#closedUntil) return;
    this.#closedUntil = closedUntil;
    this.#options.closed(closedUntil);
  }

  /** Ask again soon; milliseconds until then. */
  #soon(now: number): number {
    if (!this.#isWanted) {
      this.#isWanted = true;
      // What is away is not asked more often than usual.
      const pause = this.#isThere ? soonest : renewEvery;
      this.#next = Math.min(this.#next, this.#renewed + pause);
      this.#hurry.abort(hurried);
    }
    return Math.max(soonest, this.#next - now);
  }
}
