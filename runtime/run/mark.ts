/**
 * Ends of writes, and whether an event is one or lies behind one.
 *
 * @module
 */
import type { Mark } from "./state.ts";

/**
 * Names the units of a write; a replay of the same units has the same name,
 * and what has no units one of its own.
 */
export function tokenOf(name: string, marks: readonly Mark[]): string {
  const [first, last] = [marks[0], marks.at(-1)];
  const units = first && last
    ? `${markText(first)}-${markText(last)}`
    : crypto.randomUUID();
  return `${name}/${units}`;
}

function markText({ id, number, op, seq }: Mark): string {
  return `${op}:${number}:${id}:${seq}`;
}

/** Whether a mark is the end of an earlier write, or lies behind it. */
export function reaches(mark: Mark, end: Mark): boolean {
  return same(mark, end) ||
    (end.seq > 0 ? mark.seq > end.seq : mark.number > end.number);
}

/** Whether two marks are the same event. */
export function same(a: Mark | undefined, b: Mark): boolean {
  if (a?.number !== b.number || a.op !== b.op) return false;
  // Nobody has asked for the id of a final unit without rows, or everybody.
  if (a.id !== b.id && a.id !== "" && b.id !== "") return false;
  // What was final may be journaled now: the node no longer says so.
  return a.seq === b.seq || a.seq === 0 || b.seq === 0;
}
