// deno-lint-ignore-file no-explicit-any -- definitions of any config type
/**
 * A specification that passed its check: typed, connected, in order.
 *
 * @module
 */
import type {
  BatchLimits,
  ConnectionDefinition,
  SinkDefinition,
  SourceDefinition,
  TransformDefinition,
  Used,
} from "../component.ts";
import type { Span } from "./diagnostics.ts";
import type { Match } from "./match.ts";
import type { Needed } from "./predicate.ts";
import type { Row, Schema } from "../row.ts";

/** One output of a stage; rejected rows are `{ stage: "errors", port: "errors" }`. */
export interface Port {
  readonly stage: string;
  readonly port: string;
}

/** How a port is written in a spec. */
export function portName({ port, stage }: Port): string {
  return stage === "errors" ? stage : `${stage}.${port}`;
}

/** When a sink gets a unit: at once, or when it is that safe. */
export type Deliver =
  | "latest"
  | "safe"
  | "finalized"
  | { readonly confirmations: number };

/** What every checked component has. */
interface Checked<D> {
  readonly name: string;
  readonly definition: D;
  /** The typed config, as `open` wants it. */
  readonly config: any;
  /** The fields as written, interpolated, secrets redacted: for `plan`. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** A checked connection. */
export type Connection = Checked<ConnectionDefinition<any, any>>;

/** An output of another stage that a source reads. */
export interface SourceInput extends Port {
  /** The field that names it. */
  readonly field: string;
}

/** A checked source. */
export interface SourceStage extends Checked<SourceDefinition<any, any>> {
  readonly kind: "source";
  readonly connection: string | undefined;
  readonly outputs: Readonly<Record<string, Schema>>;
  /** What it reads of other stages; empty as a rule. */
  readonly inputs: readonly SourceInput[];
  /** The source whose units it follows, when it reads other stages. */
  readonly follows: string | undefined;
  /** Columns that some stage uses, by port; unused ports are left out. */
  readonly used: Used;
  /** Rows that some stage needs, by port; a port left out: all of them. */
  readonly needed: Needed;
  /** The name it had before, so that its cursors are found. */
  readonly renamedFrom: string | undefined;
}

/** A checked transform. */
export interface TransformStage extends Checked<TransformDefinition<any>> {
  readonly kind: "transform";
  /** Names of connections by the fields that name them. */
  readonly connections: Readonly<Record<string, string>>;
  readonly inputs: readonly Port[];
  readonly input: Schema;
  readonly outputs: Readonly<Record<string, Schema>>;
}

/** A checked sink. */
export interface SinkStage extends Checked<SinkDefinition<any, any, any>> {
  readonly kind: "sink";
  readonly connection: string | undefined;
  readonly inputs: readonly Port[];
  readonly schema: Schema;
  /** The one source that its rows come from. */
  readonly source: string;
  readonly batch: BatchLimits;
  readonly deliver: Deliver;
  readonly renamedFrom: string | undefined;
}

/** Any checked stage. */
export type Stage = SourceStage | TransformStage | SinkStage;

/** One inline test, with full rows in the columns' canonical values. */
export interface SpecTest {
  readonly name: string;
  readonly given: readonly { readonly port: Port; readonly rows: Row[] }[];
  readonly expect: readonly {
    readonly port: Port;
    /** Partial rows: every named column must match. */
    readonly rows: readonly Match[];
    readonly written: readonly unknown[];
    /** Where a failure is shown. */
    readonly span?: Span;
  }[];
}

/** How a running pipeline can be watched. */
export interface Observe {
  /** Address and port of metrics and health: "127.0.0.1:9464". */
  readonly listen: string | undefined;
}

/** Where a pipeline's state is when it is not in a file. */
export interface StatePlace {
  readonly connection: string;
}

/** A specification that passed its check. */
export interface Spec {
  /** Path of the file as the user wrote it. */
  readonly file: string;
  readonly folder: string;
  readonly name: string;
  readonly description: string | undefined;
  /** Only the connections that a stage or the state uses. */
  readonly connections: ReadonlyMap<string, Connection>;
  /** Every stage, each behind the stages that it reads. */
  readonly stages: readonly Stage[];
  readonly tests: readonly SpecTest[];
  /** Absent: a file on this machine. */
  readonly state?: StatePlace;
  readonly observe?: Observe;
  /** Every secret value in the spec: nothing printed may contain one. */
  readonly secrets: readonly string[];
}

/** Columns of the `errors` port. */
export const errorSchema: Schema = [
  { name: "time", type: "timestamp", doc: "Time of the unit, UTC" },
  { name: "stage", type: "string", doc: "Stage that rejected the row" },
  { name: "reason", type: "string", doc: "Why it was rejected" },
  { name: "block_number", type: "uint64", doc: "Position of its unit" },
  { name: "block_hash", type: "string", doc: "Identity of its unit" },
  { name: "row", type: "json", doc: "The row as the stage got it" },
];

/** The connections that a stage uses. */
export function connectionsOf(stage: Stage): readonly string[] {
  if (stage.kind === "transform") return Object.values(stage.connections);
  return stage.connection === undefined ? [] : [stage.connection];
}
