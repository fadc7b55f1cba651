/**
 * Literals of a spec as values of a column's type: `100 ether`, a date, an
 * address.
 *
 * @module
 */
import { type ColumnType, elementOf, type Value } from "../row.ts";
import type { Place } from "./field.ts";
import { isObject, shown } from "./members.ts";
import { readAddress, readHex } from "./hex.ts";
import { readInteger } from "./integer.ts";

/** How strictly a literal must fit its type. */
export interface LiteralOptions {
  /** Hex may have any length: rows of tests, where "0x01" is a fine hash. */
  readonly anyLength?: boolean;
}

/**
 * Read a literal as a value of that type, or report what it should be.
 * `null` is no value of a type: callers decide about it first.
 */
export function readLiteral(
  value: unknown,
  type: ColumnType,
  place: Place,
  options: LiteralOptions = {},
): Value | undefined {
  const element = elementOf(type);
  if (element !== undefined) {
    if (!Array.isArray(value)) return expected("a list", value, place);
    const items = value.map((one, index) =>
      readLiteral(one, element, place.at(index), options)
    );
    return items.every((item) => item !== undefined)
      ? items as Value[]
      : undefined;
  }
  switch (type) {
    case "bool":
      return readBool(value, place);
    case "float64":
      return readFloat(value, place);
    case "address":
    case "hash":
      return options.anyLength
        ? readHex(value, type, place)
        : readAddress(value, type, place);
    case "bytes":
      return readHex(value, type, place);
    case "timestamp":
      return readTimestamp(value, place);
    case "string":
      return typeof value === "string"
        ? value
        : expected("text", value, place, `write "${String(value)}"`);
    case "json":
      return jsonValue(value);
    default:
      return readInteger(value, type, place);
  }
}

/** What a type is called in a message. */
export function typeName(type: ColumnType): string {
  const element = elementOf(type);
  if (element !== undefined) return `a list of ${element}`;
  return names[type] ?? type;
}

const names: Readonly<Record<string, string>> = {
  bool: "true or false",
  float64: "a number",
  address: "an address",
  hash: "a hash",
  bytes: "bytes",
  timestamp: "a time",
  string: "text",
  json: "JSON",
};

function expected(
  what: string,
  value: unknown,
  place: Place,
  hint?: string,
): undefined {
  return place.report(`Expected ${what}, found ${shown(value)}`, hint);
}

function readBool(value: unknown, place: Place): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (place.interpolated && value === "true") return true;
  if (place.interpolated && value === "false") return false;
  return expected("true or false", value, place);
}

function readFloat(value: unknown, place: Place): number | undefined {
  const text = place.interpolated ? String(value).trim() : "";
  const number = text !== "" && Number.isFinite(Number(text))
    ? Number(text)
    : value;
  if (typeof number === "bigint") return Number(number);
  return typeof number === "number"
    ? number
    : expected("a number", value, place);
}

/** A date, or a time with its zone: without one it would be local time. */
const time =
  /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

function readTimestamp(value: unknown, place: Place): number | undefined {
  if (typeof value === "string" && time.test(value)) {
    const instant = Date.parse(value.replace(" ", "T"));
    if (!Number.isNaN(instant)) return instant;
  }
  return expected(
    "a time",
    value,
    place,
    "write it like 2024-01-31 or 2024-01-31T12:00:00Z",
  );
}

/** Integers as decimal strings, as `json` columns hold them. */
function jsonValue(value: unknown): Value {
  if (Array.isArray(value)) return value.map(jsonValue);
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, jsonValue(one)]),
    );
  }
  if (typeof value === "bigint" || Number.isInteger(value)) {
    return String(value);
  }
  return value as Value;
}
