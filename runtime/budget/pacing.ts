/**
 * The scheduler: it paces calls so that no provider has to refuse one.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import { Account, groupIdentity } from "./account.ts";
import { monotonic, PacedBudget } from "./budget.ts";
import { type Choice, choicesOf, type Soonest, soonestOf } from "./choice.ts";
import { type Clock, systemClock } from "../run/clock.ts";
import type { Ledger } from "./ledger.ts";
import type { Logger } from "../run/log.ts";
import type { Metrics } from "../run/metrics.ts";
import { Router } from "./routing.ts";
import { NETWORK } from "../run/time_used.ts";
import type {
  Admission,
  Budget,
  BudgetOptions,
  CallRequest,
  Priority,
  Scheduler,
} from "./scheduler.ts";

// So many calls may go ahead of a class that waits; then one of it goes.
const PATIENCE = 8;

// Sleep no longer at once: the wall clock may be set meanwhile, and timers
// overflow above 2^31 ms.
const NAP_MS = 30_000;

// A call waits so long for the account where it is cheap, then goes anywhere;
// history has time, as long as the account is open.
const DETOUR_MS = { head: 2000, lookup: 5000, backfill: Infinity } as const;

// A shorter wait for a quota is not worth a line of the log.
const TELL_MS = 60_000;

// Aborting without a reason makes an exception with a stack, every time.
const WOKEN = "Something has changed";

const classes: readonly Priority[] = ["head", "lookup", "backfill"];

/** What a scheduler needs. */
export interface SchedulerOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Told when a quota is spent and calls wait for it. */
  readonly log?: Logger;
  /** What it shares with other processes; absent: it is alone. */
  readonly ledger?: Ledger;
  /** Told whenever it changes what calls wait for. */
  readonly waits?: (cause: string | undefined) => void;
  /** Milliseconds that never jump; for tests. */
  readonly elapsed?: () => number;
}

/** Make the scheduler of a process. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new PacingScheduler(options);
}

interface Waiting {
  readonly request: CallRequest;
  /** The cheapest first, or as the request has them. */
  readonly choices: readonly Choice[];
  readonly since: number;
  /** Those choices that the router prefers, and by which of its plans. */
  routed: { readonly version: number; readonly choices: readonly Choice[] };
  admit(choice: Choice): void;
}

