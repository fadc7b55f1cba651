/**
 * Whether a value is as a test wants it.
 *
 * @module
 */
import type { Value } from "../row.ts";

/**
 * Whether a value has everything that is wanted. Inside of JSON a map may
 * have more members than are wanted, and an integer may be written either
 * way: decoded arguments hold it as text, a rejected row as it was.
 */
export function covers(value: Value, wanted: Value): boolean {
  if (value === wanted) return true;
  if (value === null || wanted === null) return false;
  if (typeof wanted !== "object" || typeof value !== "object") {
    const integer = typeof value === "bigint" || Number.isInteger(value);
    return integer && String(value) === String(wanted);
  }
  if (isList(value) || isList(wanted)) {
    return isList(value) && isList(wanted) && value.length === wanted.length &&
      wanted.every((one, index) => covers(value[index] ?? null, one));
  }
  return Object.entries(wanted).every(([name, one]) =>
    Object.hasOwn(value, name) && covers(value[name] ?? null, one)
  );
}

// `Array.isArray` does not narrow a readonly list.
function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
