/**
 * The calls that a spec makes for each unit of a source.
 *
 * @module
 */
import type { AccountTariff, PlannedCall } from "../component.ts";
import type { SourceStage, Spec, Stage } from "./spec.ts";

/**
 * Calls on a source's connection: its own, and those of the transforms behind
 * it that use the same connection.
 */
export function callsOf(
  source: SourceStage,
  { stages, tariffs }: Pick<Spec, "stages"> & {
    readonly tariffs: readonly AccountTariff[];
  },
): readonly PlannedCall[] {
  const { config, connection, definition, name, needed, used } = source;
  const own = definition.calls?.(config, used, { needed, tariffs }) ?? [];
  const calls = [...own];
  for (const stage of stages) {
    if (stage.kind !== "transform" || !reads(stage, name, stages)) continue;
    const fields = Object.entries(stage.connections)
      .flatMap(([field, name]) => name === connection ? [field] : []);
    for (const call of stage.definition.calls?.(new Set(fields)) ?? []) {
      // Stages that want the same of a unit share the answer.
      const known = calls.some(({ because, method }) =>
        because === call.because && method === call.method
      );
      if (!known) calls.push(call);
    }
  }
  return calls;
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
