/**
 * Rows as canonical JSON, so that what a store gives back can be compared with
 * what it was given.
 *
 * @module
 */
import {
  type ColumnType,
  elementOf,
  type Row,
  type Schema,
} from "../../runtime/row.ts";

/**
 * A row whose values are JSON: integers as decimal strings, timestamps as
 * milliseconds, everything else as it is.
 */
export type CanonicalRow = { readonly [column: string]: unknown };

/**
 * A row in canonical form, whatever a store's client makes of the values:
 * integers as number, bigint or text; times as milliseconds, `Date` or text;
 * lists and `json` as values or as JSON text. Columns that the schema does not
 * have are left out, columns that the row does not have are null.
 */
export function canonicalRow(
  schema: Schema,
  row: { readonly [column: string]: unknown },
): CanonicalRow {
  return Object.fromEntries(
    schema.map(({ name, type }) => [name, canonical(type, row[name])]),
  );
}

/** Rows in canonical form and in one order. */
export function canonicalRows(
  schema: Schema,
  rows: readonly (Row | { readonly [column: string]: unknown })[],
): CanonicalRow[] {
  return sorted(rows.map((row) => canonicalRow(schema, row)));
}

/** A row with the operation that a log of changes has for it. */
export interface Change {
  readonly op: string;
  readonly row: { readonly [column: string]: unknown };
}

/**
 * What remains when every retraction takes one equal row away.
 *
 * @throws {Error} for a retraction of a row that is not there.
 */
export function netRows(
  schema: Schema,
  changes: readonly Change[],
): CanonicalRow[] {
  const rows = new Map<string, CanonicalRow[]>();
  for (const { op, row } of changes) {
    const canonical = canonicalRow(schema, row);
    const key = JSON.stringify(canonical);
    const same = rows.get(key) ?? [];
    rows.set(key, same);
    if (op === "insert") same.push(canonical);
    else if (op !== "retract") throw new Error(`Unknown operation "${op}"`);
    else if (!same.pop()) throw new Error(`Retracted but not there: ${key}`);
  }
  return sorted([...rows.values()].flat());
}

function canonical(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const element = elementOf(type);
  if (element !== undefined) {
    const list = typeof value === "string" ? JSON.parse(value) : value;
    return Array.from(list, (one) => canonical(element, one));
  }
  switch (type) {
    case "uint8":
    case "uint32":
    case "uint64":
    case "int64":
    case "uint256":
    case "int256":
      return String(value);
    case "timestamp":
      return milliseconds(value);
    case "bool":
      return value === true || value === 1 || value === "true";
    case "float64":
      // JSON has no negative zero.
      return Number(value) + 0;
    case "json":
      return typeof value === "string" ? jsonOf(value) : value;
  }
  return String(value);
}

function milliseconds(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  if (typeof value !== "string") return Number(value);
  if (/^-?\d+$/.test(value)) return Number(value);
  // "2024-03-13 13:55:35.000", as SQL says it, is meant in UTC.
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(value);
  return Date.parse(zoned ? value : `${value.replace(" ", "T")}Z`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Text that is the value itself: the client has parsed it already.
    return text;
  }
}

function sorted(rows: CanonicalRow[]): CanonicalRow[] {
  return rows
    .map((row) => [JSON.stringify(row), row] as const)
    .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
    .map(([, row]) => row);
}
