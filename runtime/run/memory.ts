/**
 * What a source remembers of the units it has made, such as the last value
 * of each key: kept in the state store, as of any unit that it may have to go
 * back to.
 *
 * @module
 */
import type { Position } from "../row.ts";
import type { Clock } from "./clock.ts";
import type { JournalEvent, StateStore } from "./state.ts";

/** Entries are merged when this many units have some that nobody needs. */
const mergeAt = 64;

/** Entries of one event of a merged memory: a row of a store stays small. */
const entriesAtOnce = 10_000;

/** A unit that something is remembered of. */
export interface RememberedUnit extends Position {
  /** Number of the unit before it: what was remembered between them is of a
   * fork that was abandoned. */
  readonly after: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Entries by key; a key keeps its last one. */
export type Entries = ReadonlyMap<string, string>;

/** What a source remembers. */
export interface Memory {
  /** The last entry of each key in units up to a number. */
  recall(number: number): Promise<Map<string, string>>;
  /**
   * Remember entries of a unit, before it is yielded: a sink that has it
   * after a crash must find its source wiser as well.
   */
  remember(unit: RememberedUnit, entries: Entries): Promise<void>;
}

interface Remembered {
  readonly event: JournalEvent;
  readonly entries: Entries;
}

/** The name under which the state store keeps what a source remembers. */
export function memoryOf(source: string): string {
  // No stage can be called so.
  return `${source}/memory`;
}

/** Keeps what a source remembers as a journal of its own. */
export class SourceMemory implements Memory {
  readonly #name: string;
  readonly #state: StateStore;
  readonly #clock: Clock;
  /** In the order of their units; undefined: not read yet. */
  #known: Remembered[] | undefined;
  #lastSeq = 0;

  constructor(
    source: string,
    { clock, state }: { readonly clock: Clock; readonly state: StateStore },
  ) {
    this.#name = memoryOf(source);
    this.#clock = clock;
    this.#state = state;
  }

  async recall(number: number): Promise<Map<string, string>> {
    const known = await this.#load();
    return merged(known.filter(({ event }) => event.number <= number));
  }

  async remember(unit: RememberedUnit, entries: Entries): Promise<void> {
    const { after, id, number, time } = unit;
    const known = await this.#load();
    const isSame = ({ event }: Remembered) =>
      event.number === number && event.id === id;
    const stale = known.filter((one) =>
      one.event.number > after && one.event.number <= number && !isSame(one)
    );
    for (const { event } of stale.reverse()) {
      const seq = this.#nextSeq();
      await this.#state.append(this.#name, { ...event, op: "retract", seq });
    }
    const kept = known.filter((one) => !stale.includes(one));
    this.#known = kept;
    if (entries.size === 0 || kept.some(isSame)) return;
    const parent = undefined;
    await this.#append({ id, number, parent, time }, entries);
  }

  /** Merge what is remembered of units that no sink goes back to. */
  async compact(number: number): Promise<void> {
    const known = this.#known ?? [];
    const old = known.filter(({ event }) => event.number <= number);
    const last = old.at(-1);
    if (!last || old.length < mergeAt) return;
    const seq = this.#lastSeq;
    const entries = [...merged(old)];
    this.#known = known.filter(({ event }) => event.number > number);
    for (let start = 0; start < entries.length; start += entriesAtOnce) {
      const part = entries.slice(start, start + entriesAtOnce);
      await this.#append(last.event, new Map(part));
    }
    // Both are there until now: the merged entries say the same.
    await this.#state.prune(this.#name, { seq, number });
  }

  async #append(
    unit: Pick<JournalEvent, "id" | "number" | "parent" | "time">,
    entries: Entries,
  ): Promise<void> {
    const { id, number, parent, time } = unit;
    const seq = this.#nextSeq();
    const event: JournalEvent = {
      ...{ id, number, parent, time, seq },
      op: "insert",
      rowsOf: seq,
    };
    const rows = [...entries].map(([key, value]) => ({ key, value }));
    await this.#state.append(this.#name, event, { entries: rows });
    const known = this.#known ??= [];
    const at = known.findLastIndex((one) => one.event.number <= number);
    known.splice(at + 1, 0, { event, entries });
  }

  async #load(): Promise<Remembered[]> {
    if (this.#known) return this.#known;
    const events = await this.#state.journal(this.#name);
    this.#lastSeq = events.at(-1)?.seq ?? 0;
    const gone = new Set(
      events.filter(({ op }) => op === "retract").map(({ rowsOf }) => rowsOf),
    );
    const known: Remembered[] = [];
    for (const event of events) {
      if (gone.has(event.rowsOf)) continue;
      const { entries = [] } = await this.#state.rows(this.#name, event.seq);
      known.push({
        event,
        entries: new Map(
          entries.map(({ key, value }) => [String(key), String(value)]),
        ),
      });
    }
    // Merged entries were written later than those of the units behind them.
    this.#known = known.sort((a, b) =>
      a.event.number - b.event.number || a.event.seq - b.event.seq
    );
    return this.#known;
  }

  #nextSeq(): number {
    this.#lastSeq = Math.max(this.#lastSeq + 1, this.#clock.now());
    return this.#lastSeq;
  }
}

function merged(known: readonly Remembered[]): Map<string, string> {
  return new Map(known.flatMap(({ entries }) => [...entries]));
}
