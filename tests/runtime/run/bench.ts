/**
 * A scheduler on a clock of its own, for tests.
 *
 * @module
 */
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import {
  type Admission,
  type Budget,
  type BudgetOptions,
  type CallRequest,
  createScheduler,
  type Priority,
  type Scheduler,
  type Window,
} from "../../../runtime/budget/scheduler.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";

/** A call that was let go. */
export interface Left {
  readonly call: string;
  readonly budget: string;
  readonly at: number;
}

/** A scheduler on a clock of its own, and what left it. */
export class Bench {
  readonly clock: FakeClock;
  readonly metrics = new Metrics();
  readonly left: Left[] = [];
  /** Lines of the log, as `message {fields}`. */
  readonly lines: string[] = [];
  readonly scheduler: Scheduler;

  constructor(
    elapsed?: (clock: FakeClock) => number,
    clock: FakeClock = new FakeClock(),
  ) {
    this.clock = clock;
    this.scheduler = createScheduler({
      clock: this.clock,
      metrics: this.metrics,
      log: createLogger({
        level: "warn",
        secrets: [],
        write: ({ fields, message }) =>
          this.lines.push(`${message} ${JSON.stringify(fields)}`),
      }),
      ...(elapsed ? { elapsed: () => elapsed(this.clock) } : {}),
    });
  }

  budget(
    windows: readonly Window[],
    { name = "key", inFlight = 1000, ...more }: Partial<BudgetOptions> = {},
  ): Budget {
    return this.scheduler.budget({ name, windows, inFlight, ...more });
  }

  /** Make a call that takes `latency`; undefined: until it is ended. */
  async call(
    name: string,
    budgets: readonly Budget[],
    { latency = 0, priority = "backfill", price = 1 }: {
      latency?: number;
      priority?: Priority;
      price?: number;
    } = {},
  ): Promise<void> {
    const admission = await this.admit(name, budgets, { priority, price });
    await this.clock.sleep(latency);
    admission[Symbol.dispose]();
  }

  async admit(
    name: string,
    budgets: readonly Budget[],
    options: Partial<CallRequest> = {},
  ): Promise<Admission> {
    const admission = await this.scheduler.admit({
      method: name,
      priority: "backfill",
      budgets,
      ...options,
    });
    const { budget } = admission;
    this.left.push({ call: name, budget: budget.name, at: this.clock.now() });
    return admission;
  }

  get order(): string[] {
    return this.left.map(({ call }) => call);
  }
}

/** Most units within any `per` milliseconds, `per` itself not included. */
export function peak(
  events: readonly { at: number; units: number }[],
  per: number,
): number {
  const sorted = events.toSorted((a, b) => a.at - b.at);
  let most = 0;
  let inside = 0;
  let first = 0;
  for (const { at, units } of sorted) {
    inside += units;
    while (sorted[first]!.at <= at - per) inside -= sorted[first++]!.units;
    most = Math.max(most, inside);
  }
  return most;
}
