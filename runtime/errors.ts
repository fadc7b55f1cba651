/**
 * Errors that steer the runtime by their class.
 *
 * @module
 */
import type { Row } from "./row.ts";

/** The user's specification is wrong: exit 2, message without a stack. */
export class SpecError extends Error {
  override name = "SpecError";
}

/** The user's environment stops the work: exit 1, message without a stack. */
export class UserError extends Error {
  override name = "UserError";
}

/** Options of a {@linkcode RetryableError}. */
export interface RetryOptions extends ErrorOptions {
  /** Do not try again before this many milliseconds have passed. */
  readonly after?: number;
}

/** Try the same again later: back-off with jitter, for ever, visibly. */
export class RetryableError extends Error {
  override name = "RetryableError";
  /** Milliseconds to wait at least, when the other side said so. */
  readonly after: number | undefined;

  constructor(message: string, options: RetryOptions = {}) {
    super(message, options);
    this.after = options.after;
  }
}

/** One row that a stage cannot take, and why. */
export interface Reject {
  readonly row: Row;
  readonly reason: string;
}

/**
 * A sink cannot store some rows of a batch and has stored all the others:
 * these go to the `errors` port.
 */
export class RejectedError extends Error {
  override name = "RejectedError";
  readonly rejects: readonly Reject[];

  constructor(message: string, rejects: readonly Reject[]) {
    super(message);
    this.rejects = rejects;
  }
}
