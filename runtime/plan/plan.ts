/**
 * What a spec will do, as data: its stages, columns, calls, statements and
 * guarantees. Nothing is opened to find out.
 *
 * @module
 */
import type { PlannedCall } from "../component.ts";
import type { Column, Schema } from "../row.ts";
import { stateFile } from "../run/state.ts";
import { callsOf } from "../spec/calls.ts";
import { redactor } from "../spec/secrets.ts";
import {
  connectionsOf,
  type Deliver,
  type Port,
  type SinkStage,
  type SourceStage,
  type Spec,
  type TransformStage,
} from "../spec/spec.ts";
import { type BudgetsPlan, planBudgets } from "./cost.ts";
import {
  type Forecast,
  type ForecastOptions,
  forecastsOf,
  type Range,
} from "./forecast.ts";
import { type LookUpPlan, lookUpsOf } from "./look_ups.ts";
import { normalSpec, type Written } from "./normal_spec.ts";
import { portName, readersOf } from "./port.ts";
import { durationText, sizeText } from "./quantity.ts";

/** What a spec will do. */
export interface Plan {
  readonly name: string;
  readonly file: string;
  readonly description: string | undefined;
  /** Number of inline tests. */
  readonly tests: number;
  /** Where cursors, journal and lease are. */
  readonly state: string;
  /** The specification with its defaults written out. */
  readonly spec: Written;
  readonly sources: readonly SourcePlan[];
  readonly transforms: readonly TransformPlan[];
  readonly sinks: readonly SinkPlan[];
  /** What a range costs; empty when none was asked for. */
  readonly forecasts: readonly Forecast[];
}

/** What every stage has. */
interface StagePlan {
  readonly name: string;
  readonly type: string;
  readonly connection: string | undefined;
}

/** One column of an output or a sink. */
export interface ColumnPlan {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** Whether some stage reads it; false only in a source's outputs. */
  readonly used: boolean;
  readonly doc: string;
}

/** One output of a stage. */
export interface OutputPlan {
  /** As `from:` names it. */
  readonly name: string;
  readonly readers: readonly string[];
  readonly columns: readonly ColumnPlan[];
}

/** What a source will do. */
export interface SourcePlan extends StagePlan {
  /** Whether its units may be replaced later. */
  readonly reorgs: boolean;
  /** The outputs that it reads, and whose units it follows. */
  readonly from: readonly string[];
  readonly follows: string | undefined;
  /** Who keeps the positions when any number of processes share its units. */
  readonly shared: string | undefined;
  readonly rejects: boolean;
  readonly calls: readonly PlannedCall[];
  /** What the calls cost; undefined where nothing limits them. */
  readonly budgets: BudgetsPlan | undefined;
  readonly outputs: readonly OutputPlan[];
}

/** What a transform will do. */
export interface TransformPlan extends StagePlan {
  readonly from: readonly string[];
  readonly rejects: boolean;
  /** What it asks of connections that its source does not use. */
  readonly lookUps: readonly LookUpPlan[];
  readonly outputs: readonly OutputPlan[];
}

/** What a sink will do. */
export interface SinkPlan extends StagePlan {
  readonly from: readonly string[];
  readonly source: string;
  /** The guarantee. */
  readonly delivery: string;
  readonly deliver: Deliver;
  readonly batch: {
    readonly rows: number;
    readonly bytes: string;
    readonly every: string;
  };
  readonly columns: readonly ColumnPlan[];
  /** Statements that create what is missing. */
  readonly ddl: readonly string[];
}

/** Say what a spec will do; with a range, what that costs. */
export function planOf(
  spec: Spec,
  range?: Range,
  options: ForecastOptions = {},
): Plan {
  const { description, file, name, stages, tests } = spec;
  const plan: Plan = {
    name,
    file,
    description,
    tests: tests.length,
    state: statePlan(spec),
    spec: normalSpec(spec),
    sources: stages.filter((stage) => stage.kind === "source")
      .map((stage) => planSource(stage, spec)),
    transforms: stages.filter((stage) => stage.kind === "transform")
      .map((stage) => planTransform(stage, spec)),
    sinks: stages.filter((stage) => stage.kind === "sink")
      .map((stage) => planSink(stage, spec)),
    forecasts: range ? forecastsOf(spec, range, options) : [],
  };
  return withoutSecrets(plan, redactor(spec.secrets)) as Plan;
}

