/**
 * What a reader tells the lanes: units that come and units that go.
 *
 * @module
 */
import type { Reject } from "../errors.ts";
import type { Op, Position } from "../row.ts";
import type { UnitRows } from "./state.ts";

/** One event of a source, in the order in which sinks must take it. */
export interface UnitEvent extends Position {
  readonly op: Op;
  /** Id of the unit before it, where the source knows. */
  readonly parent: string | undefined;
  /** See `Unit`. */
  readonly after?: number | undefined;
  readonly time: number;
  /** See `UnitInfo`. */
  readonly part?: number;
  /** Sequence in the journal; 0 for a unit that was final when it came. */
  readonly seq: number;
  /** See `UnitInfo`; above every event that came before. */
  readonly version: number;
  /** What the source itself could not make a row of. */
  readonly rejects?: readonly Reject[];
  /** The unit's rows by port. */
  rows(): UnitRows | Promise<UnitRows>;
  /** The same rows out of the journal: holds nothing in memory (seq > 0). */
  stored(): Promise<UnitRows>;
}

/** What a sink has, as far as the reader must know. */
export interface Progress {
  /** Its last unit; undefined when it has none yet. */
  readonly at: Position | undefined;
  /** Its last journal event. */
  readonly seq: number;
}

/** From where to where, and for whom. */
export interface EventOptions {
  /** Where each sink stands. */
  readonly sinks: readonly Progress[];
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Aborted when no more events are wanted. */
  readonly signal: AbortSignal;
}
