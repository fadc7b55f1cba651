/**
 * Values of records as rows of declared columns.
 *
 * @module
 */
import {
  type Checked,
  checkRow,
  type ColumnType,
  elementOf,
  type ScalarType,
  type Schema,
} from "../../runtime/component.ts";

/** Makes a row of a record's value, or says what is wrong with it. */
export type ReadValue = (value: Uint8Array) => Checked | Promise<Checked>;

/** Makes a row of named values, whatever else is among them. */
export type ReadMembers = (value: unknown) => Checked;

/**
 * Digits of the longest integer that any column takes: 2^256 has 78, with a
 * sign. Longer texts are not even tried.
 */
const mostDigits = 79;

/** In front of a value that a registry's serializer wrote: zero and an id. */
const wireHeader = 5;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A number with digits that JavaScript might lose. */
const longNumber = /[[:,]\s*-?\d{16}/;

/** Read values that are JSON objects. */
export function jsonReader(schema: Schema): ReadValue {
  const read = memberReader(schema, scalarReaders);
  return (value) => {
    // A registry's serializer puts the id of a JSON Schema in front.
    const json = value[0] === 0 ? value.subarray(wireHeader) : value;
    let parsed: unknown;
    try {
      parsed = parseJson(textOf(json));
    } catch (error) {
      return { problem: `Not JSON: ${(error as Error).message}` };
    }
    return read(parsed);
  };
}

/** The text of bytes; throws where they are none. */
function textOf(bytes: Uint8Array): string {
  const { buffer, byteLength, byteOffset } = bytes;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString();
  // Twice as fast as a decoder that throws; what it could not read it has
  // replaced by this character, which may also have been there.
  return text.includes("\ufffd") ? utf8.decode(bytes) : text;
}

/**
 * Parse JSON without losing a digit.
 *
 * @throws {SyntaxError} when it is not JSON.
 */
export function parseJson(text: string): unknown {
  if (!longNumber.test(text)) return JSON.parse(text);
  const exact = (
    _: string,
    value: unknown,
    { source }: { source?: string },
  ) =>
    typeof value === "number" && !Number.isSafeInteger(value) &&
      source !== undefined && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  // The reviver's third argument is in no declaration yet.
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** How a value of each type may also be written. */
export type ScalarReaders = Readonly<
  Partial<Record<ScalarType, (value: unknown) => unknown>>
>;

/**
 * Compile a reader: it takes the schema's columns out of an object, mends
 * what is only written in another way, and checks the row.
 */
export function memberReader(
  schema: Schema,
  readers: ScalarReaders,
): ReadMembers {
  const check = checkRow(schema);
  const pick = picker(schema, readers);
  return (value) =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? check(value)
      : check(pick(value));
}

/** Generate what takes the columns out: as one literal, which is fast. */
function picker(
  schema: Schema,
  readers: ScalarReaders,
): (value: object) => unknown {
  const all = schema.map(({ type }) => readerOf(type, readers));
  const members = schema.map(({ name }, index) => {
    const key = JSON.stringify(name);
    // An object's own: a column may be called "constructor".
    const given = name in Object.prototype
      ? `(Object.hasOwn(value,${key})?value[${key}]:null)`
      : `value[${key}]`;
    return `[${key}]:${all[index] ? `all[${index}](${given})` : given}`;
  });
  return new Function("all", `return (value)=>({${members.join(",")}})`)(all);
}

function readerOf(
  type: ColumnType,
  readers: ScalarReaders,
): ((value: unknown) => unknown) | undefined {
  const element = elementOf(type);
  const read = readers[element ?? type as ScalarType];
  if (element === undefined || read === undefined) return read;
  return (value) => Array.isArray(value) ? value.map(read) : value;
}

/** What JSON writes as text: large integers, times. */
export const scalarReaders: ScalarReaders = {
  uint8: integer,
  uint32: integer,
  uint64: integer,
  int64: integer,
  uint256: integer,
  int256: integer,
  float64: (value) => typeof value === "bigint" ? Number(value) : value,
  timestamp: time,
};

function integer(value: unknown): unknown {
  return typeof value === "string" && value.length <= mostDigits &&
      /^-?\d+$/.test(value)
    ? BigInt(value)
    : value;
}

/** RFC 3339: a time without a zone is another one on each machine. */
const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

let lastText = "";
let lastTime: unknown;

function time(value: unknown): unknown {
  if (typeof value !== "string") return value;
  // The rows of a block share one timestamp.
  if (value === lastText) return lastTime;
  const parsed = zoned.test(value) ? Date.parse(value) : NaN;
  lastText = value;
  lastTime = Number.isNaN(parsed) ? value : parsed;
  return lastTime;
}
