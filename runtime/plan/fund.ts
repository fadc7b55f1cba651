/**
 * What the accounts of one plan still have, in a forecast.
 *
 * @module
 */
import type { AccountTariff, Cost } from "../component.ts";
import { keyOf } from "../budget/book.ts";
import type { Refill } from "../budget/chunks.ts";
import { QUOTA_MS, unitsOf } from "../budget/account.ts";
import { periodOf } from "../budget/quota.ts";
import type { Bound } from "./timeline.ts";
import type { SpentTariff } from "./usage.ts";

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

/** What a wait is for that the provider has asked for. */
const REFUSAL = "the provider's refusal";

type LimitWindow = AccountTariff["windows"][number];

/** A quota, or any window that is spent and comes back. */
interface Store {
  readonly window: LimitWindow;
  readonly limit: number;
  /** What was spent before the range. */
  before: readonly Refill[];
  spent: number;
  /** When it comes back; undefined: nothing was spent of it. */
  turn: number | undefined;
}

/** What the accounts of one plan still have. */
export class Fund {
  readonly tariff: SpentTariff;
  /** Windows up to this length, ms, are a speed. */
  readonly steady: number;
  readonly #stores: readonly Store[];
  /** The provider refuses all calls until then; 0: it does not. */
  #closedUntil: number;

  /** @param fastest Seconds that the range takes without any store. */
  constructor(tariff: SpentTariff, fastest: number) {
    const { closedUntil = 0, windows = [] } = tariff.before ?? {};
    this.tariff = tariff;
    this.#closedUntil = closedUntil;
    this.steady = Math.max(SPREAD_MS, fastest * 1000 / OFTEN);
    this.#stores = tariff.windows.filter(({ per }) => per > this.steady)
      .map((window) => ({
        window,
        limit: window.count * tariff.accounts *
          (window.per >= QUOTA_MS ? 1 - (tariff.reserve ?? 0) : 1),
        before: windows.find((one) => keyOf(one.window) === keyOf(window))
          ?.refills ?? [],
        spent: 0,
        turn: undefined,
      }));
  }

  /** Whether every store has something left. */
  get isOpen(): boolean {
    return this.#closedUntil === 0 && this.#stores.every(isLeft);
  }

  /** What it waits for. */
  get spentWindow(): Bound | undefined {
    const { name } = this.tariff;
    if (this.#closedUntil > 0) return { name, limit: REFUSAL };
    const store = this.#stores.find((one) => !isLeft(one));
    return store && { name, limit: store.window.text };
  }

  /** When the next store comes back of which something was spent. */
  turnsAt(now: number): number {
    const turns = this.#stores.flatMap(({ before, turn }) => [
      ...before.map(({ at }) => at),
      ...turn === undefined ? [] : [turn],
    ]);
    if (this.#closedUntil > 0) turns.push(this.#closedUntil);
    return Math.min(Infinity, ...turns.filter((turn) => turn > now));
  }

  /** Fill the stores that have come back by now. */
  renew(now: number): void {
    if (this.#closedUntil <= now) this.#closedUntil = 0;
    for (const store of this.#stores) {
      store.before = store.before.filter(({ at }) => at > now);
      if (store.turn === undefined || store.turn > now) continue;
      store.spent = 0;
      store.turn = undefined;
    }
  }

  /** Seconds until a store is spent at so many units a second. */
  lasts(units: Cost): number {
    return Math.min(
      Infinity,
      ...this.#stores.map((store) =>
        leftOf(store) / unitsOf(store.window, units)
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

function leftOf({ before, limit, spent }: Store): number {
  return before.reduce((left, { units }) => left - units, limit - spent);
}

function isLeft(store: Store): boolean {
  return leftOf(store) > store.limit * EMPTY;
}

/** When a window comes back of which the first units are spent now. */
function turnOf({ per, reset }: LimitWindow, now: number): number {
  if (reset === undefined) return now + per * LATE;
  return periodOf(reset, now - MARGIN_MS).end + MARGIN_MS;
}
