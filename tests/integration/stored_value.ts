/**
 * What a store gives back, as the canonical value that went in.
 *
 * @module
 */
import {
  type ColumnType,
  elementOf,
  type Row,
  type Schema,
  type Value,
} from "../../runtime/component.ts";
import type { StoredRow } from "./truth.ts";

/** A stored row as the port had it; columns of the store's own are dropped. */
export function canonicalRow(schema: Schema, stored: StoredRow): Row {
  return Object.fromEntries(
    schema.map(({ name, type }) => [name, canonicalValue(type, stored[name])]),
  );
}

function canonicalValue(type: ColumnType, value: unknown): Value {
  if (value === null || value === undefined) return null;
  const element = elementOf(type);
  if (element !== undefined) {
    return (value as unknown[]).map((one) => canonicalValue(element, one));
  }
  switch (type) {
    case "bool":
      return value === true || value === 1;
    case "uint8":
    case "uint32":
    case "float64":
      return Number(value);
    case "uint64":
    case "int64": {
      const whole = BigInt(value as string);
      return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
    }
    case "uint256":
    case "int256":
      return BigInt(String(value));
    case "timestamp":
      return timeOf(value);
    case "json":
      return typeof value === "string" ? JSON.parse(value) : value as Value;
    default:
      return String(value);
  }
}

/** A date, RFC 3339, or `2026-01-01 00:00:00.000` in UTC. */
function timeOf(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  const text = String(value);
  return Date.parse(text.includes("T") ? text : `${text.replace(" ", "T")}Z`);
}
