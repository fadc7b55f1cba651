/**
 * Which columns are used: from the sinks back to the sources.
 *
 * @module
 */
import type { Used } from "../component.ts";
import type { Port, Stage } from "./spec.ts";

/** Columns in use by port, for every stage that leads to a sink. */
export function usedColumns(
  stages: readonly Stage[],
): ReadonlyMap<string, Used> {
  const used = new Map<string, Map<string, Set<string>>>();

  function use(inputs: readonly Port[], columns: Iterable<string>): void {
    const names = [...columns];
    for (const { port, stage } of inputs) {
      const ports = used.get(stage) ?? new Map<string, Set<string>>();
      used.set(stage, ports);
      const known = ports.get(port) ?? new Set<string>();
      ports.set(port, known);
      for (const name of names) known.add(name);
    }
  }

  for (const stage of stages.toReversed()) {
    if (stage.kind === "sink") {
      use(stage.inputs, stage.schema.map(({ name }) => name));
    } else if (stage.kind === "transform") {
      const own = used.get(stage.name);
      // Nothing reads it: the runtime leaves it out.
      if (!own) continue;
      const { config, definition, input, inputs } = stage;
      const all = input.map(({ name }) => name);
      const wanted = definition.uses?.({ config, input }, own) ?? all;
      const wantedSet = new Set(wanted);
      use(inputs, all.filter((name) => wantedSet.has(name)));
    }
  }
  return used;
}
