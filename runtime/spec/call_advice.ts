/**
 * Warnings about the calls that a spec will make.
 *
 * @module
 */
import { callsOf } from "./calls.ts";
import type { Draft } from "./draft.ts";
import type { Spec } from "./spec.ts";

/** Let each connection look at the calls that sources will make on it. */
export function adviseOnCalls(
  { connections, stages }: Spec,
  drafts: ReadonlyMap<string, Draft>,
): void {
  for (const { config, definition, name } of connections.values()) {
    const draft = drafts.get(name);
    if (!draft || !definition.advise) continue;
    const tariffs = definition.tariffs?.(config) ?? [];
    const calls = stages.flatMap((stage) => {
      if (stage.kind !== "source" || stage.connection !== name) return [];
      return callsOf(stage, { stages, tariffs });
    });
    definition.advise({ config, place: draft.place, calls });
  }
}
