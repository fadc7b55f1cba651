/**
 * A sink: encodes rows as they come and writes batches.
 *
 * @module
 */
import type { Row, Schema, UnitInfo } from "../row.ts";
import type { Config, Fields } from "../spec/field.ts";
import type { Connected } from "./connected.ts";
import type { ConnectionDefinition } from "./connection.ts";
import type { CheckContext, Definition, OpenContext } from "./definition.ts";

/** When a sink's rows are written: whichever comes first. */
export interface BatchLimits {
  readonly rows: number;
  readonly bytes: number;
  /** Milliseconds since the first row of the batch arrived. */
  readonly every: number;
}

/** What a sink is checked, planned and opened with. */
export interface SinkShape<F extends Fields> {
  readonly config: Config<F>;
  /** Columns of the rows it gets. */
  readonly schema: Schema;
  readonly name: string;
}

/** What a sink's statements are made from, before anything is opened. */
export interface StatementShape<F extends Fields> extends SinkShape<F> {
  readonly pipeline: string;
  /** The config of its connection, as the fields of that one read it. */
  readonly connection?: Config<Fields>;
}

/** What a sink's migration gets. */
export interface MigrationContext<C> {
  /** The client of its connection. */
  readonly connection: C;
  readonly signal: AbortSignal;
}

/** Something that no statement of the migration changes. */
export interface Refusal {
  /** What differs: the column, what is there, what the spec has. */
  readonly reason: string;
  /** What a person may run by hand instead. */
  readonly statements: readonly string[];
}

/** How what exists differs from what a sink writes to. */
export interface Migration {
  /** Statements that only add, so that running them loses nothing. */
  readonly statements: readonly string[];
  /** While there is one, nothing is applied. */
  readonly refusals: readonly Refusal[];
  /** Run the statements. */
  apply(): Promise<void>;
}

/** A sink: encodes rows as they come and writes batches. */
export interface SinkDefinition<F extends Fields, C extends Connected, T>
  extends Definition<F> {
  readonly kind: "sink";
  readonly connection?: ConnectionDefinition<Fields, C>;
  /** Limits where the spec's `batch:` says nothing. */
  batch(config: Config<F>): BatchLimits;
  /** What it writes to: no two sinks of a spec may share it. */
  target?(config: Config<F>): string;
  /** The guarantee, as `plan` prints it; proved by the contract suite. */
  delivery(config: Config<F>): string;
  /**
   * Whether a row that comes a second time is stored once, because the store
   * merges rows by a key: behind a shared source nothing else can tell.
   */
  readonly merges?: boolean;
  /**
   * Its guarantee needs the state that its writes return, and no other
   * process beside it: it cannot stand behind a shared source.
   */
  readonly alone?: boolean;
  check?(context: CheckContext<F> & SinkShape<F>): void;
  /** Statements that create what is missing, for `plan`. */
  ddl?(shape: StatementShape<F>): readonly string[];
  /**
   * Compare what exists with what it would write to, for the verb `migrate`.
   *
   * @returns undefined when there is nothing yet: opening the sink creates it.
   */
  migrate?(
    shape: SinkShape<F>,
    context: MigrationContext<C>,
  ): Promise<Migration | undefined>;
  open(
    config: Config<F>,
    context: SinkContext<C>,
  ): Promise<OpenSink<T>> | OpenSink<T>;
}

/** Anything JSON that a sink wants back after a restart: a file's length. */
export type SinkState = { readonly [key: string]: unknown };

/** What an opening sink gets. */
export interface SinkContext<C> extends OpenContext {
  readonly connection: C;
  readonly schema: Schema;
  /** What the last acknowledged write returned; undefined on a first run. */
  readonly state: SinkState | undefined;
  /**
   * When its cursor was made: another one after a reset, so that what was
   * stored before it is not taken for what is stored since.
   */
  readonly life?: number;
  /**
   * Its source is a shared one: other processes write to the same place at
   * the same time, and no state comes back after a restart.
   */
  readonly shared?: boolean;
}

/** Encoded rows of one unit. */
export interface Encoded<T> {
  readonly data: T;
  /** Size of the encoded data. */
  readonly bytes: number;
}

/** Encoded rows of one unit on their way into a write. */
export interface Chunk<T> extends Encoded<T> {
  readonly rows: number;
  readonly unit: UnitInfo;
}

/** One write. */
export interface Batch<T> {
  /** In delivery order; units without rows for this sink are left out. */
  readonly chunks: readonly Chunk<T>[];
  readonly rows: number;
  readonly bytes: number;
  /**
   * The same for the same units, in this and any later run: lets a store
   * drop a write that it already has.
   */
  readonly token: string;
  /** Aborted when the run stops at once. */
  readonly signal: AbortSignal;
}

/** An open sink. */
export interface OpenSink<T> {
  /**
   * Encode the rows of one unit. Pure CPU. A row that cannot be encoded
   * goes to `reject`.
   */
  encode(
    rows: readonly Row[],
    unit: UnitInfo,
    reject: (row: Row, reason: string) => void,
  ): Encoded<T>;
  /**
   * Store a batch: resolved means stored; thrown means that nothing is
   * assumed stored, and the same batch comes again. Never called twice at
   * the same time.
   *
   * @returns state that is saved together with the cursor.
   * @throws {RetryableError} try again later.
   * @throws {RejectedError} these rows never, all others are stored.
   */
  write(batch: Batch<T>): Promise<SinkState | void>;
  [Symbol.asyncDispose]?(): Promise<void>;
}

/** Define a sink. */
export function defineSink<
  F extends Fields,
  C extends Connected = Connected,
  T = unknown,
>(
  definition: Omit<SinkDefinition<F, C, T>, "kind">,
): SinkDefinition<F, C, T> {
  return { kind: "sink", ...definition };
}
