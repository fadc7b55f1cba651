/**
 * Fields that a node returns and no column holds: reported once, kept as
 * they are.
 *
 * @module
 */
import type { Logger, Row, Value } from "../../../runtime/component.ts";

/** An object as a node returned it. */
export type Raw = { readonly [field: string]: unknown };

// Objects of a kind have few shapes: as many as transaction types and nodes.
const SHAPES = 16;

/** Finds the fields that are not known. */
export class Extra {
  readonly #kind: string;
  readonly #known: ReadonlySet<string>;
  readonly #log: Logger;
  readonly #reported = new Set<string>();
  /** Field lists without an unknown one: comparing is faster than looking up. */
  readonly #shapes: string[][] = [];

  constructor(kind: string, known: Iterable<string>, log: Logger) {
    this.#kind = kind;
    this.#known = new Set(known);
    this.#log = log;
  }

  /** The fields of `raw` that have no column, or null. */
  of(raw: Raw): Value {
    const names = Object.keys(raw);
    for (const shape of this.#shapes) {
      if (same(shape, names)) return null;
    }
    const unknown = names.filter((name) => !this.#known.has(name));
    if (unknown.length === 0) {
      if (this.#shapes.length === SHAPES) this.#shapes.pop();
      this.#shapes.unshift(names);
      return null;
    }
    for (const name of unknown) this.#report(name);
    return Object.fromEntries(
      unknown.map((name) => [name, raw[name] as Value]),
    );
  }

  #report(field: string): void {
    if (this.#reported.has(field)) return;
    this.#reported.add(field);
    this.#log.info("The node returns a field without a column", {
      kind: this.#kind,
      field,
      kept_in: this.#kind === "receipt" ? "receipt_extra" : "extra",
    });
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}

/**
 * Some fields repeat what another one says. Such a field is kept only where
 * it says something else, as on chains with rules of their own.
 */
export function withDiffering(
  extra: Value,
  raw: Raw,
  ...[field, expected]: readonly [field: string, expected: unknown]
): Value {
  const value = raw[field];
  if (value === expected || value === undefined || value === null) return extra;
  const same = String(value).toLowerCase() ===
    String(expected ?? "").toLowerCase();
  return same ? extra : { ...(extra as Row | null), [field]: value as Value };
}
