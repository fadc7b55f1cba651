/**
 * What one account at a provider may spend, and has spent: every window of
 * its plan, and the pause that the provider asks for. Keys and endpoints of
 * one quota group share an account.
 *
 * @module
 */
import type { AccountLease } from "./account_lease.ts";
import { Arrivals } from "./arrivals.ts";
import type { Clock } from "../run/clock.ts";
import type { AccountUsage, Ledger } from "./ledger.ts";
import { Pause } from "./pause.ts";
import { Quota } from "./quota.ts";
import type { Cost, Priority, Window, WindowUsage } from "./scheduler.ts";
import { Spending, type Spent } from "./spending.ts";

// History spreads its calls over this share of a short window, so that a call
// for the head finds a free slot soon: while there are such calls.
const SPREAD = 0.8;
const SPREAD_PER_MS = 10_000;
const URGENT_MS = 120_000;

// What a timer is late is made up for: with 1000 calls a second each of them
// would otherwise wait for a timer of its own.
const LATE_MS = 5;

// What is added when a call was refused all the same: that doubles each time,
// and halves after so long without.
const FIRST_ROOM_MS = 25;
const MOST_ROOM_MS = 400;
const ROOM_FOR_MS = 300_000;

// There is plenty while this share of a window is not spent, and of a quota
// while its time passes faster than it; at the start of it this much.
const PLENTY = 0.5;
const SLACK = 0.05;

// Calls of several processes arrive less evenly than those of one, which is
// late with all of them. An answer settles the question earlier.
const SHARED_ROOM_MS = 50;

/** What pauses for longer is closed for the moment. */
export const CLOSED_MS = 30_000;

/** A window at least this long is a quota, of which a part is reserved. */
export const QUOTA_MS = 3_600_000;

/** What an account needs of its scheduler. */
export interface AccountContext {
  readonly clock: Clock;
  elapsed(): number;
  changed(): void;
}

/** Who pays, to this process and to others. */
export interface Payer {
  /** As logs and metrics have it. */
  readonly name: string;
  /** To every process that shares it: never a key itself. */
  readonly identity: string;
}

/** Who the account of a quota group is to every process that shares it. */
export function groupIdentity(group: string): string {
  return `group ${group}`;
}

interface Meter {
  readonly window: Window;
  readonly spending: Spending | Quota;
  /** Units that all but the head may have spent. */
  readonly common: number;
}

/** One account at a provider. */
export class Account {
  readonly name: string;
  readonly identity: string;
  readonly windows: readonly Window[];
  readonly reserve: number;
  readonly #meters: readonly Meter[];
  /** What other processes leave to this one; undefined: it is alone. */
  readonly #lease: AccountLease | undefined;
  readonly #ledger: Ledger | undefined;
  readonly #around: AccountContext;
  readonly #arrivals = new Arrivals();
  /** When history may make its next call. */
  #due = -Infinity;
  /** When a call was made for which history makes way. */
  #urgentAt = -Infinity;
  readonly #pause: Pause;
  #room = 0;
  #roomSince = 0;
  /** The log knows of a wait until then. */
  #toldUntil = -Infinity;

