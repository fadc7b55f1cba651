/**
 * Which account should pay for which call, so that all of them together get
 * through the most work: not the cheapest price decides, but what the same
 * budget could buy instead.
 *
 * With `x[a,m]` calls of method `m` at account `a` the work is done soonest
 * when the busiest window is least busy. The dual of that linear program
 * prices each window; a method belongs to the accounts where its calls cost
 * least in these prices. Within them whoever is free first takes a call: the
 * queue is served in order, so that what only one of them can do cheaply does
 * not pile up.
 *
 * @module
 */
import { type Account, unitsOf } from "./account.ts";
import { type Limit, maximise } from "./linear_program.ts";
import type { Cost, Window } from "./scheduler.ts";

/**
 * What an account without limits takes of itself for a call: so little that
 * it is filled first, and that prices stay finite.
 */
export const UNLIMITED_S = 0.003;

// A call that takes so many times more of an account than of another one is
// made there only as often as the plan says, not whenever it is idle.
const DEAR = 3;

// Accounts whose calls cost this much more than at the best one still take
// them: prices are rounded, and demand is a guess.
const TOLERANCE = 0.01;

// Demand is remembered over so many calls.
const MEMORY = 500;

// A plan is good for this long, and less when demand shifts.
const GOOD_FOR_MS = 1000;
const SHIFT = 0.1;

/** What a call costs at each account that could make it. */
export type Costs = ReadonlyMap<Account, Cost>;

/** What a router needs to know. */
export interface RouterOptions {
  elapsed(): number;
  /** Whether an account can pay for such a call before long. */
  isOpen(account: Account, cost: Cost): boolean;
}

interface Demand {
  costs: Map<Account, Cost>;
  calls: number;
}

