/**
 * Opens a stage, however long what it needs is not there.
 *
 * @module
 */
import { RetryableError } from "../errors.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";

/** Options of {@linkcode openStage}. */
export interface OpeningOptions {
  /** Name of the stage, for the log. */
  readonly stage: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/**
 * Open a stage; what passes with time is tried again.
 *
 * @throws what cannot get better, or what was wrong when the signal came.
 */
export async function openStage<T>(
  open: () => Promise<T> | T,
  { clock, log, signal, stage }: OpeningOptions,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof RetryableError) || signal.aborted) throw error;
      const pause = backoff(attempt, error.after);
      // An outage of an hour is one line, not a thousand.
      log[attempt === 1 ? "warn" : "debug"]("Cannot open yet, tries again", {
        stage,
        reason: error.message,
        pause_ms: Math.round(pause),
      });
      await clock.sleep(pause, signal).catch(() => {});
    }
  }
}
