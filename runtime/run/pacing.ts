/**
 * The scheduler: it paces calls so that no provider has to refuse one.
 *
 * @module
 */
import { monotonic, PacedBudget } from "./budget.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Metrics } from "./metrics.ts";
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

// Aborting without a reason makes an exception with a stack, every time.
const WOKEN = "Something has changed";

const classes: readonly Priority[] = ["head", "lookup", "backfill"];

/** What a scheduler needs. */
export interface SchedulerOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Milliseconds that never jump; for tests. */
  readonly elapsed?: () => number;
}

/** Make the scheduler of a process. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new PacingScheduler(options);
}

interface Waiting {
  readonly request: CallRequest;
  readonly budgets: readonly PacedBudget[];
  readonly since: number;
  admit(budget: PacedBudget): void;
  fail(reason: unknown): void;
}

class PacingScheduler implements Scheduler {
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #elapsed: () => number;
  readonly #queues: Record<Priority, Waiting[]> = {
    head: [],
    lookup: [],
    backfill: [],
  };
  #budgets = 0;
  #nap: AbortController | undefined;

  constructor({ clock, metrics, elapsed }: SchedulerOptions) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#elapsed = elapsed ??
      (clock === systemClock ? () => performance.now() : () => clock.now());
  }

  budget(options: BudgetOptions): Budget {
    this.#budgets++;
    return new PacedBudget(options, {
      clock: this.#clock,
      metrics: this.#metrics,
      elapsed: monotonic(this.#elapsed),
      changed: () => this.#dispatch(),
    });
  }

  admit(request: CallRequest): Promise<Admission> {
    const budgets = request.budgets.filter((budget) =>
      budget instanceof PacedBudget
    );
    if (budgets.length === 0) {
      return Promise.reject(new Error("A call needs a budget"));
    }
    return new Promise((resolve, reject) => {
      const { signal, priority } = request;
      if (signal?.aborted) return reject(signal.reason);
      const waiting: Waiting = {
        request,
        budgets,
        since: this.#elapsed(),
        admit: (budget) => {
          signal?.removeEventListener("abort", stop);
          resolve(budget.leave(request, this.#elapsed() - waiting.since));
        },
        fail: reject,
      };
      const stop = () => {
        remove(this.#queues[priority], waiting);
        reject(signal?.reason);
        this.#dispatch();
      };
      signal?.addEventListener("abort", stop, { once: true });
      this.#queues[priority].push(waiting);
      this.#dispatch();
    });
  }

  /** Let go whoever may go, and sleep until the next one may. */
  #dispatch(): void {
    this.#nap?.abort(WOKEN);
    this.#nap = undefined;
    for (;;) {
      const { admitted, next } = this.#round();
      if (admitted) continue;
      if (next < Infinity) this.#sleep(next);
      return;
    }
  }

  /** One pass over the queues; at most one call goes ahead of the others. */
  #round(): { admitted: boolean; next: number } {
    const held = new Set<PacedBudget>();
    let next = Infinity;
    for (const waiting of this.#order()) {
      let soonest: PacedBudget | undefined;
      let when = Infinity;
      for (const budget of waiting.budgets) {
        if (held.has(budget)) continue;
        const wait = budget.wait(waiting.request);
        if (wait < when || soonest === undefined) {
          soonest = budget;
          when = wait;
        }
      }
      if (soonest === undefined) continue;
      if (when <= 0) {
        this.#admit(waiting, soonest);
        return { admitted: true, next };
      }
      // Whoever comes later must not take what this call is waiting for.
      held.add(soonest);
      next = Math.min(next, when);
      if (held.size === this.#budgets) break;
    }
    return { admitted: false, next };
  }

  #admit(waiting: Waiting, budget: PacedBudget): void {
    const { priority } = waiting.request;
    remove(this.#queues[priority], waiting);
    for (const lower of classes.slice(classes.indexOf(priority) + 1)) {
      const passed = this.#queues[lower].some(({ budgets }) =>
        budgets.includes(budget)
      );
      if (passed) budget.passed[lower]++;
    }
    budget.passed[priority] = 0;
    waiting.admit(budget);
  }

  /** Waiting calls, the most urgent first. */
  *#order(): Iterable<Waiting> {
    const due = new Set<Waiting>();
    for (const lower of classes.slice(1)) {
      const first = this.#queues[lower].find(({ budgets }) =>
        budgets.some(({ passed }) => passed[lower] >= PATIENCE)
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

  #sleep(ms: number): void {
    const nap = new AbortController();
    this.#nap = nap;
    this.#clock.sleep(Math.min(Math.ceil(ms), NAP_MS), nap.signal).then(
      () => this.#dispatch(),
      () => {}, // Something happened that dispatches anyway.
    );
  }
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}
