/**
 * Equality of canonical values.
 *
 * @module
 */
import type { Value } from "../row.ts";

/** Whether two canonical values are the same, deep inside too. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length &&
      a.every((one, index) => sameValue(one, b[index] ?? null));
  }
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) =>
      Object.hasOwn(b, name) && sameValue(a[name] ?? null, b[name] ?? null)
    );
}

// `Array.isArray` does not narrow a readonly list.
function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
