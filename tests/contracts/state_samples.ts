/**
 * Cursors, journals and rows for tests of state stores.
 *
 * @module
 */
import type { Cursor, JournalEvent, Reading } from "../../runtime/component.ts";

/** An event that inserts a unit. */
export function insert(seq: number, number: number): JournalEvent {
  const id = `id${seq}`;
  const parent = seq % 2 === 0 ? undefined : `id${seq - 1}`;
  // Some follow a unit further back: a source may leave numbers out.
  const gap = seq % 3 === 0 ? { after: number - 3 } : {};
  return {
    ...{ seq, number, id, parent, time: 7, rowsOf: seq },
    ...gap,
    op: "insert",
  };
}

/** An event that retracts one. */
export function retract(seq: number, of: JournalEvent): JournalEvent {
  return { ...of, seq, op: "retract" };
}

/** A cursor of a sink. */
export function cursorOf(
  sink: string,
  more: Partial<Cursor> = {},
): Cursor {
  return {
    sink,
    source: "chain",
    at: undefined,
    seq: 0,
    base: 1,
    state: undefined,
    pending: undefined,
    ...more,
  };
}

/** Rows of a unit with every kind of value. */
export const everyValue = {
  logs: [{
    value: 2n ** 256n - 1n,
    nonce: 2 ** 53 - 1,
    data: "0x",
    to: null,
    topics: ["0xaa", "0xbb"],
    args: { path: [{ amount: "1" }] },
    flag: true,
  }],
  blocks: [],
};

/** A journal of inserts and retractions of the newest open unit. */
export function journalOf(steps: readonly number[]): JournalEvent[] {
  const events: JournalEvent[] = [];
  const open: JournalEvent[] = [];
  for (const [index, step] of steps.entries()) {
    const seq = index + 1;
    const last = open.at(-1);
    const event = step < 2 && last
      ? retract(seq, last)
      : insert(seq, (last?.number ?? 0) + 1);
    events.push(event);
    if (event.op === "retract") open.pop();
    else open.push(event);
  }
  return events;
}

/** Without what is undefined: a store may leave it out. */
export function plain(cursors: readonly Cursor[]): unknown {
  return JSON.parse(JSON.stringify(cursors));
}

/** What rows were made for. */
export const reading: Reading = {
  stages: { "": '["evm.chain",[],[]]' },
  used: { ".blocks": ["hash", "number"] },
  needed: { ".logs": "[]" },
};
