/**
 * A source: yields units in order and resumes after a position.
 *
 * @module
 */
import type { Reject } from "../errors.ts";
import type { Op, Position, Schema, Unit } from "../row.ts";
import type { Memory } from "../run/memory.ts";
import type { Config, Fields } from "../spec/field.ts";
import type { Needed, Predicate } from "../spec/predicate.ts";
import type { Connected } from "./connected.ts";
import type { AccountTariff, ConnectionDefinition } from "./connection.ts";
import type { CheckContext, Definition, OpenContext } from "./definition.ts";

/** Columns in use by port: a source need not produce any other. */
export type Used = ReadonlyMap<string, ReadonlySet<string>>;

/** One remote call that a source makes for a unit. */
export interface PlannedCall {
  readonly method: string;
  /** Calls per unit: 1, or a fraction when one call serves several. */
  readonly perUnit: number;
  /** Calls per unit at the head, where that is another number. */
  readonly atHead?: number;
  /** What needs it, for `plan`: "receipt_* of chain.transactions". */
  readonly because: string;
  /**
   * What was taken for granted where only the other side knows, for `plan`:
   * "each covers 1000 blocks".
   */
  readonly assumes?: string;
}

/** What decides which calls a source makes, besides its columns. */
export interface Planning {
  /** Rows that some stage needs. */
  readonly needed: Needed;
  /** Who may be asked, and at what price; none: nobody counts. */
  readonly tariffs: readonly AccountTariff[];
  /** Units that the other side makes in a day, where that is known. */
  readonly unitsPerDay?: number | undefined;
  /** Which units will be read; absent: nobody knows. */
  readonly range?: PlannedRange | undefined;
  /** The source that it follows; absent: none. */
  readonly upstream?: PlannedUpstream | undefined;
}

/** Units that will be read. */
export interface PlannedRange {
  /** First and last unit, both inclusive. */
  readonly from: number;
  readonly to: number;
  /** Whether all of them stay for ever. */
  readonly isSettled: boolean;
}

/** What is known of a source that is followed. */
export interface PlannedUpstream {
  readonly calls: readonly PlannedCall[];
  /** Units that it makes of a number on average: 1, or fewer. */
  readonly density: number;
  /** Fields that name an output with one row in each of its units. */
  readonly everyUnit: ReadonlySet<string>;
}

/** How a source learns of new units. */
export interface FollowPlan {
  /** "pushed" or "polled". */
  readonly how: string;
  /** What that takes for each unit, beside the calls of the unit. */
  readonly calls: readonly PlannedCall[];
}

/** Calls that a run makes however many units it reads. */
export interface StandingCall {
  readonly method: string;
  /** How many at the start. */
  readonly times: number;
  /** One more whenever it has read for so long, milliseconds. */
  readonly every?: number;
}

/** A field of a source that may name an output of another stage. */
export interface InputField {
  /** Where the name stands: `every.on`. */
  readonly path: readonly [field: string, ...members: string[]];
  /**
   * Whether a column follows the output, and members of it where it is json:
   * `pairs.decoded.args.pair`.
   */
  readonly column?: boolean;
}

