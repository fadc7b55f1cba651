/**
 * What a budget has spent in a sliding window.
 *
 * @module
 */
import type { Window } from "./scheduler.ts";

// Above this many spendings a window groups neighbours: 1/1000 of the window
// is lost to it, and a day of 100,000 calls needs 16 kB instead of 1.6 MB.
const GROUPS = 1000;

// A timer may fire a little early, and the other side's clock may run a
// little fast: a unit comes back this much later than the window says.
const GUARD_MS = 1;
const GUARD_SHARE = 0.001;

/** What was spent for a call that has left: settled when it has arrived. */
export interface Spent {
  /** It has surely arrived by then, as is known now. */
  settle(arrived: number): void;
  /** That was wrong: it may not have arrived yet. */
  withdraw(): void;
}

/** Units that come back together. */
interface Group {
  /** When the first of them came back, or would. */
  readonly since: number;
  /** When the last of them comes back. */
  back: number;
  units: number;
  /** They are back. */
  over: boolean;
}

/**
 * The units spent in any `per` milliseconds. A spending first counts without
 * an end (`spend`), and from when the call has surely arrived it comes back
 * after `per` (`settle`), which may be known late. All times are monotonic
 * milliseconds.
 */
export class Spending {
  readonly #count: number;
  readonly #per: number;
  readonly #width: number;
  /** By when they come back. */
  #groups: Group[] = [];
  #first = 0;
  #spent = 0;

  constructor({ count, per }: Window) {
    this.#count = count;
    this.#per = per + GUARD_MS + per * GUARD_SHARE;
    this.#width = count > GROUPS ? per / GROUPS : 0;
  }

  /** Count units of a call that leaves now. */
  spend(units: number): Spent {
    this.#spent += units;
    let group: Group | undefined;
    const withdraw = () => {
      if (group?.over) this.#spent += units;
      else if (group) group.units -= units;
      group = undefined;
    };
    const settle = (arrived: number) => {
      withdraw();
      group = this.#grouped(arrived, units);
    };
    return { settle, withdraw };
  }

  /** Units that are spent now. */
  used(now: number): number {
    for (;;) {
      const group = this.#groups[this.#first];
      if (!group || group.back > now) break;
      this.#spent -= group.units;
      group.over = true;
      this.#first++;
    }
    if (this.#first > GROUPS || this.#first === this.#groups.length) {
      this.#groups = this.#groups.slice(this.#first);
      this.#first = 0;
    }
    return this.#spent;
  }

  /**
   * When the window admits so many units, of which it holds `count`: `now`
   * when it does at once, and infinity when that waits for a call that has
   * not settled yet.
   */
  admits(now: number, units: number, count = this.#count): number {
    // A call that costs more than the window holds waits for an empty one.
    let missing = Math.min(units, count) - (count - this.used(now));
    if (missing <= 0) return now;
    for (let index = this.#first; index < this.#groups.length; index++) {
      const group = this.#groups[index];
      if (!group) break;
      missing -= group.units;
      if (missing <= 0) return group.back;
    }
    return Infinity;
  }

  /** Put units where they come back, `per` after they have arrived. */
  #grouped(arrived: number, units: number): Group {
    // What costs more than a window holds is paid off over several.
    const back = arrived + this.#per * Math.max(1, units / this.#count);
    let at = this.#groups.length;
    while (at > this.#first && this.#backAt(at - 1) > back) at--;
    const before = at > this.#first ? this.#groups[at - 1] : undefined;
    if (before && back - before.since <= this.#width) {
      before.units += units;
      before.back = back;
      return before;
    }
    const group = { since: back, back, units, over: false };
    this.#groups.splice(at, 0, group);
    return group;
  }

  #backAt(index: number): number {
    return this.#groups[index]?.back ?? -Infinity;
  }
}
