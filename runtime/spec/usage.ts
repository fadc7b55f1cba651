/**
 * Which columns are used and which rows are needed: from the sinks back to
 * the sources.
 *
 * @module
 */
import type { Used } from "../component.ts";
import { either, type Needed, type Predicate } from "./predicate.ts";
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
    if (stage.kind === "source") {
      const { config, definition, inputs } = stage;
      if (!used.has(stage.name)) continue;
      for (const input of inputs) {
        use([input], definition.uses?.(config, input.field) ?? []);
      }
    } else if (stage.kind === "sink") {
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

/** Rows that matter by port, for every stage that leads to a sink. */
export function neededRows(
  stages: readonly Stage[],
  { folder, used }: {
    readonly folder: string;
    readonly used: ReadonlyMap<string, Used>;
  },
): ReadonlyMap<string, Needed> {
  const needed = new Map<string, Map<string, Predicate | undefined>>();

  function need(inputs: readonly Port[], rows: Predicate | undefined): void {
    for (const { port, stage } of inputs) {
      const ports = needed.get(stage) ?? new Map();
      needed.set(stage, ports);
      ports.set(port, ports.has(port) ? either(ports.get(port), rows) : rows);
    }
  }

  for (const stage of stages) {
    if (stage.kind === "sink") need(stage.inputs, undefined);
    const own = used.get(stage.name);
    if (stage.kind === "source" && own) {
      const { config, definition, inputs } = stage;
      for (const input of inputs) {
        need([input], definition.needs?.(config, input.field));
      }
    }
    // A transform that nothing reads is left out of the run.
    if (stage.kind !== "transform" || !own) continue;
    const { config, definition, input, inputs } = stage;
    const connections = new Set(Object.keys(stage.connections));
    const shape = { config, connections, folder, input };
    need(inputs, definition.needs?.(shape, own));
  }
  return new Map([...needed].map(([stage, ports]) => {
    const some = [...ports].flatMap(([port, rows]) =>
      rows ? [[port, rows] as const] : []
    );
    return [stage, new Map(some)];
  }));
}
