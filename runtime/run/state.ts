/**
 * What a pipeline remembers between runs: cursors, journal, lease.
 *
 * @module
 */
import type { Op, Position, Row } from "../row.ts";
import type { SinkState } from "../component.ts";
import type { Reading } from "./reading.ts";

/** The state file of a pipeline, relative to the working directory. */
export function stateFile(pipeline: string): string {
  return `.sluice/${pipeline}.db`;
}

/** What a sink has acknowledged, and what it was about to write. */
export interface Cursor {
  readonly sink: string;
  readonly source: string;
  /** The unit that the sink's rows end with; undefined before the first. */
  readonly at: Position | undefined;
  /** Sequence of the last journal event that the sink has taken. */
  readonly seq: number;
  /** Version of rows that were final when they came: see `UnitInfo`. */
  readonly base: number;
  /** What the sink's last write returned. */
  readonly state: SinkState | undefined;
  /** End of a write that may have happened; the first write of the next run
   * ends there too, so that a store recognises it. */
  readonly pending: Mark | undefined;
}

/** The end of a write. */
export interface Mark extends Position {
  readonly op: Op;
  /** Journal sequence; 0 for a unit that was final when it came. */
  readonly seq: number;
}

/** One event of the journal, without its rows. */
export interface JournalEvent extends Position {
  readonly seq: number;
  readonly op: Op;
  readonly parent: string | undefined;
  /** See `Unit`. */
  readonly after?: number | undefined;
  readonly time: number;
  /** Sequence of the insert whose rows these are; its own for an insert. */
  readonly rowsOf: number;
}

/** Rows by port, as the journal keeps them. */
export type UnitRows = Readonly<Record<string, readonly Row[]>>;

/** Who runs the pipeline now. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/**
 * A pipeline's memory. Every write is refused with a {@linkcode FencedError}
 * once another process has taken the lease, whatever the clocks say.
 *
 * A store that is away for a while throws {@linkcode RetryableError}; nothing
 * is assumed stored then, and the same call may come again.
 */
export interface StateStore extends AsyncDisposable {
  /**
   * Take the lease, or return who holds it. The holder renews it; whoever
   * comes after it gets a higher fencing token.
   */
  acquire(): Promise<Owner | undefined>;
  /**
   * Prolong the lease.
   *
   * @throws {FencedError} when another process has taken it.
   */
  renew(): Promise<void>;
  /**
   * For how many milliseconds the lease is certainly this process's, by its
   * own clocks; 0 or less when it has run out or was never taken. A process
   * that was stopped learns here, without asking, that others may have begun.
   */
  lasts(): number;

  cursors(): Promise<readonly Cursor[]>;
  saveCursor(cursor: Cursor): Promise<void>;
  /** Forget a sink, a source with its sinks, or everything. */
  reset(what?: { sink?: string; source?: string }): Promise<void>;
  /** Give a sink's or source's records a new name. */
  rename(kind: "sink" | "source", from: string, to: string): Promise<void>;

  /** Position before the first unit that the source ever yielded. */
  origin(source: string): Promise<number | undefined>;
  saveOrigin(source: string, number: number): Promise<void>;

  /** What the rows in the journal of a source were made for. */
  reading(source: string): Promise<Reading | undefined>;
  saveReading(source: string, reading: Reading): Promise<void>;

  /** All events of a source, in the order of their sequences. */
  journal(source: string): Promise<readonly JournalEvent[]>;
  append(source: string, event: JournalEvent, rows?: UnitRows): Promise<void>;
  /** The rows of an insert that is in the journal. */
  rows(source: string, seq: number): Promise<UnitRows>;
  /**
   * Drop what nobody needs: events at or below `seq` of units at or below
   * `number` or of units that were retracted again. An insert goes together
   * with its retraction, or not at all: see {@linkcode prunable}.
   */
  prune(source: string, limits: { seq: number; number: number }): Promise<void>;
}

/** Another process runs the pipeline now: this one must not write. */
export class FencedError extends Error {
  override name = "FencedError";
}
