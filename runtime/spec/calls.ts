/**
 * The calls that a spec makes for each unit of a source.
 *
 * @module
 */
import type {
  PlannedCall,
  PlannedUpstream,
  Planning,
  StandingCall,
} from "../component.ts";
import type { SourceStage, Spec, Stage, TransformStage } from "./spec.ts";

/** What calls depend on besides their source. */
export type CallsOptions =
  & Pick<Spec, "stages">
  & Pick<Planning, "range" | "tariffs" | "unitsPerDay">;

/**
 * Calls on a source's connection: its own, and those of the transforms behind
 * it that use the same connection.
 */
export function callsOf(
  source: SourceStage,
  options: CallsOptions,
): readonly PlannedCall[] {
  const { connection, name } = source;
  const { stages } = options;
  const calls = [...ownCallsOf(source, options)];
  for (const stage of stages) {
    if (stage.kind !== "transform" || !reads(stage, name, stages)) continue;
    for (const call of connection ? callsOn(connection, stage) : []) {
      // Stages that want the same of a unit share the answer.
      const known = calls.some(({ because, method }) =>
        because === call.because && method === call.method
      );
      if (!known) calls.push(call);
    }
  }
  return calls;
}

/** Calls that a transform makes on a connection for each unit. */
export function callsOn(
  connection: string,
  { config, connections, definition }: TransformStage,
): readonly PlannedCall[] {
  const fields = Object.entries(connections)
    .flatMap(([field, name]) => name === connection ? [field] : []);
  return definition.calls?.(new Set(fields), config) ?? [];
}

/** The sources that the rows of a stage come from. */
export function sourcesOf(
  stage: Stage,
  stages: readonly Stage[],
): readonly SourceStage[] {
  return stages.filter((one) => one.kind === "source")
    .filter(({ name }) => reads(stage, name, stages));
}

/** Calls that a source makes beside those of its units. */
export function standingOf(
  source: SourceStage,
  options: CallsOptions,
): readonly StandingCall[] {
  const { config, definition, used } = source;
  const planning = planningOf(source, options);
  return definition.standing?.(config, used, planning) ?? [];
}

function ownCallsOf(
  source: SourceStage,
  options: CallsOptions,
): readonly PlannedCall[] {
  const { config, definition, used } = source;
  return definition.calls?.(config, used, planningOf(source, options)) ?? [];
}

function planningOf(source: SourceStage, options: CallsOptions): Planning {
  const { stages, ...planning } = options;
  const upstream = stages.find(({ name }) => name === source.follows);
  return {
    ...planning,
    needed: source.needed,
    ...upstream?.kind === "source" && {
      upstream: upstreamOf(source, upstream, options),
    },
  };
}

function upstreamOf(
  { inputs }: SourceStage,
  upstream: SourceStage,
  options: CallsOptions,
): PlannedUpstream {
  const { config, definition, name } = upstream;
  const ports = definition.everyUnit?.(config) ?? [];
  return {
    calls: ownCallsOf(upstream, options),
    density: definition.density?.(config, planningOf(upstream, options)) ?? 1,
    everyUnit: new Set(
      inputs.filter(({ port, stage }) => stage === name && ports.includes(port))
        .map(({ field }) => field),
    ),
  };
}

/** Whether a stage's rows come from a source. */
function reads(
  stage: Stage,
  ...[source, stages]: readonly [string, readonly Stage[]]
): boolean {
  if (stage.kind === "source") return stage.name === source;
  return stage.inputs.some((port) => {
    const found = stages.find(({ name }) => name === port.stage);
    return found !== undefined && reads(found, source, stages);
  });
}
