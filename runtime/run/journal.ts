/**
 * What every store's journal has in common: how rows are packed, and which
 * events nobody needs any more.
 *
 * @module
 */
import { deserialize, serialize } from "node:v8";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { JournalEvent, UnitRows } from "./state.ts";

/** Fast rather than small: a block at the head costs 1-3 ms. */
const compression = { level: 1 };

/** The rows of a unit as bytes. */
export function packRows(rows: UnitRows): Uint8Array {
  return deflateRawSync(serialize(rows), compression);
}

/** What {@linkcode packRows} has packed. */
export function unpackRows(bytes: Uint8Array): UnitRows {
  return deserialize(inflateRawSync(bytes)) as UnitRows;
}

/** The units that a journal leaves: inserted and not retracted. */
export function openUnits(events: readonly JournalEvent[]): JournalEvent[] {
  const open: JournalEvent[] = [];
  for (const event of events) {
    if (event.op === "insert") open.push(event);
    else open.pop();
  }
  return open;
}

/** What a journal may forget. */
export interface PruneLimits {
  /** Every sink has taken the events up to this sequence. */
  readonly seq: number;
  /** Units up to this number are final. */
  readonly number: number;
}

/**
 * The events that nobody needs any more: acknowledged by every sink, and
 * final or retracted again. An insert goes together with its retraction, or
 * not at all: a replay that meets only one of the two would leave a sink with
 * orphaned rows.
 */
export function prunable(
  events: readonly JournalEvent[],
  { number, seq }: PruneLimits,
): JournalEvent[] {
  const wanted = new Set<number>();
  const retracted = new Set<number>();
  for (const event of events) {
    if (event.seq > seq) wanted.add(event.rowsOf);
    else if (event.op === "retract") retracted.add(event.rowsOf);
  }
  return events.filter((event) =>
    event.seq <= seq && !wanted.has(event.rowsOf) &&
    (event.number <= number || retracted.has(event.rowsOf))
  );
}
