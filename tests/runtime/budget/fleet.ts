/**
 * Several processes that share accounts, on one clock that a test moves, and
 * a provider that refuses what is too much.
 *
 * @module
 */
import { join } from "node:path";
import { RetryableError } from "../../../runtime/errors.ts";
import type { Book, Seen } from "../../../runtime/budget/book.ts";
import type { Clock } from "../../../runtime/run/clock.ts";
import { Ledger } from "../../../runtime/budget/ledger.ts";
import type {
  Fact,
  HourOfKey,
  LedgerStore,
  Place,
} from "../../../runtime/budget/ledger_store.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import {
  type Budget,
  type BudgetOptions,
  type Cost,
  createScheduler,
  type Priority,
  type Scheduler,
  type Window,
} from "../../../runtime/budget/scheduler.ts";
import { openSqliteLedger } from "../../../runtime/budget/sqlite_ledger.ts";
import { FakeClock, settled } from "../../fixtures/fake_clock.ts";
import { Limiter, type Limits } from "../../fixtures/simulated/limiter.ts";

/** A call that has left a process. */
export interface Sent {
  readonly process: string;
  readonly account: string;
  readonly at: number;
  readonly credits: number;
  /** Whether the provider has refused it. */
  readonly isRefused: boolean;
}

/** The clocks of one process, which may be stopped or wrong. */
class ProcessClock implements Clock {
  readonly #base: FakeClock;
  #wrong = 0;
  #slept = 0;
  #stopped: PromiseWithResolvers<void> | undefined;

  constructor(base: FakeClock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.#wrong;
  }

  /** A clock that jumps with nobody else's, and stands still in a suspend. */
  elapsed(): number {
    return this.#base.now() - this.#slept;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#base.sleep(ms, signal);
    while (this.#stopped) await this.#stopped.promise;
  }

  /** The machine's clock is set. */
  set(by: number): void {
    this.#wrong += by;
  }

  /** The machine has slept: only the wall clock knows. */
  slept(ms: number): void {
    this.#slept += ms;
  }

  /** As SIGSTOP does. */
  stop(): void {
    this.#stopped ??= Promise.withResolvers();
  }

  /** As SIGCONT does. */
  resume(): void {
    this.#stopped?.resolve();
    this.#stopped = undefined;
  }
}

/** A store that may be away. */
class Reached implements LedgerStore {
  isAway = false;
  readonly #store: LedgerStore;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  change(place: Place, change: (seen: Seen) => Book): Promise<void> {
    return this.#try((store) => store.change(place, change));
  }

  look(account: string): Promise<Seen> {
    return this.#try((store) => store.look(account));
  }

  count(hours: readonly HourOfKey[]): Promise<void> {
    return this.#try((store) => store.count(hours));
  }

  counted(account: string, since: number): Promise<readonly HourOfKey[]> {
    return this.#try((store) => store.counted(account, since));
  }

  learn(facts: readonly Fact[]): Promise<void> {
    return this.#try((store) => store.learn(facts));
  }

  learned(endpoint: string): Promise<readonly Fact[]> {
    return this.#try((store) => store.learned(endpoint));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  #try<T>(work: (store: LedgerStore) => Promise<T>): Promise<T> {
    return this.isAway
      ? Promise.reject(new RetryableError("Nobody answers"))
      : work(this.#store);
  }
}

/** One process of a fleet. */
export class Member {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly store: Reached;
  readonly ledger: Ledger;
  readonly scheduler: Scheduler;
  /** Lines of its log. */
  readonly lines: string[] = [];
  /** Its part in every account is given back. */
  hasLeft = false;
  isDead = false;
  readonly #budgets = new Map<string, Budget>();

  constructor(name: string, path: string, base: FakeClock) {
    this.name = name;
    this.clock = new ProcessClock(base);
    const elapsed = () => this.clock.elapsed();
    this.store = new Reached(
      openSqliteLedger(path, { clock: this.clock, elapsed }),
    );
    const log = createLogger({
      level: "info",
      secrets: [],
      write: ({ message }) => this.lines.push(message),
    });
    this.ledger = new Ledger({
      open: () => Promise.resolve(this.store),
      clock: this.clock,
      log,
    });
    this.scheduler = createScheduler({
      ...{ clock: this.clock, elapsed, log },
      metrics: new Metrics(),
      ledger: this.ledger,
    });
  }