  constructor(
    { identity, name }: Payer,
    { context, ledger, reserve, windows }: {
      context: AccountContext;
      ledger: Ledger | undefined;
      reserve: number;
      windows: readonly Window[];
    },
  ) {
    this.name = name;
    this.identity = identity;
    this.windows = windows;
    this.reserve = reserve;
    this.#around = context;
    this.#pause = new Pause(context.clock, context.elapsed);
    this.#meters = windows.map((window) => ({
      window,
      spending: window.reset
        ? new Quota(window, window.reset)
        : new Spending(window),
      common: window.per >= QUOTA_MS
        ? Math.floor(window.count * (1 - reserve))
        : window.count,
    }));
    // Without a limit there is nothing to share.
    this.#ledger = windows.length > 0 ? ledger : undefined;
    this.#lease = this.#ledger?.isReadOnly ? undefined : this.#ledger?.join({
      account: identity,
      windows: this.#meters.map(({ common, spending, window }) => ({
        window,
        common,
        spending: spending instanceof Spending ? spending : undefined,
      })),
      elapsed: () => context.elapsed(),
      changed: () => context.changed(),
      closed: (until) => this.coolUntil(until),
    });
  }

  /** When its pause ends; in the past when there is none. */
  get cooledUntil(): number {
    return this.#pause.until;
  }

  /** No call leaves before this instant. */
  coolUntil(instant: number): void {
    const { changed, clock } = this.#around;
    if (!this.#pause.extend(instant)) return;
    if (instant - clock.now() > CLOSED_MS) this.#lease?.close(instant);
    changed();
  }

  /** A call leaves; after a pause it goes alone, until the result is called. */
  probe(): () => void {
    return this.#pause.probe();
  }

  /** Milliseconds more than usual that a call may be on its way. */
  get room(): number {
    const age = this.#around.elapsed() - this.#roomSince;
    const room = this.#room * 0.5 ** Math.floor(age / ROOM_FOR_MS);
    return this.#lease?.isAlone === false
      ? Math.max(room, SHARED_ROOM_MS)
      : room;
  }

  /** What is known of when calls arrive. */
  get arrivals(): Arrivals {
    return this.#arrivals;
  }

  /** Milliseconds before its answer by which a call has arrived. */
  get lead(): number {
    // Others may be nearer: their next call is sooner there.
    if (this.#lease?.isAlone === false) return 0;
    return Math.max(0, this.#arrivals.lead - this.room);
  }

  /** Calls arrive less evenly than was thought. */
  leaveRoom(): void {
    this.#room = Math.min(
      MOST_ROOM_MS,
      Math.max(FIRST_ROOM_MS, 2 * this.room),
    );
    this.#roomSince = this.#around.elapsed();
  }

  /** When the quota comes back that is spent, as the provider says. */
  resetAfter(period: "day" | "month" | undefined): number | undefined {
    const now = this.#around.clock.now();
    const quotas = this.#meters.flatMap(({ spending, window }) =>
      spending instanceof Quota
        ? [{ every: window.reset?.every, at: spending.resetsAt(now) }]
        : []
    );
    const named = quotas.filter(({ every }) => every === period);
    const instants = (named.length > 0 ? named : quotas).map(({ at }) => at);
    return instants.length > 0 ? Math.min(...instants) : undefined;
  }

  /** How much of each window is used. */
  usage(): readonly WindowUsage[] {
    const now = this.#around.clock.now();
    return this.#meters.map(({ spending, window }) => {
      const used = spending instanceof Quota
        ? spending.used(now)
        : spending.used(this.#around.elapsed());
      return {
        window,
        used,
        left: window.count - used,
        resetsAt: spending instanceof Quota
          ? spending.resetsAt(now)
          : undefined,
      };
    });
  }

  /** What all processes that share it have used; undefined: nobody knows. */
  async shared(key: string): Promise<AccountUsage | undefined> {
    const { windows } = this;
    return await this.#ledger?.usage(this.identity, { key, windows });
  }

  /** Milliseconds until it admits a call; infinite: when another has ended. */
  wait(cost: Cost, priority: Priority): number {
    const now = this.#around.elapsed();
    let wait = priority === "backfill" ? Math.max(0, this.#due - now) : 0;
    this.#meters.forEach((meter, index) => {
      const own = this.#waitFor(meter, { cost, index, priority });
      wait = Math.max(wait, own, this.#waitForOthers(index, cost, priority));
    });
    if (wait > 0) this.#ask(cost);
    return Math.max(wait, this.#pause.left());
  }

  /** The quota that a call waits for; undefined: only for its turn. */
  spentWindow(cost: Cost, priority: Priority): Window | undefined {
    return this.#meters.find((meter, index) => {
      const { window } = meter;
      if (window.per < QUOTA_MS) return false;
      const units = unitsOf(window, cost);
      return this.#waitFor(meter, { cost, index, priority }) > 0 ||
        this.#lease?.isSpent(index, { priority, units });
    })?.window;
  }

  /** Whether it waits for a quota or a long pause, not for its turn. */
  isClosed(cost: Cost, priority: Priority): boolean {
    return this.#pause.left() > CLOSED_MS ||
      this.spentWindow(cost, priority) !== undefined;
  }

  /** Whether nobody will miss what a call costs. */
  hasPlenty(cost: Cost): boolean {
    const now = this.#around.clock.now();
    return this.usage().every(({ resetsAt, used, window }) => {
      const passed = resetsAt === undefined
        ? PLENTY
        : Math.max(SLACK, 1 - (resetsAt - now) / window.per);
      return used + unitsOf(window, cost) <= passed * window.count;
    });
  }

  /** Whether a wait until this instant is news. */
  tells(until: number): boolean {
    if (this.#around.clock.now() < this.#toldUntil) return false;
    this.#toldUntil = until;
    return true;
  }

  /** Keep what a key is used for. */
  count(key: string, cost: Cost): void {
    if (this.#lease) this.#ledger?.count(this.identity, key, cost);
  }

  /** Count a call that leaves now. */
  spend(cost: Cost, priority: Priority): Spent {
    const { clock, elapsed } = this.#around;
    let spacing = 0;
    if (priority !== "backfill") this.#urgentAt = elapsed();
    const spreads = elapsed() - this.#urgentAt < URGENT_MS;
    const wall = clock.now();
    const paid = this.#meters.map(({ window }, index) =>
      this.#lease?.spend(index, { priority, units: unitsOf(window, cost) })
    );
    const sliding: Spent[] = [];
    const quotas: (() => void)[] = [];
    this.#meters.forEach(({ spending, window }, index) => {
      const units = unitsOf(window, cost);
      if (spending instanceof Quota) {
        const counted = spending.spend(wall, units);
        quotas.push(() => spending.settle(clock.now(), units, counted));
        return;
      }
      sliding.push(spending.spend(units));
      if (spreads && window.per <= SPREAD_PER_MS) {
        spacing = Math.max(
          spacing,
          SPREAD * window.per * units / this.#countOf(window, index),
        );
      }
    });
    this.#due = Math.max(this.#due, elapsed() - LATE_MS) + spacing;
    let settled = false;
    return {
      withdraw: () => sliding.forEach((one) => one.withdraw()),
      settle: (arrived) => {
        for (const one of sliding) one.settle(arrived);
        if (settled) return;
        settled = true;
        for (const arrived of paid) arrived?.();
        for (const settle of quotas) settle();
      },
    };
  }

  #waitFor(
    { common, spending, window }: Meter,
    { cost, index, priority }: {
      readonly cost: Cost;
      readonly index: number;
      readonly priority: Priority;
    },
  ): number {
    const units = unitsOf(window, cost);
    if (units === 0) return 0;
    const count = Math.min(
      priority === "head" ? window.count : common,
      this.#countOf(window, index),
    );
    const now = spending instanceof Quota
      ? this.#around.clock.now()
      : this.#around.elapsed();
    return spending.admits(now, units, count) - now;
  }

  #waitForOthers(index: number, cost: Cost, priority: Priority): number {
    const window = this.#meters[index]?.window;
    const units = window ? unitsOf(window, cost) : 0;
    if (!this.#lease || units === 0) return 0;
    return this.#lease.wait(index, { priority, units });
  }

  /** What this process may spend of a window. */
  #countOf({ count }: Window, index: number): number {
    // With no share at all it waits for one.
    return Math.max(1, this.#lease?.limit(index) ?? count);
  }

  /** More would be of use. */
  #ask(cost: Cost): void {
    this.#meters.forEach(({ window }, index) => {
      const units = unitsOf(window, cost);
      if (units > 0) this.#lease?.wanted(index, units);
    });
  }
}

/** What a window counts of a cost. */
export function unitsOf({ unit = "credits" }: Window, cost: Cost): number {
  return cost[unit];
}
