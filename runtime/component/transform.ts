/**
 * A transform: a function of a batch of rows.
 *
 * @module
 */
import type { Row, Schema, UnitInfo } from "../row.ts";
import type { Config, Fields } from "../spec/field.ts";
import type { Predicate } from "../spec/predicate.ts";
import type { AnyConnection, ConnectionContext } from "./connection.ts";
import type { CheckContext, Definition, OpenContext } from "./definition.ts";
import type { PlannedCall, Used } from "./source.ts";

/** What a transform is checked and opened with. */
export interface TransformShape<F extends Fields> {
  readonly config: Config<F>;
  /** Columns of the input. */
  readonly input: Schema;
}

/** What decides which rows a transform needs. */
export interface NeedsShape<F extends Fields> extends TransformShape<F> {
  /** Fields that name a connection, where they are not left out. */
  readonly connections: ReadonlySet<string>;
  /** Folder of the spec file. */
  readonly folder: string;
}

/** A transform: a function of a batch of rows. */
export interface TransformDefinition<F extends Fields> extends Definition<F> {
  readonly kind: "transform";
  /**
   * Connections that it may be given, by the fields that name them: `lookup`.
   * Each may be left out.
   */
  readonly connections?: Readonly<Record<string, AnyConnection>>;
  check?(context: CheckContext<F> & TransformShape<F>): void;
  /** Its ports with their columns; a single output is called `rows`. */
  outputs(shape: TransformShape<F>): Readonly<Record<string, Schema>>;
  /**
   * The input columns that it needs for the output columns in use; absent:
   * all of them.
   */
  uses?(shape: TransformShape<F>, used: Used): Iterable<string>;
  /**
   * Which rows of the input can make a difference to the outputs in use: a
   * source may leave out all others. Absent or undefined: all of them.
   */
  needs?(shape: NeedsShape<F>, used: Used): Predicate | undefined;
  /** Whether it can reject rows, so that `errors` should be read. */
  readonly rejects?: boolean | ((config: Config<F>) => boolean);
  /**
   * Calls that it makes for each unit on the connections of these fields, none
   * for those whose number only the data tell; what other stages ask for with
   * the same words is asked once.
   */
  calls?(
    fields: ReadonlySet<string>,
    config: Config<F>,
  ): readonly PlannedCall[];
  /**
   * Tell in words what a piece of data is, for the verb `decode`.
   *
   * @throws {UserError} when it is none that it knows.
   */
  explain?(input: string, options: ExplainOptions): Promise<string>;
  open(
    config: Config<F>,
    context: TransformContext,
  ): Promise<OpenTransform> | OpenTransform;
}

/** What a transform may use to explain data. */
export interface ExplainOptions {
  /** Files or texts that describe it. */
  readonly abis: readonly string[];
  /** What it is addressed to. */
  readonly to: string | undefined;
  /** Folder of the spec, or the working directory. */
  readonly folder: string;
  /** A client that offers `transactions`. */
  readonly connection: unknown;
  readonly context: ConnectionContext;
}

/** What an opening transform gets. */
export interface TransformContext extends OpenContext {
  /** Clients of the connections that it was given, by their fields. */
  readonly connections: Readonly<Record<string, unknown>>;
  readonly input: Schema;
}

/** Where a transform puts rows: `emit("deploy", row)`. */
export interface Emit {
  (port: string, row: Row): void;
  /** Send the input row to the `errors` port. */
  reject(row: Row, reason: string): void;
}

/** An open transform; the same rows must always give the same result. */
export interface OpenTransform {
  apply(
    rows: readonly Row[],
    emit: Emit,
    unit: UnitInfo,
  ): void | Promise<void>;
  /**
   * Numbers of units in a range whose rows it would make otherwise now, of a
   * transform that has learnt since. Behind it such a unit's retraction gives
   * the rows that it made then, and its insertion the new ones.
   */
  outdated?(
    range: { readonly from: number; readonly to: number },
  ): Promise<readonly number[]>;
  [Symbol.asyncDispose]?(): Promise<void>;
}

/** Define a transform. */
export function defineTransform<F extends Fields>(
  definition: Omit<TransformDefinition<F>, "kind">,
): TransformDefinition<F> {
  return { kind: "transform", ...definition };
}
