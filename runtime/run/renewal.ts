/**
 * Makes rows in a journal anew where a spec has come to need other ones: a
 * sink that is new would miss rows, or get wrong ones.
 *
 * @module
 */
import type { OpenSource, SourceUnit } from "../component.ts";
import type { Position } from "../row.ts";
import { openUnits } from "./journal.ts";
import type { Logger } from "./log.ts";
import type { Difference } from "./reading.ts";
import type { JournalEvent, StateStore, UnitRows } from "./state.ts";

/** What {@linkcode renew} works with. */
export interface RenewalOptions {
  /** The source's name. */
  readonly name: string;
  readonly source: OpenSource;
  readonly state: StateStore;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** How many of the units are canonical, counted from the oldest. */
  canonical(units: readonly JournalEvent[]): Promise<number>;
  /** The position in front of a unit. */
  before(unit: JournalEvent): Position;
  /** The rows of a unit that are kept. */
  rowsOf(unit: SourceUnit): UnitRows;
  /** Put the retraction of a unit into the journal. */
  retract(unit: JournalEvent): Promise<JournalEvent>;
  /** Do it again while the other side is away. */
  retrying<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Read the units of a journal that are not retracted again, and keep their
 * rows instead of those before. Units that may still be replaced and have
 * other rows now are retracted as sinks have them, to be read like new ones;
 * so are those that are gone.
 *
 * @returns the retractions, which are in the journal: before any sink sees an
 * event, so that one that is new never keeps half of its rows.
 * @throws the signal's reason when it is aborted first.
 */
export async function renew(
  journal: readonly JournalEvent[],
  ...[difference, options]: readonly [
    difference: Difference,
    options: RenewalOptions,
  ]
): Promise<readonly JournalEvent[]> {
  const units = openUnits(journal);
  if (difference === "none" || units.length === 0) return [];
  const { canonical, log, name, retract, retrying, rowsOf } = options;
  const { signal, state } = options;
  log.info("The spec needs other rows: recent units are read again", {
    source: name,
    from: units[0]?.number,
    to: units.at(-1)?.number,
  });
  const count = await canonical(units);
  let done = 0;
  await retrying(async () => {
    for await (const unit of again(units.slice(done, count), options)) {
      const known = units[done];
      if (known === undefined || !unit.final && difference === "other") return;
      await state.append(name, known, rowsOf(unit));
      done++;
    }
  });
  // A reader that was stopped has read less.
  signal.throwIfAborted();
  const retractions: JournalEvent[] = [];
  for (const unit of units.slice(done).reverse()) {
    retractions.push(await retract(unit));
  }
  return retractions;
}

/** Read consecutive units again, as long as they are the same. */
async function* again(
  units: readonly JournalEvent[],
  { before, signal, source }: RenewalOptions,
): AsyncGenerator<SourceUnit> {
  const [first, last] = [units[0], units.at(-1)];
  if (first === undefined || last === undefined) return;
  const read = source.read({
    after: before(first),
    from: undefined,
    to: last.number,
    signal,
    // Not before every sink has what came before it.
    onHead: () => {},
  });
  const ids = units.values();
  for await (const unit of read) {
    if (unit === "fork" || unit.id !== ids.next().value?.id) return;
    yield unit;
  }
}