class PacingScheduler implements Scheduler {
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #log: Logger | undefined;
  readonly #ledger: Ledger | undefined;
  readonly #elapsed: () => number;
  readonly #router: Router;
  readonly #waits: (cause: string | undefined) => void;
  readonly #queues: Record<Priority, Waiting[]> = {
    head: [],
    lookup: [],
    backfill: [],
  };
  readonly #groups = new Map<string, Account>();
  readonly #budgets: PacedBudget[] = [];
  #nap: AbortController | undefined;

  constructor(
    options: SchedulerOptions,
  ) {
    const { clock, elapsed, ledger, log, metrics, waits = () => {} } = options;
    this.#clock = clock;
    this.#ledger = ledger;
    this.#waits = waits;
    this.#log = log;
    this.#metrics = metrics;
    this.#elapsed = monotonic(
      elapsed ??
        (clock === systemClock ? () => performance.now() : () => clock.now()),
    );
    this.#router = new Router({
      elapsed: this.#elapsed,
      isOpen: (account, cost) => !account.isClosed(cost, "backfill"),
    });
  }

  budget(options: BudgetOptions): Budget {
    const budget = new PacedBudget(options, {
      account: this.#account(options),
      clock: this.#clock,
      metrics: this.#metrics,
      elapsed: this.#elapsed,
      changed: () => this.#dispatch(),
    });
    this.#budgets.push(budget);
    return budget;
  }

  admit(request: CallRequest): Promise<Admission> {
    const choices = choicesOf(request);
    if (choices.length === 0) {
      return Promise.reject(new Error("A call needs a budget"));
    }
    return new Promise((resolve, reject) => {
      const { method, priority, signal } = request;
      if (signal?.aborted) return reject(signal.reason);
      const waiting: Waiting = {
        request,
        choices,
        since: this.#elapsed(),
        routed: { version: -1, choices },
        admit: ({ budget, cost }) => {
          signal?.removeEventListener("abort", stop);
          const waited = this.#elapsed() - waiting.since;
          resolve(budget.leave(cost, { method, priority, waited }));
        },
      };
      const stop = () => {
        remove(this.#queues[priority], waiting);
        reject(signal?.reason);
        this.#dispatch();
      };
      signal?.addEventListener("abort", stop, { once: true });
      if (request.cost) {
        const costs = choices.map(({ budget, cost }) =>
          [budget.account, cost] as const
        );
        this.#router.observe(request.method, new Map(costs));
      }
      this.#queues[priority].push(waiting);
      this.#dispatch();
    });
  }

  spare(request: CallRequest): Admission | undefined {
    const waits = new Set(
      Object.values(this.#queues).flat()
        .flatMap(({ choices }) => choices.map(({ budget }) => budget.account)),
    );
    const choice = choicesOf(request).find(({ budget, cost }) =>
      !waits.has(budget.account) && budget.hasPlenty(cost)
    );
    if (choice === undefined) return undefined;
    const admission = choice.budget.leave(choice.cost, {
      method: request.method,
      priority: request.priority,
      waited: 0,
    });
    this.#dispatch();
    return admission;
  }

  #account(
    { group, identity, name, reserve = 0, windows }: BudgetOptions,
  ): Account {
    const known = group === undefined ? undefined : this.#groups.get(group);
    if (known) {
      const same = reserve === known.reserve &&
        JSON.stringify(windows) === JSON.stringify(known.windows);
      if (same) return known;
      throw new UserError(
        `Quota group "${group}" has other limits at "${name}" than before: ` +
          "give all of its endpoints the same plan, rate, quota and reserve",
      );
    }
    const payer = group === undefined
      ? { name, identity: identity ?? name }
      : { name: group, identity: groupIdentity(group) };
    const account: Account = new Account(payer, {
      windows,
      reserve,
      ledger: this.#ledger,
      context: {
        clock: this.#clock,
        elapsed: this.#elapsed,
        changed: () => {
          this.#router.forget();
          this.#dispatch();
        },
      },
    });
    if (group !== undefined) this.#groups.set(group, account);
    return account;
  }

  /** Let go whoever may go, and sleep until the next one may. */
  #dispatch(): void {
    this.#nap?.abort(WOKEN);
    this.#nap = undefined;
    for (;;) {
      const { admitted, next, waitsFor } = this.#round();
      if (admitted) continue;
      const running = this.#budgets.some(({ running }) => running > 0);
      this.#waits(waitsFor ?? (running ? NETWORK : undefined));
      if (next < Infinity) this.#sleep(next);
      return;
    }
  }

  /** One pass over the queues; at most one call goes ahead of the others. */
  #round(): { admitted: boolean; next: number; waitsFor?: string } {
    const held = new Set<PacedBudget | Account>();
    let next = Infinity;
    let holds = 0;
    let waitsFor: string | undefined;
    for (const waiting of this.#order()) {
      const { choice, wait } = this.#soonest(waiting, held);
      if (choice === undefined) continue;
      if (wait <= 0) {
        this.#admit(waiting, choice);
        return { admitted: true, next };
      }
      next = Math.min(next, wait);
      const { account } = choice.budget;
      if (wait < Infinity) waitsFor ??= this.#reason(choice);
      // A quota that is spent is not waited for in a queue: whoever is
      // cheaper, or may use the reserve, still goes.
      const { priority } = waiting.request;
      if (account.spentWindow(choice.cost, priority)) {
        this.#tell(choice, priority);
        continue;
      }
      // Whoever comes later must not take what this call is waiting for.
      held.add(wait === Infinity ? choice.budget : account);
      if (++holds === this.#budgets.length) break;
    }
    return {
      admitted: false,
      next,
      ...(waitsFor === undefined ? {} : { waitsFor }),
    };
  }

  /** Why a call waits, as people are told: keys of a kind are one. */
  #reason({ budget }: Choice): string {
    const { cooledUntil, group } = budget;
    const pauses = cooledUntil > this.#clock.now();
    return `${pauses ? "pause" : "budget"} of ${group.replace(/#\d+$/, "")}`;
  }

  #soonest(
    waiting: Waiting,
    held: ReadonlySet<PacedBudget | Account>,
  ): Soonest {
    const { choices, request: { priority } } = waiting;
    const routed = this.#routed(waiting);
    const { method } = waiting.request;
    const due = routed.filter(({ budget }) =>
      !this.#router.holdsBack(method, budget.account)
    );
    // Where only dear ones are left, they are what there is.
    const open = due.length > 0 ? due : routed;
    const best = soonestOf(open, { held, priority });
    if (routed === choices || !isFar(best, priority)) return best;
    const other = soonestOf(choices, { held, priority });
    return other.wait < best.wait ? other : best;
  }

  /** The choices that the router prefers. */
  #routed(waiting: Waiting): readonly Choice[] {
    const { choices, request, routed } = waiting;
    if (!request.cost || choices.length === 1) return choices;
    const route = this.#router.route(request.method);
    const { version } = this.#router;
    if (routed.version === version) return routed.choices;
    const some = choices.filter(({ budget }) => route?.has(budget.account));
    waiting.routed = { version, choices: some.length > 0 ? some : choices };
    return waiting.routed.choices;
  }

  #admit(waiting: Waiting, choice: Choice): void {
    const { priority } = waiting.request;
    const { budget } = choice;
    remove(this.#queues[priority], waiting);
    for (const lower of classes.slice(classes.indexOf(priority) + 1)) {
      const passed = this.#queues[lower].some(({ choices }) =>
        choices.some((one) => one.budget === budget)
      );
      if (passed) budget.passed[lower]++;
    }
    budget.passed[priority] = 0;
    if (waiting.request.cost) {
      this.#router.count(waiting.request.method, budget.account);
    }
    waiting.admit(choice);
    this.#tell(choice, priority);
  }

  /** Waiting calls, the most urgent first. */
  *#order(): Iterable<Waiting> {
    const due = new Set<Waiting>();
    for (const lower of classes.slice(1)) {
      const first = this.#queues[lower].find(({ choices }) =>
        choices.some(({ budget }) => budget.passed[lower] >= PATIENCE)
      );
      if (first) due.add(first);
    }
    yield* due;
    for (const name of classes) {
      for (const waiting of this.#queues[name]) {
        if (!due.has(waiting)) yield waiting;
      }
    }
  }

  /** Say once that a quota is spent: another such call does not fit in. */
  #tell({ budget: { account }, cost }: Choice, priority: Priority): void {
    const spent = account.spentWindow(cost, priority);
    if (spent === undefined) return;
    const wait = account.wait(cost, priority);
    if (wait < TELL_MS || wait === Infinity) return;
    const until = this.#clock.now() + wait;
    if (!account.tells(until)) return;
    const kept = priority === "head" ? 0 : account.reserve;
    this.#log?.warn("Quota spent: calls wait or go elsewhere", {
      account: account.name,
      quota: `${spent.count} ${spent.unit ?? "credits"}`,
      ...(kept === 0 ? {} : { kept_for_head: `${100 * kept} %` }),
      until: new Date(until).toISOString(),
    });
  }

  #sleep(ms: number): void {
    const nap = new AbortController();
    this.#nap = nap;
    this.#clock.sleep(Math.min(Math.ceil(ms), NAP_MS), nap.signal).then(
      () => this.#dispatch(),
      () => {}, // Something happened that dispatches anyway.
    );
  }
}

/** Whether a call should not wait for the account where it is cheap. */
function isFar({ choice, wait }: Soonest, priority: Priority): boolean {
  if (choice === undefined) return false;
  if (choice.budget.isClosed(choice.cost, priority)) return true;
  // What is held, or waits for a call to end, will not be long.
  return wait < Infinity && wait > DETOUR_MS[priority];
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}
