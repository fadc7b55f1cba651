/**
 * This process's share of a short window.
 *
 * @module
 */
import { RecentPeak } from "./recent_peak.ts";
import type { Window } from "./scheduler.ts";
import type { ShareGrant, ShareRequest } from "./shares.ts";
import type { Spending } from "./spending.ts";

// Calls that waited so lately may wait again.
const BUSY_MS = 3000;

// A call of a kind that was not made for so long is not reckoned with.
const DEAREST_MS = 60_000;

/** A share, and what is asked for the next time. */
export class HeldShare {
  readonly window: Window;
  readonly #spending: Spending;
  readonly #dearest = new RecentPeak(DEAREST_MS);
  readonly #used = new RecentPeak(BUSY_MS);
  #busyUntil = -Infinity;
  #granted: ShareGrant;

  /** @param spending What this process has spent of the window. */
  constructor(window: Window, spending: Spending) {
    this.window = window;
    this.#spending = spending;
    this.#granted = { count: window.count, share: 0, limit: 0 };
  }

  /** Units that may be spent in any `per` milliseconds. */
  get limit(): number {
    return this.#granted.limit;
  }

  /** Milliseconds for which the dearest call counts. */
  lingers(now: number): number {
    const { count, per } = this.window;
    return per * Math.max(1, this.#dearest.at(now) / count);
  }

  /** Whether such a call fits in at all. */
  admits(units: number): boolean {
    const { count, limit } = this.#granted;
    return limit >= Math.min(units, count);
  }

  /** A call waits that a larger share would let go. */
  wanted(units: number, now: number): void {
    this.#dearest.note(units, now);
    this.#busyUntil = now + BUSY_MS;
  }

  /** A call leaves. */
  spend(units: number, now: number): void {
    this.#dearest.note(units, now);
  }

  request(now: number): ShareRequest {
    const { window } = this;
    const used = this.#spending.used(now);
    this.#used.note(used, now);
    const quantum = Math.max(1, this.#dearest.at(now));
    const busy = now < this.#busyUntil;
    const want = busy ? window.count : this.#used.at(now) + quantum;
    return {
      window,
      quantum,
      busy,
      want: Math.min(window.count, want),
      keeps: Math.max(this.limit, Math.min(used, this.#granted.share)),
    };
  }

  /** Spend nothing more. */
  close(): void {
    this.#granted = { ...this.#granted, limit: 0 };
  }

  take(grant: ShareGrant): void {
    this.#granted = grant;
  }

  /** Milliseconds until what it should give up is not in use any more. */
  freeIn(now: number): number | undefined {
    const { limit, share } = this.#granted;
    if (limit >= share) return undefined;
    return this.#spending.admits(now, share - limit, share) - now;
  }
}