  budget(options: Omit<BudgetOptions, "name" | "inFlight">): Budget {
    const name = options.group ?? "own";
    const known = this.#budgets.get(name);
    if (known) return known;
    const all = { inFlight: 1000, ...options, name };
    const budget = this.scheduler.budget(all);
    this.#budgets.set(name, budget);
    return budget;
  }
}

/** Processes, and the provider of their accounts. */
export class Fleet implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly sent: Sent[] = [];
  readonly members: Member[] = [];
  readonly #path: string;
  readonly #folder: string;
  readonly #limiters = new Map<string, Limiter>();
  readonly #stop = new AbortController();

  private constructor(folder: string, clock: FakeClock) {
    this.#folder = folder;
    this.#path = join(folder, "usage.db");
    this.clock = clock;
  }

  static async make(clock: FakeClock = new FakeClock()): Promise<Fleet> {
    const folder = await Deno.makeTempDir({ prefix: "sluice-fleet-" });
    return new Fleet(folder, clock);
  }

  get refused(): number {
    return this.sent.filter(({ isRefused }) => isRefused).length;
  }

  /** What the provider allows an account. */
  limit(account: string, limits: Limits): void {
    this.#limiters.set(account, new Limiter(limits));
  }

  start(name = `process ${this.members.length}`): Member {
    const member = new Member(name, this.#path, this.clock);
    this.members.push(member);
    return member;
  }

  /** Make one call: it takes a few milliseconds there and back. */
  async call(
    member: Member,
    budget: Budget,
    { cost, priority = "backfill", signal }: {
      readonly cost: Cost;
      readonly priority?: Priority;
      readonly signal?: AbortSignal;
    },
  ): Promise<void> {
    using _admission = await member.scheduler.admit({
      method: "call",
      priority,
      budgets: [budget],
      cost: () => cost,
      signal: AbortSignal.any([this.#stop.signal, ...signal ? [signal] : []]),
    });
    if (member.isDead) return;
    const account = budget.group;
    const limiter = this.#limiters.get(account);
    const demand = { methods: ["call"], batch: false };
    if (limiter) {
      limiter.limits = { ...limiter.limits, prices: { call: cost.credits } };
    }
    const at = this.clock.now();
    const isRefused = limiter?.check(demand, at) !== undefined;
    if (!isRefused) limiter?.admit(demand, at);
    const { credits } = cost;
    this.sent.push({
      ...{ process: member.name, account, at, credits, isRefused },
    });
    await member.clock.sleep(5);
  }

  /** Make calls as fast as they may leave, `at once` of them. */
  flood(
    member: Member,
    budget: Budget,
    { atOnce = 4, ...call }: {
      readonly cost: Cost;
      readonly priority?: Priority;
      readonly signal?: AbortSignal;
      readonly atOnce?: number;
    },
  ): void {
    const { signal } = this.#stop;
    const loop = async () => {
      while (!signal.aborted && !call.signal?.aborted && !member.isDead) {
        await this.call(member, budget, call).catch(() => {});
      }
    };
    for (let i = 0; i < atOnce; i++) loop();
  }

  /** As kill -9: it sends and renews nothing more. */
  kill(member: Member): void {
    member.isDead = true;
    member.store.isAway = true;
    member.clock.stop();
  }

  /** Credits that were let through from an instant on, by process. */
  credits(
    { account, from = 0, process, to = Infinity }: {
      readonly account?: string;
      readonly process?: string;
      readonly from?: number;
      readonly to?: number;
    } = {},
  ): number {
    return this.sent.filter((one) =>
      (account === undefined || one.account === account) &&
      (process === undefined || one.process === process) &&
      one.at >= from && one.at < to && !one.isRefused
    ).reduce((sum, { credits }) => sum + credits, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await settled();
    for (const member of this.members) {
      member.clock.resume();
      const ended = member.ledger[Symbol.asyncDispose]();
      await this.clock.advance(2000);
      await ended;
    }
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** What a call of a price takes. */
export function costOf(credits: number): Cost {
  return { calls: 1, credits, weight: credits };
}

/** A limit of a second. */
export function perSecond(count: number): Window {
  return { count, per: 1000, unit: "weight" };
}

/** A limit of a day that begins at 00:00 UTC. */
export function perDay(count: number): Window {
  const reset = { every: "day", day: 1, minute: 0, zone: "UTC" } as const;
  return { count, per: 86_400_000, unit: "credits", reset };
}
