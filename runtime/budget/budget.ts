/**
 * What one key has under way, and the account that pays for it.
 *
 * @module
 */
import { type Account, CLOSED_MS } from "./account.ts";
import type { Clock } from "../run/clock.ts";
import type { AccountUsage } from "./ledger.ts";
import type { Counter, Gauge, Metrics } from "../run/metrics.ts";
import { Pause } from "./pause.ts";
import type {
  Admission,
  Budget,
  BudgetOptions,
  Cost,
  Priority,
  WindowUsage,
} from "./scheduler.ts";
import type { Spent } from "./spending.ts";
import { Underway } from "./underway.ts";

// Servers close idle connections; Node's default is 5 s, proxies keep them
// longer. After this long a call is taken to open a new one.
const KEEP_ALIVE_MS = 4000;

/** What a budget needs of its scheduler. */
export interface Surroundings {
  readonly account: Account;
  readonly clock: Clock;
  readonly metrics: Metrics;
  elapsed(): number;
  changed(): void;
}

/** A budget as the scheduler keeps it. */
export class PacedBudget implements Budget {
  readonly name: string;
  readonly account: Account;
  /** Calls at once. */
  readonly inFlight: number;
  /** Calls of a higher class that went ahead of one that waits. */
  readonly passed: Record<Priority, number> = {
    head: 0,
    lookup: 0,
    backfill: 0,
  };
  readonly #key: string;
  readonly #around: Surroundings;
  readonly #pause: Pause;
  readonly #running: Gauge;
  readonly #waited: Counter;
  /** When connections that are open and idle were used last. */
  readonly #idle: number[] = [];
  #under = 0;

  constructor(
    { identity, inFlight, name }: Pick<
      BudgetOptions,
      "identity" | "inFlight" | "name"
    >,
    around: Surroundings,
  ) {
    this.name = name;
    this.#key = identity ?? name;
    this.account = around.account;
    this.inFlight = inFlight;
    this.#around = around;
    this.#pause = new Pause(around.clock, around.elapsed);
    this.#running = around.metrics.gauge("sluice_rpc_in_flight", {
      endpoint: name,
    });
    this.#waited = around.metrics.counter("sluice_rpc_waited_ms_total", {
      endpoint: name,
    });
  }

  /** Calls under way. */
  get running(): number {
    return this.#under;
  }

  get group(): string {
    return this.account.name;
  }

  get cooledUntil(): number {
    return Math.max(this.#pause.until, this.account.cooledUntil);
  }

  coolUntil(instant: number): void {
    if (this.#pause.extend(instant)) this.#around.changed();
  }

  coolGroupUntil(instant: number): void {
    this.account.coolUntil(instant);
  }

  leaveRoom(): void {
    this.account.leaveRoom();
  }

  resetAfter(period: "day" | "month" | undefined): number | undefined {
    return this.account.resetAfter(period);
  }

  charge(cost: Cost): void {
    this.account.spend(cost, "head").settle(this.#around.elapsed());
    this.account.count(this.#key, cost);
    this.#around.changed();
  }

  usage(): readonly WindowUsage[] {
    return this.account.usage();
  }

  shared(): Promise<AccountUsage | undefined> {
    return this.account.shared(this.#key);
  }

  /** Milliseconds until the call may leave; infinite: when one has ended. */
  wait(cost: Cost, priority: Priority): number {
    if (this.#under >= this.inFlight) return Infinity;
    return Math.max(this.#pause.left(), this.account.wait(cost, priority));
  }

  /** Whether nobody will miss what a call costs. */
  hasPlenty(cost: Cost): boolean {
    return this.wait(cost, "backfill") <= 0 && this.account.hasPlenty(cost);
  }

  /** Whether it waits for a quota or a long pause, not for its turn. */
  isClosed(cost: Cost, priority: Priority): boolean {
    return this.#pause.left() > CLOSED_MS ||
      this.account.isClosed(cost, priority);
  }

  /** Let a call leave now. */
  leave(
    cost: Cost,
    { method, priority, waited }: {
      readonly method: string;
      readonly priority: Priority;
      readonly waited: number;
    },
  ): Admission {
    const { changed } = this.#around;
    this.#running.set(++this.#under);
    this.#waited.add(waited);
    const probes = [this.#pause.probe(), this.account.probe()];
    const spent = this.account.spend(cost, priority);
    this.account.count(this.#key, cost);
    const underway = this.account.windows.length === 0
      ? undefined
      : this.#send(spent, method);
    let ended = false;
    let lost = false;
    return {
      budget: this,
      lose: () => {
        lost = true;
      },
      [Symbol.dispose]: () => {
        if (ended) return;
        ended = true;
        this.#running.set(--this.#under);
        for (const probed of probes) probed();
        if (lost) underway?.lost();
        else if (underway) {
          underway.answered();
          // Its connection is free for another.
          this.#idle.push(this.#around.elapsed());
        }
        changed();
      },
    };
  }

  /** A call leaves, on a connection that is open where there is one. */
  #send(spent: Spent, method: string): Underway {
    const { account, changed, clock, elapsed } = this.#around;
    const used = this.#idle.pop() ?? -Infinity;
    const cold = elapsed() - used > KEEP_ALIVE_MS;
    return new Underway({
      ...{ account, spent, method, cold, clock, elapsed, changed },
    });
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
