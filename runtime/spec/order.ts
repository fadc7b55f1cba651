/**
 * The order of stages: each behind the stages that it reads.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import type { Reference } from "./wiring.ts";

/** Stages in order, and those that read themselves through others. */
export interface Order {
  readonly ordered: readonly Draft[];
  /** Each circle of names, starting with the first in the file. */
  readonly circles: readonly (readonly Draft[])[];
}

/** How stages hang together. */
export interface OrderOptions {
  readonly named: ReadonlyMap<string, Draft>;
  readonly references: ReadonlyMap<Draft, readonly Reference[]>;
}

/** Sort stages topologically; stages without a relation stay as written. */
export function orderStages(
  stages: readonly Draft[],
  { named, references }: OrderOptions,
): Order {
  const ordered = new Set<Draft>();
  const circles: Draft[][] = [];
  const under: Draft[] = [];

  function visit(stage: Draft): void {
    if (ordered.has(stage)) return;
    const start = under.indexOf(stage);
    if (start >= 0) {
      circles.push(under.slice(start));
      return;
    }
    under.push(stage);
    for (const { stage: name } of references.get(stage) ?? []) {
      const next = named.get(name);
      // A sink gives nothing: reading one is another mistake.
      if (next && next.kind !== "sink") visit(next);
    }
    under.pop();
    ordered.add(stage);
  }

  for (const stage of stages) visit(stage);
  return { ordered: [...ordered], circles };
}
