/**
 * The scheduler's interface: which key may call what, and when.
 *
 * @module
 */
export { createScheduler, type SchedulerOptions } from "./pacing.ts";

/** Who goes first: the live head, then look-ups, then history. */
export type Priority = "head" | "lookup" | "backfill";

/** At most `count` units of budget in any `per` milliseconds. */
export interface Window {
  readonly count: number;
  /** Milliseconds. */
  readonly per: number;
}

/** What one key (or one account with several keys) may spend. */
export interface BudgetOptions {
  /** Shown in logs and metrics: never the key itself. */
  readonly name: string;
  /** Every window must admit a call; none: no limit. */
  readonly windows: readonly Window[];
  /** Calls under way at once at most. */
  readonly inFlight: number;
}

/** A registered budget; made by {@linkcode Scheduler.budget}. */
export interface Budget {
  readonly name: string;
  /** No call leaves before this instant (milliseconds since 1970). */
  coolUntil(instant: number): void;
}

/** A call that wants to leave. */
export interface CallRequest {
  readonly method: string;
  readonly priority: Priority;
  /** Budgets that could pay for it, the preferred ones first. */
  readonly budgets: readonly Budget[];
  /** Units of budget that it costs; 1 when absent. */
  readonly price?: number;
  readonly signal?: AbortSignal;
}

/** Leave to make one call now; disposing it ends the call. */
export interface Admission extends Disposable {
  readonly budget: Budget;
}

/** Decides which budget pays for a call, and when it leaves. */
export interface Scheduler {
  budget(options: BudgetOptions): Budget;
  /**
   * Wait until one of the budgets admits the call.
   *
   * @throws the signal's reason when it is aborted first.
   */
  admit(request: CallRequest): Promise<Admission>;
}