/** A source: yields units in order and resumes after a position. */
export interface SourceDefinition<F extends Fields, C extends Connected>
  extends Definition<F> {
  readonly kind: "source";
  readonly connection?: ConnectionDefinition<Fields, C>;
  /** Its units may be replaced later, so they carry `parent`. */
  readonly reorgs: boolean;
  /**
   * Fields that decide which rows there are and what is in them; absent: all
   * of them do. Where one changes, units that may still be replaced are.
   */
  readonly shaping?: readonly string[];
  /**
   * The other side divides the units among all processes of the pipeline and
   * remembers what was acknowledged, as a consumer group does: such a
   * pipeline keeps no cursors, and any number of processes may run it.
   */
  readonly shared?: boolean;
  /**
   * Fields that may name an output of another stage, each in a field of its
   * own. Where one does, the source makes no units: it follows those of the
   * source that the rows come from, and adds its rows to them.
   */
  readonly inputs?: readonly InputField[];
  /** The columns that it needs of the rows of a field in `inputs`. */
  uses?(config: Config<F>, field: string): Iterable<string>;
  /** The rows that it needs of them; undefined: all. */
  needs?(config: Config<F>, field: string): Predicate | undefined;
  /** Whether it can reject what it reads, so that `errors` should be read. */
  readonly rejects?: boolean;
  /** Where a shared source's positions are: `consumer group "decode"`. */
  positions?(config: Config<F>, pipeline: string): string;
  check?(context: CheckContext<F>): void;
  /** The ports that the config switches on, with all of their columns. */
  outputs(config: Config<F>): Readonly<Record<string, Schema>>;
  /** The calls per unit for the columns in use. */
  calls?(
    config: Config<F>,
    used: Used,
    planning: Planning,
  ): readonly PlannedCall[];
  /**
   * Whether its first call of a range shows what its connection would ask for
   * first, when that has one key.
   */
  identifies?(used: Used): boolean;
  /** Units that it makes of a number on average; 1 when absent. */
  density?(config: Config<F>, planning: Planning): number;
  /** Its ports with one row in each unit. */
  everyUnit?(config: Config<F>): readonly string[];
  /** How it would follow the other side's end with this account alone. */
  follow?(tariff: AccountTariff): FollowPlan;
  /** The calls beside those of its units, for the forecast of `plan`. */
  standing?(
    config: Config<F>,
    used: Used,
    planning: Planning,
  ): readonly StandingCall[];
  open(
    config: Config<F>,
    context: SourceContext<C>,
  ): Promise<OpenSource> | OpenSource;
}

/** What an opening source gets. */
export interface SourceContext<C> extends OpenContext {
  readonly connection: C;
  readonly used: Used;
  /** What it remembers between runs. */
  readonly memory: Memory;
  /** Rows that some stage needs; absent: all rows of all ports. */
  readonly needed?: Needed;
  /**
   * The source that it follows, when a field names an output: every unit has
   * the rows of that output under the field's name. It must yield each unit
   * once, in order, with rows of its own.
   */
  readonly upstream?: OpenSource;
}

/** How far the other side is. */
export interface Head {
  readonly latest: number;
  readonly safe?: number;
  readonly finalized?: number;
}

/** From where to where a source reads. */
export interface ReadOptions {
  /** Continue behind this unit; absent on a first run. */
  readonly after: Position | undefined;
  /** On a first run start here instead of at the configured `start`. */
  readonly from: number | undefined;
  /** Last position to read, inclusive; absent: follow for ever. */
  readonly to: number | undefined;
  /** Aborted when no more units are wanted. */
  readonly signal: AbortSignal;
  /**
   * Call it when the head was seen and the units that were taken are certainly
   * on its chain: up to `finalized` they stay for ever then.
   */
  onHead(head: Head): void;
}

/** An open source. */
export interface OpenSource {
  /**
   * Yield every unit in order. A unit's `parent` may differ from the id of
   * the unit before it: the runtime notices, finds the common ancestor and
   * reads again behind that. `"fork"` says that the last unit yielded (or
   * `after`) is no longer canonical although no later unit exists yet.
   */
  read(options: ReadOptions): AsyncIterable<SourceUnit | "fork">;
  /**
   * The canonical id at a position, or undefined when the chain does not
   * reach it (any more). Needed when `reorgs` is true.
   *
   * @throws the signal's reason when it is aborted first.
   */
  identify?(number: number, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Every sink has stored the next `units` units, in the order in which they
   * were yielded. Only of a shared source, which tells the other side.
   */
  acknowledge?(units: number): void;
  [Symbol.asyncDispose]?(): Promise<void>;
}

/** A unit as a source yields it. */
export interface SourceUnit extends Unit {
  /** Whether it could not be replaced any more when it was asked for. */
  readonly final: boolean;
  /** What a shared source passes on from whoever fed it; else "insert". */
  readonly op?: Op;
  /** As `UnitInfo` has it; what a shared source passes on, else absent. */
  readonly version?: number;
  /**
   * What could not be made a row, only of a shared source; `row` is all that
   * is known of it.
   */
  readonly rejects?: readonly Reject[];
}

/** Define a source. */
export function defineSource<
  F extends Fields,
  C extends Connected = Connected,
>(
  definition: Omit<SourceDefinition<F, C>, "kind">,
): SourceDefinition<F, C> {
  return { kind: "source", ...definition };
}
