/**
 * Reads a source whose units are shared out among processes: as they come,
 * and acknowledged as soon as every sink has them.
 *
 * @module
 */
import type { Head, OpenSource } from "../component.ts";
import { RetryableError } from "../errors.ts";
import type { Position } from "../row.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { UnitEvent } from "./events.ts";
import type { Logger } from "./log.ts";

/** What a shared reader works with. */
export interface SharedReaderOptions {
  /** The source's name. */
  readonly name: string;
  readonly source: OpenSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reads a shared source; see the module. */
export class SharedReader {
  readonly #options: SharedReaderOptions;
  #tip: Position | undefined;
  #acknowledged = 0;

  constructor(options: SharedReaderOptions) {
    this.#options = options;
  }

  /** A shared source has no head: others may be ahead. */
  get head(): Head | undefined {
    return undefined;
  }

  /** The last unit read. */
  get tip(): Position | undefined {
    return this.#tip;
  }

  /** Every unit that falls to this process, until the signal is aborted. */
  async *events(
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<UnitEvent> {
    const { clock, log, name } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        for await (const event of this.#read(signal)) {
          if (failures > 0) log.info("Source reads again", { source: name });
          failures = 0;
          yield event;
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof RetryableError)) throw error;
        failures++;
        const pause = backoff(failures, error.after);
        // An outage of an hour is two lines, not a thousand.
        log[failures === 1 ? "warn" : "debug"]("Source fails, tries again", {
          source: name,
          reason: error.message,
          pause_ms: Math.round(pause),
        });
        await clock.sleep(pause, signal).catch(() => {});
      }
    }
  }

  /** Say how many units every sink has stored by now, counted from the first. */
  acknowledge(units: number): void {
    const fresh = units - this.#acknowledged;
    if (fresh <= 0) return;
    this.#acknowledged = units;
    this.#options.source.acknowledge?.(fresh);
  }

  async *#read(signal: AbortSignal): AsyncGenerator<UnitEvent> {
    const { clock, source } = this.#options;
    const units = source.read({
      after: undefined,
      from: undefined,
      to: undefined,
      signal,
      onHead: () => {},
    });
    for await (const unit of units) {
      if (unit === "fork") continue;
      const { id, number, op = "insert", part = 0, rejects, rows, time } = unit;
      this.#tip = { id, number };
      yield {
        id,
        number,
        op,
        part,
        time,
        parent: undefined,
        seq: 0,
        version: unit.version ?? clock.now(),
        ...rejects ? { rejects } : {},
        rows: () => rows,
        stored: () => Promise.resolve(rows),
      };
    }
  }
}
