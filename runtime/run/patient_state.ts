/**
 * A state store that waits out what its server cannot do now: the run pauses
 * and goes on, and never goes on without.
 *
 * @module
 */
import { RetryableError } from "../errors.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { PruneLimits } from "./journal.ts";
import type { Logger } from "./log.ts";
import type { Reading } from "./reading.ts";
import type {
  Cursor,
  JournalEvent,
  Owner,
  StateStore,
  UnitRows,
} from "./state.ts";

/** What {@linkcode PatientState} works with. */
export interface PatienceOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the run stops at once: nobody waits any longer. */
  readonly stop: AbortSignal;
}

/**
 * Repeats every call that can be repeated until it is answered. The lease
 * is not its business: whoever holds it must know when it cannot be renewed.
 */
export class PatientState implements StateStore {
  readonly #state: StateStore;
  readonly #options: PatienceOptions;
  /** Calls that wait for the server. */
  #waiting = 0;

  constructor(state: StateStore, options: PatienceOptions) {
    this.#state = state;
    this.#options = options;
  }

  acquire(): Promise<Owner | undefined> {
    return this.#state.acquire();
  }

  renew(): Promise<void> {
    return this.#state.renew();
  }

  lasts(): number {
    return this.#state.lasts();
  }

  cursors(): Promise<readonly Cursor[]> {
    return this.#patiently((state) => state.cursors());
  }

  saveCursor(cursor: Cursor): Promise<void> {
    return this.#patiently((state) => state.saveCursor(cursor));
  }

  reset(what?: { sink?: string; source?: string }): Promise<void> {
    return this.#patiently((state) => state.reset(what));
  }

  rename(kind: "sink" | "source", from: string, to: string): Promise<void> {
    return this.#patiently((state) => state.rename(kind, from, to));
  }

  origin(source: string): Promise<number | undefined> {
    return this.#patiently((state) => state.origin(source));
  }

  saveOrigin(source: string, number: number): Promise<void> {
    return this.#patiently((state) => state.saveOrigin(source, number));
  }

  reading(source: string): Promise<Reading | undefined> {
    return this.#patiently((state) => state.reading(source));
  }

  saveReading(source: string, reading: Reading): Promise<void> {
    return this.#patiently((state) => state.saveReading(source, reading));
  }

  journal(source: string): Promise<readonly JournalEvent[]> {
    return this.#patiently((state) => state.journal(source));
  }

  append(source: string, event: JournalEvent, rows?: UnitRows): Promise<void> {
    return this.#patiently((state) => state.append(source, event, rows));
  }

  rows(source: string, seq: number): Promise<UnitRows> {
    return this.#patiently((state) => state.rows(source, seq));
  }

  prune(source: string, limits: PruneLimits): Promise<void> {
    return this.#patiently((state) => state.prune(source, limits));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#state[Symbol.asyncDispose]();
  }

  async #patiently<T>(call: (state: StateStore) => Promise<T>): Promise<T> {
    const { clock, log, stop } = this.#options;
    for (let attempt = 1;; attempt++) {
      try {
        const result = await call(this.#state);
        if (attempt > 1 && --this.#waiting === 0) {
          log.info("The state store answers again");
        }
        return result;
      } catch (error) {
        if (!(error instanceof RetryableError)) throw error;
        // An outage of an hour is two lines, not a thousand.
        if (attempt === 1 && this.#waiting++ === 0) {
          log.warn("The state store does not answer, waits", {
            reason: error.message,
          });
        }
        await clock.sleep(backoff(attempt, error.after), stop);
      }
    }
  }
}
