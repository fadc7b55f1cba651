/**
 * Checks stages one by one, each behind the stages that it reads.
 *
 * @module
 */
import type {
  BatchLimits,
  SinkDefinition,
  SourceDefinition,
  TransformDefinition,
} from "../component.ts";
import type { Schema } from "../row.ts";
import { commonFields } from "./common_fields.ts";
import { despite, readComponent, runCheck } from "./component_check.ts";
import { connectionFields, connectionNames } from "./connection_fields.ts";
import type { Problems } from "./diagnostics.ts";
import { type Draft, errorsName } from "./draft.ts";
import type { Place } from "./field.ts";
import { orderStages } from "./order.ts";
import { isIncomplete, placeAt } from "./place.ts";
import type { Deliver, Port, SourceInput } from "./spec.ts";
import {
  type Input,
  type Outputs,
  type Reference,
  referencesOf,
  resolveInput,
  withoutColumn,
} from "./wiring.ts";

/** Definitions and configs of any shape. */
// deno-lint-ignore no-explicit-any -- as in the registry
type Any = any;

type StageDefinition =
  | SourceDefinition<Any, Any>
  | TransformDefinition<Any>
  | SinkDefinition<Any, Any, Any>;

/** A stage whose check is over. */
export interface CheckedStage extends Outputs {
  readonly draft: Draft;
  /** Undefined when the stage is broken. */
  readonly config: Any;
  readonly connection: string | undefined;
  /** Of a transform: names of connections by field. */
  readonly connections: Readonly<Record<string, string>>;
  readonly renamedFrom: string | undefined;
  readonly ports: readonly Port[];
  /** What a source reads of other stages. */
  readonly inputs: readonly SourceInput[];
  readonly input: Schema | undefined;
  readonly batch: BatchLimits | undefined;
  readonly deliver: Deliver;
}

/** What checking stages needs. */
export interface StagesOptions {
  readonly problems: Problems;
  readonly folder: string;
  /** Connections by name; undefined when not all of them are known. */
  readonly connections: ReadonlyMap<string, Draft>;
  /** Whether these are all connections that there should be. */
  readonly complete: boolean;
  readonly named: ReadonlyMap<string, Draft>;
}

/** Check every stage; the result is in topological order. */
export function checkStages(
  drafts: readonly Draft[],
  options: StagesOptions,
): CheckedStage[] {
  const references = new Map(
    drafts.map((draft) => [draft, referencesOf(draft)]),
  );
  const { circles, ordered } = orderStages(drafts, {
    named: options.named,
    references,
  });
  reportCircles(circles, references);
  const checked = new Map<string, CheckedStage>();
  return ordered.map((draft) => {
    const stage = checkStage(draft, {
      ...options,
      checked,
      references: references.get(draft) ?? [],
      circular: circles.some((circle) => circle.includes(draft)),
    });
    // Of two stages with one name the first is meant.
    if (options.named.get(draft.name) === draft) {
      checked.set(draft.name, stage);
    }
    return stage;
  });
}

interface StageOptions extends StagesOptions {
  readonly checked: ReadonlyMap<string, CheckedStage>;
  readonly references: readonly Reference[];
  readonly circular: boolean;
}

function checkStage(draft: Draft, options: StageOptions): CheckedStage {
  const { definition, kind, value } = draft;
  const input = inputOf(draft, options);
  const fed = fedOf(draft, options);
  const empty: CheckedStage = {
    draft,
    config: undefined,
    outputs: undefined,
    connection: undefined,
    connections: {},
    renamedFrom: undefined,
    ports: input?.ports ?? [],
    inputs: fed?.inputs ?? [],
    sources: kind === "source"
      ? [fed?.follows ?? draft.name]
      : input?.sources.slice(0, 1) ?? [],
    input: input?.schema,
    batch: undefined,
    deliver: "latest",
  };
  if (!definition || !value || definition.kind === "connection") return empty;

  const { folder, problems } = options;
  const place = placeAt(draft.place.path, {
    source: draft.source,
    problems,
    folder,
    owner: draft.place.owner,
    input: input?.schema,
    ...fed ? { inputs: fed.schemas } : {},
  });
  const fields = {
    common: {
      ...commonFields(definition),
      ...connectionFields(definition, options),
    },
    own: definition.fields,
  };
  const read = readComponent(fields, value, place);
  if ((input && !input.schema) || fed?.broken) return empty;

  const { common, config } = read;
  // What is missing in the environment may be read as an empty text.
  const broken = new Set([
    ...read.broken,
    ...[...draft.written]
      .filter(([, key]) => isIncomplete(place.at(key).path, draft.source))
      .map(([name]) => name),
  ]);
  const shape = { config, input: input?.schema ?? [], name: draft.name };
  if (broken.size > 0) {
    const outputs = despite(
      broken,
      config,
      (config) => outputsOf(definition, { ...shape, config }),
    );
    return { ...empty, outputs };
  }
  const own = proved(definition, shape, place);
  if (!own) return empty;
  return {
    ...empty,
    ...own,
    config,
    batch: own.batch && { ...own.batch, ...common["batch"] as BatchLimits },
    connection: common["connection"] as string | undefined,
    connections: connectionNames(definition, common),
    deliver: (common["deliver"] ?? "latest") as Deliver,
    renamedFrom: common["renamed_from"] as string | undefined,
  };
}

