/**
 * The one door between the runtime and its connectors: four kinds of
 * component, what each gets from the runtime and what it gives back.
 *
 * A component defines itself in one value; the runtime derives its checks,
 * JSON Schema, reference page, `new` template and tests from it. The runtime
 * owns queues, batching, retries, pacing, metrics, acknowledgement and
 * shutdown.
 *
 * @module
 */
import type { Connected, Offer } from "./connected.ts";
import type { Clock } from "./run/clock.ts";
import type { Logger } from "./run/log.ts";
import type { Memory } from "./run/memory.ts";
import type { Metrics } from "./run/metrics.ts";
import type { Cost, Scheduler, Window } from "./run/scheduler.ts";
import type { Reject } from "./errors.ts";
import type { Op, Position, Row, Schema, Unit, UnitInfo } from "./row.ts";
import type { Config, Fields, Place } from "./spec/field.ts";
import type { Needed, Predicate } from "./spec/predicate.ts";

export * from "./connected.ts";
export * from "./row.ts";
export * from "./errors.ts";
export * from "./encode/json.ts";
export { fields, optional } from "./spec/fields.ts";
export type { Match } from "./spec/match.ts";
export { type CallDivision, divideCalls } from "./run/division.ts";
export {
  both,
  either,
  type Needed,
  type Predicate,
  type Term,
} from "./spec/predicate.ts";
export type { Template } from "./spec/template.ts";
export type { Clock } from "./run/clock.ts";
export type { Counter, Gauge, Labels, Metrics } from "./run/metrics.ts";
export type { Level, LogFields, Logger } from "./run/log.ts";
export { packRows, prunable, unpackRows } from "./run/journal.ts";
export type { Book, Seen } from "./run/book.ts";
export { type Instant, LeaseClock } from "./run/lease_clock.ts";
export type { Entries, Memory, RememberedUnit } from "./run/memory.ts";
export {
  type HourOfKey,
  keptDays,
  type LedgerStore,
  type Place as LedgerPlace,
} from "./run/ledger_store.ts";
export {
  type Cursor,
  FencedError,
  type JournalEvent,
  type Mark,
  type Owner,
  type StateStore,
  type UnitRows,
} from "./run/state.ts";
export type {
  Admission,
  Budget,
  BudgetOptions,
  CallRequest,
  Cost,
  Priority,
  Reset,
  Scheduler,
  Window,
  WindowUsage,
} from "./run/scheduler.ts";
export type {
  Config,
  Field,
  Fields,
  JsonSchema,
  Place,
  ReportOptions,
} from "./spec/field.ts";

/** What every component says about itself. */
interface Definition<F extends Fields> {
  /** The name in `type:`. */
  readonly type: string;
  /** One sentence; documentation, editor hover, `new`. */
  readonly summary: string;
  readonly fields: F;
  /** A whole spec that passes `check`. */
  readonly example: string;
}

/** What a component gets when it is checked against its surroundings. */
export interface CheckContext<F extends Fields> {
  readonly config: Config<F>;
  /** The component's own place; `place.at("field").report(…)`. */
  readonly place: Place;
}

/** What every open component gets. */
export interface OpenContext {
  /** The component's name in the spec. */
  readonly name: string;
  readonly pipeline: string;
  /** Folder of the spec file. */
  readonly folder: string;
  /** Aborted when the run stops at once. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** A connection: anything with credentials, a limit or a health check. */
export interface ConnectionDefinition<F extends Fields, C extends Connected>
  extends Definition<F> {
  readonly kind: "connection";
  /**
   * Which of these methods its clients have: a verb opens only the
   * connection that it needs.
   */
  readonly offers?: readonly Offer[];
  check?(context: CheckContext<F>): void;
  /** Warn of calls that a spec will make; `check` has found no mistake. */
  advise?(
    context: CheckContext<F> & { readonly calls: readonly PlannedCall[] },
  ): void;
  /** Who pays for its calls, and with what, for `plan`. */
  tariffs?(config: Config<F>): readonly AccountTariff[];
  /** Units that the other side makes in a day, as far as is known. */
  unitsPerDay?(config: Config<F>): number | undefined;
  /** Open the client. Nothing is sent before `health` or the first use. */
  open(config: Config<F>, context: ConnectionContext): Promise<C> | C;
}

/** A connection of any type. */
// deno-lint-ignore no-explicit-any -- as in the registry
type AnyConnection = ConnectionDefinition<any, any>;

/** Accounts at one provider with the same prices and limits. */
export interface AccountTariff {
  /** As logs and metrics have it: the endpoint's name. */
  readonly name: string;
  /** The price table. */
  readonly plan: string | undefined;
  /** How many accounts there are. */
  readonly accounts: number;
  /** What prices are in: "credits". */
  readonly unit: string;
  /** Limits of each account, with the words for them. */
  readonly windows: readonly (Window & { readonly text: string })[];
  /** Whether prices decide where a call goes, not the order of the accounts. */
  readonly priced?: boolean;
  /** Share of each quota, 0 to 1, that only the head may spend. */
  readonly reserve?: number;
  /** Calls that a run makes with its keys before it reads anything. */
  readonly opening?: readonly StandingCall[];
  /** What a pushed event costs; undefined: it pushes none. */
  readonly push?: Cost | undefined;
  /** What a call costs; undefined when the plan lacks the method. */
  cost(method: string): Cost | undefined;
  /** Most units that one call of a method covers; undefined: nobody says. */
  span?(method: string): number | undefined;
  /** The same accounts on the provider's other plans. */
  alternatives?(): readonly AccountTariff[];
}

/** What an opening connection gets. */
export interface ConnectionContext extends OpenContext {
  readonly scheduler: Scheduler;
}

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
}

/** What decides which calls a source makes, besides its columns. */
export interface Planning {
  /** Rows that some stage needs. */
  readonly needed: Needed;
  /** Who may be asked, and at what price; none: nobody counts. */
  readonly tariffs: readonly AccountTariff[];
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
  /** How it would follow the other side's end with this account alone. */
  follow?(tariff: AccountTariff): FollowPlan;
  /** The calls beside those of its units, for the forecast of `plan`. */
  standing?(config: Config<F>, used: Used): readonly StandingCall[];
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
   * Calls that it makes for each unit on the connections of these fields; what
   * other stages ask for with the same words is asked once.
   */
  calls?(fields: ReadonlySet<string>): readonly PlannedCall[];
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

/** Define a connection. */
export function defineConnection<F extends Fields, C extends Connected>(
  definition: Omit<ConnectionDefinition<F, C>, "kind">,
): ConnectionDefinition<F, C> {
  return { kind: "connection", ...definition };
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

/** Define a transform. */
export function defineTransform<F extends Fields>(
  definition: Omit<TransformDefinition<F>, "kind">,
): TransformDefinition<F> {
  return { kind: "transform", ...definition };
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

/** Any component. */
export type Component =
  // deno-lint-ignore no-explicit-any -- the registry holds every shape
  | ConnectionDefinition<any, any>
  // deno-lint-ignore no-explicit-any -- as above
  | SourceDefinition<any, any>
  // deno-lint-ignore no-explicit-any -- as above
  | TransformDefinition<any>
  // deno-lint-ignore no-explicit-any -- as above
  | SinkDefinition<any, any, any>;

/** Every component that a spec may name. */
export type Registry = readonly Component[];
