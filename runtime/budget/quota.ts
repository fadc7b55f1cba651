/**
 * What a budget has spent of a quota that comes back at an instant: at 00:00
 * UTC, or on the first of a month.
 *
 * @module
 */
import type { Reset, Window } from "./scheduler.ts";

// Nobody knows on which side of the reset a provider counts a call that
// leaves this close to it, because clocks differ: it counts on both.
const MARGIN_MS = 5000;

/**
 * The units spent since the last reset. Times are those of the wall clock,
 * milliseconds since 1970: it may jump, and after hours of suspend only it is
 * right. What was spent in a period that the clock has left again for an
 * earlier one counts there: a clock that was wrong lets nothing be forgotten.
 */
export class Quota {
  readonly #count: number;
  readonly #reset: Reset;
  /** Units by the start of their period. */
  readonly #spent: Map<number, number>;
  #period = { start: 0, end: 0 };
  /** The period that every call counted in lately, and from when to when. */
  #only = { starts: [0] as readonly number[], from: 0, to: 0 };

  constructor(
    { count }: Window,
    reset: Reset,
    spent: Iterable<readonly [number, number]> = [],
  ) {
    this.#count = count;
    this.#reset = reset;
    this.#spent = new Map(spent);
  }

  /** Units by the start of their period. */
  get spent(): ReadonlyMap<number, number> {
    return this.#spent;
  }

  /**
   * Count units of a call that leaves now.
   *
   * @returns the periods that it counts in, for `settle`.
   */
  spend(now: number, units: number): readonly number[] {
    const starts = this.#starts(now);
    for (const start of starts) this.#add(start, units);
    return starts;
  }

  /** A call has arrived: perhaps it counts in a later period, too. */
  settle(now: number, units: number, counted: readonly number[]): void {
    for (const start of this.#starts(now)) {
      if (!counted.includes(start)) this.#add(start, units);
    }
  }

  /** Units that are spent now. */
  used(now: number): number {
    return Math.max(...this.#starts(now).map((start) => this.#of(start)));
  }

  /** When it comes back. */
  resetsAt(now: number): number {
    return this.#periodAt(now - MARGIN_MS).end + MARGIN_MS;
  }

  /**
   * When it admits so many units, of which it holds `count`: `now` when it
   * does at once.
   */
  admits(now: number, units: number, count = this.#count): number {
    // A call that costs more than a whole quota waits for a new one.
    const need = Math.min(units, count);
    let when = now;
    for (const start of this.#starts(now)) {
      if (this.#of(start) + need <= count) continue;
      when = Math.max(when, this.#periodAt(start).end + MARGIN_MS);
    }
    return when;
  }

  #of(start: number): number {
    return this.#spent.get(start) ?? 0;
  }

  #add(start: number, units: number): void {
    this.#spent.set(start, this.#of(start) + units);
  }

  /** Starts of the periods that a call counts in: two around a reset. */
  #starts(now: number): readonly number[] {
    const { from, starts, to } = this.#only;
    if (now >= from && now < to) return starts;
    const early = this.#periodAt(now - MARGIN_MS).start;
    const late = this.#periodAt(now + MARGIN_MS).start;
    for (const [start, units] of this.#spent) {
      if (start > late) {
        this.#spent.delete(start);
        this.#add(late, units);
      } else if (start < early && this.#spent.size > 3) {
        this.#spent.delete(start);
      }
    }
    if (early !== late) return [early, late];
    const { end, start } = this.#periodAt(now);
    this.#only = {
      starts: [start],
      from: start + MARGIN_MS,
      to: end - MARGIN_MS,
    };
    return this.#only.starts;
  }

  #periodAt(now: number): { readonly start: number; readonly end: number } {
    const { end, start } = this.#period;
    if (now >= start && now < end) return this.#period;
    return this.#period = periodOf(this.#reset, now);
  }
}

/** From the last reset at or before an instant to the next one. */
export function periodOf(
  { day, every, minute, zone }: Reset,
  now: number,
): { readonly start: number; readonly end: number } {
  const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(now))
    .toZonedDateTimeISO(zone);
  const date = local.toPlainDate();
  const at = (months: number, days: number) =>
    (every === "month"
      ? date.with({ day }).add({ months })
      : date.add({ days }))
      .toZonedDateTime({
        timeZone: zone,
        plainTime: { hour: Math.floor(minute / 60), minute: minute % 60 },
      }).epochMilliseconds;
  const middle = at(0, 0);
  return middle <= now
    ? { start: middle, end: at(1, 1) }
    : { start: at(-1, -1), end: middle };
}
