/**
 * What this process has taken of a long window, to spend it in the next
 * seconds.
 *
 * @module
 */
import type { ChunkGrant, ChunkRequest, Held } from "./chunks.ts";
import { RecentPeak } from "./recent_peak.ts";
import type { Priority, Window } from "./scheduler.ts";

// Units for so long are taken at the pace of late: for two renewals. All of
// them count as spent when the process is killed.
const AHEAD_MS = 2000;

// Of a large window for longer, which carries a process through an outage of
// the store: what so small a part of it costs when it is lost is nothing.
const LONG_AHEAD_MS = 10_000;
const SMALL_PART = 1000;

// What a process takes before it knows its pace, where no rate says more.
const FIRST_PART = 100;

// Nobody takes more than this part of a window at once.
const MOST_PART = 4;

// A call of a kind that was not made for so long is not reckoned with.
const DEAREST_MS = 60_000;

// A head that took something so lately may do so again.
const HEAD_MS = 10_000;

/** A call that wants to leave, as a window counts it. */
export interface Demand {
  readonly units: number;
  readonly priority: Priority;
}

/** Units of a long window, and what is asked for the next time. */
export class HeldChunk {
  readonly window: Window;
  readonly #common: number;
  readonly #dearest = new RecentPeak(DEAREST_MS);
  #held: Held = { common: 0, head: 0, open: 0 };
  /** What was spent ever, without what is under way. */
  #spent = 0;
  /** Raised when what was held is gone. */
  #life = 0;
  #aim: number;
  #headUntil = -Infinity;
  #starved = false;
  #left = 0;
  #asked: number | undefined;
  #backAt: { common?: number; head?: number } = {};

  /**
   * @param common Units that all but the head may have spent.
   * @param perMs Most units in a millisecond, as the account's rate has it;
   * infinite when it has none.
   */
  constructor(window: Window, common: number, perMs: number) {
    this.window = window;
    this.#common = common;
    this.#aim = Math.ceil(
      Math.min(perMs * AHEAD_MS, window.count / FIRST_PART),
    );
  }

  /** Whether such a call can be paid. */
  admits({ priority, units }: Demand): boolean {
    const { common, head } = this.#held;
    const need = Math.min(units, this.window.count);
    return common + (priority === "head" ? head : 0) >= need;
  }

  /**
   * Milliseconds until what such a call waits for comes back; undefined: it
   * has not been spent.
   */
  backIn({ priority }: Demand, now: number): number | undefined {
    const { common, head } = this.#backAt;
    const at = priority === "head" ? head : common;
    return at !== undefined && at > now ? at - now : undefined;
  }

  /** A call waits for more. */
  wanted({ priority, units }: Demand, now: number): void {
    this.#dearest.note(units, now);
    if (priority === "head") this.#headUntil = now + HEAD_MS;
    this.#starved = true;
  }

  /** Whether it is time to take more. */
  get isLow(): boolean {
    const { common } = this.#held;
    return this.#backAt.common === undefined && common < this.#aim / 2;
  }

  /** Pay for a call; call the result when it has arrived. */
  spend({ priority, units }: Demand, now: number): () => void {
    this.#dearest.note(units, now);
    const { common, head, open } = this.#held;
    // What only the head may spend first: then the rest is for all.
    const ofHead = priority === "head" ? Math.min(head, units) : 0;
    if (ofHead > 0) this.#headUntil = now + HEAD_MS;
    this.#held = {
      head: head - ofHead,
      common: Math.max(0, common - (units - ofHead)),
      open: open + units,
    };
    this.#left += units;
    const life = this.#life;
    return () => {
      if (life !== this.#life) return;
      this.#held = { ...this.#held, open: this.#held.open - units };
      this.#spent += units;
    };
  }

  /** What to ask for; what is too much is given back with it. */
  request(now: number): ChunkRequest {
    const { window } = this;
    const quantum = this.#dearest.at(now);
    this.#aimAt(now, quantum);
    const ofHead = now < this.#headUntil ? this.#aim : 0;
    const { common, head, open } = this.#held;
    this.#held = {
      common: Math.min(common, this.#aim),
      head: Math.min(head, ofHead),
      open,
    };
    return {
      window,
      quantum,
      common: this.#common,
      holds: this.#held,
      // The head takes of its own part when there is nothing else.
      wants: {
        common: this.#aim,
        head: common < quantum ? ofHead : this.#held.head,
      },
      spent: this.#spent,
    };
  }

  /** Spend nothing more: all is given back but what is under way. */
  close(): void {
    this.#life++;
    this.#spent += this.#held.open;
    this.#held = { common: 0, head: 0, open: 0 };
  }

  take(
    { backIn, more }: ChunkGrant,
    { isNew, now }: { readonly isNew: boolean; readonly now: number },
  ): void {
    if (isNew) {
      this.#life++;
      this.#held = { common: 0, head: 0, open: 0 };
    }
    const { common, head, open } = this.#held;
    this.#held = { common: common + more.common, head: head + more.head, open };
    this.#backAt = {
      ...backIn.common === undefined ? {} : { common: now + backIn.common },
      ...backIn.head === undefined ? {} : { head: now + backIn.head },
    };
  }

  #aimAt(now: number, quantum: number): void {
    const passed = this.#asked === undefined ? 0 : now - this.#asked;
    if (passed > 0) {
      const pace = this.#left / passed;
      // A pause between two calls is no reason to give back at once.
      const small = this.window.count / SMALL_PART;
      this.#aim = Math.max(
        pace * AHEAD_MS,
        Math.min(pace * LONG_AHEAD_MS, small),
        this.#aim / 2,
      );
      this.#left = 0;
    }
    if (this.#starved) this.#aim *= 4;
    this.#starved = false;
    this.#asked = now;
    const { count } = this.window;
    const most = Math.min(this.#aim, count / MOST_PART);
    this.#aim = Math.ceil(Math.max(Math.min(count, quantum), most, 1));
  }
}
