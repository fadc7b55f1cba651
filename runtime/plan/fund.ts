/**
 * What the accounts of one plan still have, in a forecast.
 *
 * @module
 */
import type { AccountTariff, Cost } from "../component.ts";
import { QUOTA_MS, unitsOf } from "../budget/account.ts";
import { periodOf } from "../budget/quota.ts";
import type { Bound } from "./timeline.ts";

// A window that comes back this often in the time of the range is a speed,
// not a store that runs out.
const OFTEN = 50;

/** No window up to this length is a store: calls are spread over it. */
export const SPREAD_MS = 10_000;

// What both sides of a reset count, as the scheduler has it.
const MARGIN_MS = 5000;

// A window that slides is back a little later than it says.
const LATE = 1.001;

// Below this share of a quota nothing is left but rounding.
const EMPTY = 1e-9;

type LimitWindow = AccountTariff["windows"][number];

/** A quota, or any window that is spent and comes back. */
interface Store {
  readonly window: LimitWindow;
  readonly limit: number;
  spent: number;
  /** When it comes back; undefined: nothing was spent of it. */
  turn: number | undefined;
}

/** What the accounts of one plan still have. */
export class Fund {
  readonly tariff: AccountTariff;
  /** Windows up to this length, ms, are a speed. */
  readonly steady: number;
  readonly #stores: readonly Store[];

  /** @param fastest Seconds that the range takes without any store. */
  constructor(tariff: AccountTariff, fastest: number) {
    this.tariff = tariff;
    this.steady = Math.max(SPREAD_MS, fastest * 1000 / OFTEN);
    this.#stores = tariff.windows.filter(({ per }) => per > this.steady)
      .map((window) => ({
        window,
        limit: window.count * tariff.accounts *
          (window.per >= QUOTA_MS ? 1 - (tariff.reserve ?? 0) : 1),
        spent: 0,
        turn: undefined,
      }));
  }

  /** Whether every store has something left. */
  get isOpen(): boolean {
    return this.#stores.every(isLeft);
  }

  /** The store that it waits for. */
  get spentWindow(): Bound | undefined {
    const store = this.#stores.find((one) => !isLeft(one));
    return store && { name: this.tariff.name, limit: store.window.text };
  }

  /** When the next store comes back of which something was spent. */
  turnsAt(now: number): number {
    const turns = this.#stores.flatMap(({ turn }) => turn ?? []);
    return Math.min(Infinity, ...turns.filter((turn) => turn > now));
  }

  /** Fill the stores that have come back by now. */
  renew(now: number): void {
    for (const store of this.#stores) {
      if (store.turn === undefined || store.turn > now) continue;
      store.spent = 0;
      store.turn = undefined;
    }
  }

  /** Seconds until a store is spent at so many units a second. */
  lasts(units: Cost): number {
    return Math.min(
      Infinity,
      ...this.#stores.map(({ limit, spent, window }) =>
        (limit - spent) / unitsOf(window, units)
      ),
    );
  }

  /** Spend for some seconds, from now on. */
  spend(units: Cost, seconds: number, now: number): void {
    for (const store of this.#stores) {
      const spent = unitsOf(store.window, units) * seconds;
      if (spent === 0) continue;
      store.spent += spent;
      store.turn ??= turnOf(store.window, now);
    }
  }

  /** Milliseconds that its speed needs for so many units. */
  delay(units: Cost): number {
    const speeds = this.tariff.windows.filter(({ per }) => per <= SPREAD_MS);
    return Math.max(
      0,
      ...speeds.map((window) =>
        unitsOf(window, units) * window.per / window.count /
        this.tariff.accounts
      ),
    );
  }
}

function isLeft({ limit, spent }: Store): boolean {
  return spent < limit * (1 - EMPTY);
}

/** When a window comes back of which the first units are spent now. */
function turnOf({ per, reset }: LimitWindow, now: number): number {
  if (reset === undefined) return now + per * LATE;
  return periodOf(reset, now - MARGIN_MS).end + MARGIN_MS;
}
