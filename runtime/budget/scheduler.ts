/**
 * The scheduler's interface: which key may call what, and when.
 *
 * @module
 */
import type { AccountUsage } from "./ledger.ts";

export { createScheduler, type SchedulerOptions } from "./pacing.ts";

/** Who goes first: the live head, then look-ups, then history. */
export type Priority = "head" | "lookup" | "backfill";

/** What a call costs, in each unit that a window may count. */
export interface Cost {
  /** Requests, as providers count them: each call of a batch is one. */
  readonly calls: number;
  /** What is billed: credits, or requests where a plan sells those. */
  readonly credits: number;
  /** What a limit of throughput counts; most plans count credits there. */
  readonly weight: number;
}

/** When a quota comes back: at an instant, for everybody on the plan. */
export interface Reset {
  readonly every: "day" | "month";
  /** Day of the month, for `every: "month"`. */
  readonly day: number;
  /** Minutes since midnight. */
  readonly minute: number;
  /** As the IANA database names it: "UTC", "America/New_York". */
  readonly zone: string;
}

/** At most `count` units in any `per` milliseconds, or until a reset. */
export interface Window {
  readonly count: number;
  /** Milliseconds; of a month that has a reset: 30 days. */
  readonly per: number;
  /** What it counts; credits when absent. */
  readonly unit?: keyof Cost;
  /** Absent: it slides. */
  readonly reset?: Reset;
}

/** What one key (or one account with several keys) may spend. */
export interface BudgetOptions {
  /** Shown in logs and metrics: never the key itself. */
  readonly name: string;
  /**
   * Who it is to other processes, and in what is kept of its use: never the
   * key itself. Its name when absent.
   */
  readonly identity?: string;
  /** Every window must admit a call; none: no limit. */
  readonly windows: readonly Window[];
  /** Calls under way at once at most. */
  readonly inFlight: number;
  /** Budgets of one group spend from the same windows: one account. */
  readonly group?: string | undefined;
  /** Share of each quota, 0 to 1, that only the head may spend. */
  readonly reserve?: number | undefined;
}

/** How much of a window is used. */
export interface WindowUsage {
  readonly window: Window;
  readonly used: number;
  /** What is free for the head; below 0 after a call on credit. */
  readonly left: number;
  /** When a quota comes back, milliseconds since 1970. */
  readonly resetsAt: number | undefined;
}

/** A registered budget; made by {@linkcode Scheduler.budget}. */
export interface Budget {
  readonly name: string;
  /** The account that pays; the budget's own name without a group. */
  readonly group: string;
  /** When its pause ends or its account's; in the past without one. */
  readonly cooledUntil: number;
  /** No call leaves before this instant (milliseconds since 1970). */
  coolUntil(instant: number): void;
  /** As `coolUntil`, for every budget of the group. */
  coolGroupUntil(instant: number): void;
  /**
   * A call was refused that the windows had admitted: calls arrive less
   * evenly than they leave, so leave more room between them for a while.
   */
  leaveRoom(): void;
  /**
   * When the account's quota comes back that the provider says is spent;
   * undefined when none of its windows has a reset.
   */
  resetAfter(period: "day" | "month" | undefined): number | undefined;
  /** Count what the other side has billed without being asked. */
  charge(cost: Cost): void;
  /** Whether a call would wait for a quota or a long pause. */
  isClosed(cost: Cost, priority: Priority): boolean;
  /** How much of each window is used, in the order of the windows. */
  usage(): readonly WindowUsage[];
  /**
   * What all processes have used of the account, and of this key; undefined
   * when nobody keeps count.
   */
  shared(): Promise<AccountUsage | undefined>;
}

/** A call that wants to leave. */
export interface CallRequest {
  readonly method: string;
  readonly priority: Priority;
  /** Budgets that could pay for it, the preferred ones first. */
  readonly budgets: readonly Budget[];
  /** Units of budget that it costs; 1 when absent. */
  readonly price?: number;
  /**
   * What it costs each of the budgets, when prices differ: then it is routed
   * to where it is cheapest, and the order of `budgets` breaks ties.
   */
  cost?(budget: Budget): Cost;
  readonly signal?: AbortSignal;
}

/** Leave to make one call now; disposing it ends the call, with an answer. */
export interface Admission extends Disposable {
  readonly budget: Budget;
  /** It ends without one: nobody knows when it arrives. */
  lose(): void;
}

/** Decides which budget pays for a call, and when it leaves. */
export interface Scheduler {
  /** @throws {UserError} when a group has other windows already. */
  budget(options: BudgetOptions): Budget;
  /**
   * Wait until one of the budgets admits the call.
   *
   * @throws the signal's reason when it is aborted first.
   */
  admit(request: CallRequest): Promise<Admission>;
  /**
   * Make a call at once where nobody will miss what it costs: an account on
   * which nothing waits and of which no window is half spent, no quota ahead
   * of its time.
   *
   * @returns undefined when there is none.
   */
  spare(request: CallRequest): Admission | undefined;
}