/** Plans which accounts serve which methods. */
export class Router {
  /** Grows with every new plan. */
  version = 0;
  readonly #options: RouterOptions;
  readonly #demand = new Map<string, Demand>();
  #routes = new Map<string, ReadonlyMap<Account, number>>();
  /** Calls by method since the last plan: all of them, and by account. */
  #made = new Map<string, { all: number; by: Map<Account, number> }>();
  #planned: ReadonlyMap<string, number> = new Map();
  #plannedAt = -Infinity;
  #calls = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Take note of a call that wants to leave. */
  observe(method: string, costs: Costs): void {
    const demand = this.#demand.get(method) ?? { costs: new Map(), calls: 0 };
    this.#demand.set(method, demand);
    for (const [account, cost] of costs) demand.costs.set(account, cost);
    demand.calls++;
    this.#calls++;
    if (this.#calls < MEMORY) return;
    for (const one of this.#demand.values()) one.calls /= 2;
    this.#calls /= 2;
  }

  /** The accounts that a method belongs to; undefined: any. */
  route(method: string): ReadonlyMap<Account, number> | undefined {
    const { elapsed } = this.#options;
    const aged = elapsed() - this.#plannedAt >= GOOD_FOR_MS;
    if (aged || !this.#routes.has(method)) this.#plan(aged);
    return this.#routes.get(method);
  }

  /** Whether an account has made its part of a method's calls for now. */
  holdsBack(method: string, account: Account): boolean {
    const most = this.#routes.get(method)?.get(account) ?? 1;
    if (most >= 1) return false;
    const { all = 0, by } = this.#made.get(method) ?? {};
    return (by?.get(account) ?? 0) + 1 > most * (all + 1);
  }

  /** Take note of a call that leaves. */
  count(method: string, account: Account): void {
    const made = this.#made.get(method) ?? { all: 0, by: new Map() };
    this.#made.set(method, made);
    made.all++;
    made.by.set(account, (made.by.get(account) ?? 0) + 1);
  }

  /** Plan anew at the next question: an account has closed or opened. */
  forget(): void {
    this.#plannedAt = -Infinity;
  }

  #plan(aged: boolean): void {
    this.#plannedAt = this.#options.elapsed();
    const open = [...this.#demand].map(([method, { calls, costs }]) => ({
      method,
      share: calls / this.#calls,
      costs: new Map(
        [...costs].filter(([account, cost]) =>
          this.#options.isOpen(account, cost)
        ),
      ),
    })).filter(({ costs }) => costs.size > 0);
    const signature = new Map(
      open.map((
        { costs, method, share },
      ) => [`${method} ${[...costs.keys()].map(({ name }) => name)}`, share]),
    );
    if (aged && isNear(signature, this.#planned)) return;
    this.#planned = signature;
    this.#routes = divide(open).routes;
    this.#made = new Map();
    this.version++;
  }
}

function isNear(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): boolean {
  return a.size === b.size &&
    [...a].every(([key, share]) =>
      Math.abs(share - (b.get(key) ?? -1)) < SHIFT * share
    );
}

/** Anything with limits: an account, or one that a plan tells of. */
export interface Payer {
  readonly windows: readonly Window[];
}

/** A method, how many of its calls there are, and what one costs where. */
export interface Workload<P extends Payer> {
  readonly method: string;
  readonly share: number;
  readonly costs: ReadonlyMap<P, Cost>;
}

/** How work is best divided. */
export interface Division<P extends Payer> {
  /**
   * The payers that each method belongs to, and which share of its calls one
   * may make at most: 1, or less where they are dear.
   */
  readonly routes: Map<string, ReadonlyMap<P, number>>;
  /** The share of a method's calls that each payer makes then. */
  readonly parts: Map<string, ReadonlyMap<P, number>>;
  /** Seconds that the work takes when every payer does its best. */
  readonly seconds: number;
}

/** Divide work among payers. */
export function divide<P extends Payer>(
  workloads: readonly Workload<P>[],
): Division<P> {
  const accounts = [
    ...new Set(workloads.flatMap(({ costs }) => [...costs.keys()])),
  ];
  // Accounts with the same plan have the same prices: one stands for all.
  const twins = new Map<string, P[]>();
  for (const account of accounts) {
    const key = JSON.stringify([
      account.windows,
      workloads.map(({ costs }) => costs.get(account) ?? null),
    ]);
    twins.set(key, [...twins.get(key) ?? [], account]);
  }
  const classes = [...twins.values()];
  const first = classes.flatMap(([account]) => account ? [account] : []);
  const columns = first.flatMap((account) =>
    Array.from({ length: Math.max(1, account.windows.length) }, () => account)
  );
  const size = workloads.length;
  /** Seconds of each window of an account that a call takes. */
  const taken = (index: number, account: P) => {
    const cost = workloads[index]?.costs.get(account);
    return cost && sharesOf(account, cost)
      .map((share) => share / (classes[first.indexOf(account)]?.length ?? 1));
  };
  const limits: Limit[] = [];
  /** Where the limit of a method at an account is. */
  const rowOf = new Map<string, number>();
  for (let index = 0; index < size; index++) {
    for (const account of first) {
      const shares = taken(index, account);
      if (shares === undefined) continue;
      const factors: number[] = Array(size + columns.length).fill(0);
      factors[index] = 1;
      const offset = size + columns.indexOf(account);
      shares.forEach((share, i) => factors[offset + i] = -share);
      rowOf.set(`${index} ${first.indexOf(account)}`, limits.length);
      limits.push({ factors, limit: 0 });
    }
  }
  limits.push({
    factors: [...workloads.map(() => 0), ...columns.map(() => 1)],
    limit: 1,
  });
  const solution = maximise(
    [...workloads.map(({ share }) => share), ...columns.map(() => 0)],
    limits,
  );
  if (solution === undefined) {
    return { routes: new Map(), parts: new Map(), seconds: Infinity };
  }
  const { point: prices, worth } = solution;
  const seconds = workloads.reduce(
    (sum, { share }, index) => sum + share * (prices[index] ?? 0),
    0,
  );
  const parts = new Map<string, ReadonlyMap<P, number>>();
  const routes = new Map(workloads.map(({ method }, index) => {
    const priced = first.flatMap((account, place) => {
      const offset = size + columns.indexOf(account);
      const shares = taken(index, account);
      if (shares === undefined) return [];
      const price = shares.reduce(
        (sum, share, i) => sum + share * (prices[offset + i] ?? 0),
        0,
      );
      const row = rowOf.get(`${index} ${place}`) ?? 0;
      return [{
        price,
        accounts: classes[place] ?? [],
        calls: worth[row] ?? 0,
        share: Math.max(...shares) * (classes[place]?.length ?? 1),
      }];
    });
    const best = Math.min(...priced.map(({ price }) => price));
    const good = priced.filter(({ price }) =>
      price <= best * (1 + TOLERANCE) + Number.EPSILON
    );
    const cheapest = Math.min(...good.map(({ share }) => share));
    const all = priced.reduce((sum, { calls }) => sum + calls, 0);
    parts.set(
      method,
      new Map(
        priced.flatMap(({ accounts, calls }) =>
          accounts.map((one) => [one, calls / all / accounts.length] as const)
        ),
      ),
    );
    const route = good.flatMap(({ accounts, calls, share }) => {
      const most = share > DEAR * cheapest && all > 0 ? calls / all : 1;
      return accounts.map((one) => [one, most] as const);
    });
    return [method, new Map(route)] as const;
  }));
  return { routes, parts, seconds };
}

/** Seconds of each of an account's windows that a call takes. */
function sharesOf(account: Payer, cost: Cost): readonly number[] {
  if (account.windows.length === 0) return [UNLIMITED_S * cost.calls];
  return account.windows.map((window) =>
    unitsOf(window, cost) * window.per / window.count / 1000
  );
}

/** Seconds of its scarcest window that a call takes of an account. */
export function shareOf(account: Payer, cost: Cost): number {
  if (account.windows.length === 0) return 0;
  return Math.max(...sharesOf(account, cost));
}