function statePlan({ connections, name, state, stages }: Spec): string {
  const sources = stages.filter((stage) => stage.kind === "source");
  if (sources.every(({ definition }) => definition.shared)) {
    return "none: its sources remember what every sink has stored";
  }
  if (!state) return `in ${stateFile(name)}, for one machine`;
  const type = connections.get(state.connection)?.definition.type;
  return `in connection ${state.connection} (${type}), for machines that ` +
    "take over from each other";
}

function planSource(stage: SourceStage, spec: Spec): SourcePlan {
  const { config, connection, definition, follows, inputs, name } = stage;
  const { outputs, used } = stage;
  const paying = spec.connections.get(connection ?? "");
  const tariffs = paying?.definition.tariffs?.(paying.config) ?? [];
  const madePerDay = paying?.definition.unitsPerDay?.(paying.config);
  const calls = callsOf(stage, {
    stages: spec.stages,
    tariffs,
    unitsPerDay: madePerDay,
  });
  return {
    name,
    type: definition.type,
    connection,
    reorgs: definition.reorgs,
    from: inputs.map((port) => portName(port, spec)),
    follows,
    shared: definition.shared
      ? definition.positions?.(config, spec.name) ?? "the other side"
      : undefined,
    rejects: definition.rejects ?? false,
    calls,
    budgets: paying && planBudgets(calls, {
      tariffs,
      // Whoever follows another source looks at no head of its own.
      follow: follows === undefined
        ? definition.follow?.bind(definition)
        : undefined,
      madePerDay,
    }),
    outputs: Object.entries(outputs).map(([port, schema]) =>
      planOutput({ stage: name, port }, {
        spec,
        columns: planColumns(schema, used.get(port) ?? new Set()),
      })
    ),
  };
}

function planTransform(stage: TransformStage, spec: Spec): TransformPlan {
  const { config, definition, inputs, name, outputs } = stage;
  const { rejects = false } = definition;
  const used = connectionsOf(stage);
  return {
    name,
    type: definition.type,
    connection: used.length > 0 ? used.join(", ") : undefined,
    from: inputs.map((port) => portName(port, spec)),
    rejects: typeof rejects === "function" ? rejects(config) : rejects,
    lookUps: lookUpsOf(stage, spec),
    outputs: Object.entries(outputs).map(([port, schema]) =>
      planOutput({ stage: name, port }, { spec, columns: planColumns(schema) })
    ),
  };
}

function planOutput(
  port: Port,
  options: {
    readonly spec: Spec;
    readonly columns: readonly ColumnPlan[];
  },
): OutputPlan {
  const { columns, spec } = options;
  return {
    name: portName(port, spec),
    readers: readersOf(port, spec),
    columns,
  };
}

function planSink(stage: SinkStage, spec: Spec): SinkPlan {
  const { batch, config, connection, definition, inputs, name } = stage;
  const { deliver, schema, source } = stage;
  return {
    name,
    type: definition.type,
    connection,
    from: inputs.map((port) => portName(port, spec)),
    source,
    delivery: deliveryOf(stage, spec),
    deliver,
    batch: {
      rows: batch.rows,
      bytes: sizeText(batch.bytes),
      every: durationText(batch.every),
    },
    columns: planColumns(schema),
    ddl: definition.ddl?.({
      ...{ config, schema, name },
      pipeline: spec.name,
      connection: spec.connections.get(connection ?? "")?.config,
    }) ?? [],
  };
}

/** What a sink can promise behind its source. */
function deliveryOf(
  { config, definition, source }: SinkStage,
  { stages }: Spec,
): string {
  const shared = stages.some((stage) =>
    stage.kind === "source" && stage.name === source &&
    stage.definition.shared
  );
  if (!shared) return definition.delivery(config);
  return definition.merges
    ? "each row once in the end: what comes again after a crash or when " +
      "processes come and go merges by key"
    : "at least once: rows come again after a crash or when processes come " +
      "and go";
}

function planColumns(
  schema: Schema,
  used?: ReadonlySet<string>,
): readonly ColumnPlan[] {
  return schema.map(({ doc, name, nullable, type }: Column) => ({
    name,
    type,
    nullable: nullable ?? false,
    used: used?.has(name) ?? true,
    doc,
  }));
}

/** A statement or an address may hold a secret as well as a field. */
function withoutSecrets(
  value: unknown,
  redact: (text: string) => string,
): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) {
    return value.map((one) => withoutSecrets(one, redact));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      withoutSecrets(one, redact),
    ]),
  );
}