/** What a stage reads; undefined for a source. */
function inputOf(draft: Draft, options: StageOptions): Input | undefined {
  if (draft.kind === "source") return undefined;
  const { circular, references } = options;
  if (circular) return { ports: [], schema: undefined, sources: [] };
  const input = resolveInput(draft, references, options);
  const errors = input.ports.some(({ stage }) => stage === errorsName);
  const sources = errors
    ? [...options.named.values()].filter(({ kind }) => kind === "source")
      .map(({ name }) => name)
    : input.sources;
  const [first, second] = sources;
  const several = first !== undefined && second !== undefined;
  // Columns that differ are the same mistake.
  if (!several || !input.schema) return { ...input, sources };
  const names = sources.map((name) => `"${name}"`).join(" and ");
  const at = references.length > 1 ? references.at(-1) : references[0];
  at?.place.report(
    errors
      ? `"errors" has rows of several sources: ${names}`
      : `"${draft.name}" reads several sources: ${names}`,
    errors
      ? "give each source a spec of its own"
      : `write one ${draft.kind} for each source`,
  );
  return { ...input, schema: undefined, sources: [first] };
}

/** What a source reads of other stages. */
interface Fed {
  readonly inputs: readonly SourceInput[];
  readonly follows: string | undefined;
  /** Columns by field. */
  readonly schemas: ReadonlyMap<string, Schema>;
  /** Whether something about it was reported. */
  readonly broken: boolean;
}

/** What a source reads; undefined when it reads nothing, as a rule. */
function fedOf(draft: Draft, options: StageOptions): Fed | undefined {
  const { checked, circular, named, references } = options;
  if (draft.kind !== "source" || references.length === 0) return undefined;
  const none = { inputs: [], schemas: new Map(), follows: undefined };
  if (circular) return { ...none, broken: true };
  const read = references.map((reference) => ({
    reference,
    input: resolveInput(draft, [withoutColumn(reference, checked)], {
      checked,
      named,
    }),
  }));
  const sources = [...new Set(read.flatMap(({ input }) => input.sources))];
  const [follows, second] = sources;
  const at = references.at(-1)?.place;
  if (second !== undefined) {
    const names = sources.map((name) => `"${name}"`).join(" and ");
    at?.report(
      `"${draft.name}" reads several sources: ${names}`,
      "all that it reads must come from one",
    );
  }
  const shared = named.get(follows ?? "")?.definition;
  const isShared = shared?.kind === "source" && shared.shared === true;
  if (isShared) {
    at?.report(
      `"${draft.name}" cannot follow "${follows}", which any number of ` +
        "processes read",
      "read the chain itself",
    );
  }
  return {
    follows,
    inputs: read.flatMap(({ input, reference: { field = "" } }) =>
      input.ports.map((port) => ({ ...port, field }))
    ),
    schemas: new Map(
      read.map(({ input, reference: { field = "" } }) =>
        [field, input.schema ?? []] as const
      ),
    ),
    broken: isShared || second !== undefined ||
      read.some(({ input }) => !input.schema),
  };
}

interface Shape {
  readonly config: Any;
  readonly input: Schema;
  readonly name: string;
}

interface Proved {
  readonly outputs: Readonly<Record<string, Schema>>;
  readonly batch?: BatchLimits;
}

/** Let the component check itself and say what comes out of it. */
function proved(
  definition: StageDefinition,
  shape: Shape,
  place: Place,
): Proved | undefined {
  const { config, input, name } = shape;
  let result: Proved = { outputs: {} };
  const fine = runCheck(place, (place) => {
    switch (definition.kind) {
      case "source":
        definition.check?.({ config, place });
        break;
      case "transform":
        definition.check?.({ config, input, place });
        break;
      case "sink":
        definition.check?.({ config, name, place, schema: input });
    }
  });
  if (!fine) return undefined;
  const known = runCheck(place, () => {
    const outputs = outputsOf(definition, shape);
    result = definition.kind === "sink"
      ? { outputs, batch: definition.batch(config) }
      : { outputs };
  });
  return known ? result : undefined;
}

function outputsOf(
  definition: StageDefinition,
  { config, input }: Shape,
): Readonly<Record<string, Schema>> {
  switch (definition.kind) {
    case "source":
      return definition.outputs(config);
    case "transform":
      return definition.outputs({ config, input });
    case "sink":
      return {};
  }
}

function reportCircles(
  circles: readonly (readonly Draft[])[],
  references: ReadonlyMap<Draft, readonly Reference[]>,
): void {
  for (const circle of circles) {
    const [first] = circle;
    if (!first) continue;
    const names = [...circle, first].map(({ name }) => name).reverse();
    const next = circle[1]?.name ?? first.name;
    const at = references.get(first)?.find(({ stage }) => stage === next);
    (at?.place ?? first.place).report(
      circle.length === 1
        ? `"${first.name}" reads itself`
        : `These stages read each other: ${names.join(" → ")}`,
      "rows flow from sources to sinks: break the circle",
    );
  }
}
