/**
 * Rows from outside (a user's module) become canonical rows, or a reason.
 *
 * @module
 */
import {
  type Column,
  type ColumnType,
  elementOf,
  type Row,
  type ScalarType,
  scalarTypes,
  type Schema,
  type Value,
} from "../row.ts";

/** A canonical row, or why there is none. */
export type Checked =
  | { readonly row: Row; readonly problem?: undefined }
  | { readonly row?: undefined; readonly problem: string };

/** Every type that a column can have. */
export const columnTypes: readonly ColumnType[] = [
  ...scalarTypes,
  ...scalarTypes.map((type) => `list<${type}>` as const),
];

/** JSON nested deeper is taken for a cycle. */
const deepestJson = 100;

/** The years 0000 to 9999: what RFC 3339 can say. */
const times = {
  min: Date.parse("0000-01-01T00:00:00.000Z"),
  max: Date.parse("9999-12-31T23:59:59.999Z"),
};

/**
 * Compile a check: it takes any value and returns the row in canonical form,
 * every column of the schema and in its order, or the first problem with the
 * column, the type it expects and what it found.
 *
 * What is no loss is mended: a number becomes a bigint where the type wants
 * one, and the other way round; hex becomes lowercase, a `Date` a timestamp,
 * a missing value `null` where the column is nullable.
 */
export function checkRow(schema: Schema): (value: unknown) => Checked {
  const build = builder(schema);
  const names = new Set(schema.map(({ name }) => name));
  return (value) => {
    if (!isPlain(value)) {
      return { problem: `Expected a row, found ${found(value)}` };
    }
    const row = build(value);
    for (const column of schema) {
      if (row[column.name] !== undefined) continue;
      return { problem: problem(column, ownOf(value, column.name)) };
    }
    const stranger = Object.keys(value).find((name) => !names.has(name));
    if (stranger === undefined) return { row: row as Row };
    return {
      problem: `Unknown column "${stranger}"; columns: ${
        [...names].join(", ")
      }`,
    };
  };
}

/**
 * Generate what makes a row, with undefined where a value does not fit. One
 * literal for all columns: rows get one shape, and a third of the time goes
 * that adding a column at a time takes.
 */
function builder(
  schema: Schema,
): (value: object) => Readonly<Record<string, Value | undefined>> {
  const readers = schema.map(({ nullable, type }) => {
    const read = readerOf(type);
    const nothing = nullable ? null : undefined;
    return (given: unknown) =>
      given === undefined || given === null ? nothing : read(given);
  });
  const members = schema.map(({ name }, index) => {
    const key = JSON.stringify(name);
    // An object's own: a column may be called "constructor".
    const given = name in Object.prototype
      ? `own(value,${key})`
      : `value[${key}]`;
    return `[${key}]:readers[${index}](${given})`;
  });
  return new Function(
    "readers",
    "own",
    `return (value)=>({${members.join(",")}})`,
  )(readers, ownOf);
}

function ownOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** The canonical value, or undefined when the value does not fit. */
type Reader = (value: unknown) => Value | undefined;

const readers: Record<ScalarType, Reader> = {
  bool: (value) => typeof value === "boolean" ? value : undefined,
  uint8: integer(0n, 2n ** 8n - 1n),
  uint32: integer(0n, 2n ** 32n - 1n),
  uint64: integer(0n, 2n ** 64n - 1n),
  int64: integer(-(2n ** 63n), 2n ** 63n - 1n),
  uint256: bigInteger(0n, 2n ** 256n - 1n),
  int256: bigInteger(-(2n ** 255n), 2n ** 255n - 1n),
  float64: (value) => Number.isFinite(value) ? value as number : undefined,
  address: hex(/^0x[0-9a-fA-F]{40}$/),
  hash: hex(/^0x[0-9a-fA-F]{64}$/),
  bytes: hex(/^0x(?:[0-9a-fA-F]{2})*$/),
  string: (value) => typeof value === "string" ? value : undefined,
  timestamp: readTime,
  json: (value) => readJson(value, 0),
};

function readerOf(type: ColumnType): Reader {
  const element = elementOf(type);
  if (element === undefined) return readers[type as ScalarType];
  return (value) =>
    Array.isArray(value) ? readAll(value, readers[element]) : undefined;
}

/** A number where it is exact, else a bigint. */
function integer(min: bigint, max: bigint): Reader {
  const read = bigInteger(min, max);
  const [low, high] = [Number(min), Number(max)];
  return (value) => {
    if (typeof value === "number") {
      return Number.isSafeInteger(value) && value >= low && value <= high
        ? value
        : undefined;
    }
    const whole = read(value);
    return typeof whole === "bigint" && Number.isSafeInteger(Number(whole))
      ? Number(whole)
      : whole;
  };
}

function bigInteger(min: bigint, max: bigint): Reader {
  return (value) => {
    // A number beyond 2^53 has lost digits already: that is a mistake.
    if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
      return undefined;
    }
    const whole = BigInt(value as number | bigint);
    return whole >= min && whole <= max ? whole : undefined;
  };
}

function hex(pattern: RegExp): Reader {
  return (value) =>
    typeof value === "string" && pattern.test(value)
      ? value.toLowerCase()
      : undefined;
}

function readTime(value: unknown): number | undefined {
  const time = value instanceof Date ? value.getTime() : value;
  return Number.isInteger(time) && (time as number) >= times.min &&
      (time as number) <= times.max
    ? time as number
    : undefined;
}

function readJson(value: unknown, depth: number): Value | undefined {
  if (depth > deepestJson) return undefined;
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "bigint":
      return String(value);
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    return readAll(value, (one) => readJson(one, depth + 1));
  }
  if (!isPlain(value)) return undefined;
  const members: [string, Value][] = [];
  for (const [key, one] of Object.entries(value)) {
    // As JSON.stringify does: a member that is undefined is not there.
    if (one === undefined) continue;
    const read = readJson(one, depth + 1);
    if (read === undefined) return undefined;
    members.push([key, read]);
  }
  return Object.fromEntries(members);
}

function readAll(values: unknown[], read: Reader): Value[] | undefined {
  const all: Value[] = [];
  for (const one of values) {
    const value = read(one);
    if (value === undefined) return undefined;
    all.push(value);
  }
  return all;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function problem({ name, type, nullable }: Column, given: unknown): string {
  const expected = nullable ? `${type} or null` : type;
  return `Column "${name}" expects ${expected}, found ${found(given)}`;
}

/** Text of a value longer than this is cut in a message. */
const longestShown = 80;

/** A value as a message shows it. */
function found(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return name === undefined || name === "Object" ? "a map" : `a ${name}`;
  }
  const text = typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "bigint"
    ? `${value}n`
    : String(value);
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`;
}
