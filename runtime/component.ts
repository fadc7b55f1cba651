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
import type { ConnectionDefinition } from "./component/connection.ts";
import type { SinkDefinition } from "./component/sink.ts";
import type { SourceDefinition } from "./component/source.ts";
import type { TransformDefinition } from "./component/transform.ts";

export * from "./component/connected.ts";
export * from "./component/connection.ts";
export * from "./component/definition.ts";
export * from "./component/sink.ts";
export * from "./component/source.ts";
export * from "./component/transform.ts";
export * from "./row.ts";
export * from "./errors.ts";
export * from "./encode/json.ts";
export { fields, optional } from "./spec/fields.ts";
export type { Match } from "./spec/match.ts";
export { groupIdentity } from "./budget/account.ts";
export { type CallDivision, divideCalls } from "./budget/division.ts";
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
export type { Book, Seen } from "./budget/book.ts";
export type { Facts } from "./budget/facts.ts";
export { type Instant, LeaseClock } from "./run/lease_clock.ts";
export type { Entries, Memory, RememberedUnit } from "./run/memory.ts";
export type { Reading } from "./run/reading.ts";
export {
  type Fact,
  type HourOfKey,
  keptDays,
  type LedgerStore,
  type Place as LedgerPlace,
} from "./budget/ledger_store.ts";
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
} from "./budget/scheduler.ts";
export type {
  Config,
  Field,
  Fields,
  JsonSchema,
  Place,
  ReportOptions,
} from "./spec/field.ts";

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
