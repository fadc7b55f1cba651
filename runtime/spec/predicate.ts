/**
 * What rows a stage needs, as far as it can be said by lists of values: a
 * source that can ask for some rows only is told by it which.
 *
 * A predicate may let more rows through than are needed, and never fewer.
 *
 * @module
 */
import type { Value } from "../row.ts";

/**
 * Values by column, of which a row has one in every column that is listed.
 * `topics.0` is the first element of a list column, `topics.*` any of them.
 */
export type Term = ReadonlyMap<string, ReadonlySet<Value>>;

/** Terms of which one holds; without a term no row is needed. */
export type Predicate = readonly Term[];

/** Rows that matter, by port; a port that is left out: all of its rows. */
export type Needed = ReadonlyMap<string, Predicate>;

// Beyond this many alternatives nothing is gained any more.
const MOST_TERMS = 64;

/** Rows that one of two predicates needs; undefined: all rows. */
export function either(
  a: Predicate | undefined,
  b: Predicate | undefined,
): Predicate | undefined {
  return a && b && [...a, ...b];
}

/** Rows that both of two predicates need; undefined: all rows. */
export function both(
  a: Predicate | undefined,
  b: Predicate | undefined,
): Predicate | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.length * b.length > MOST_TERMS) return a.length < b.length ? a : b;
  return a.flatMap((one) =>
    b.flatMap((other) => {
      const term = joined(one, other);
      return term ? [term] : [];
    })
  );
}

/** Both terms at once; undefined when no row can be so. */
function joined(a: Term, b: Term): Term | undefined {
  const term = new Map(a);
  for (const [column, values] of b) {
    const known = term.get(column);
    if (known === undefined) term.set(column, values);
    // Two elements of a list may answer to two conditions.
    else if (!column.endsWith(".*")) {
      const common = known.intersection(values);
      if (common.size === 0) return undefined;
      term.set(column, common);
    }
  }
  return term;
}
