/**
 * The kinds of field that a component can have.
 *
 * A reader gets the value as written (after interpolation) and its place; it
 * returns the typed value, or reports what is wrong and returns undefined.
 *
 * @module
 */
import type { Schema } from "../row.ts";
import type { Window } from "../budget/scheduler.ts";
import type { Config, Field, Fields, JsonSchema, Place } from "./field.ts";
import { type Match, readMatch } from "./match.ts";
import { readTemplate, type Template } from "./template.ts";
import { findColumn } from "./column.ts";
import { columnType } from "./column_type.ts";
import {
  described,
  isObject,
  objectSchema,
  readFields,
  shown,
  textHint,
} from "./members.ts";
import { suggestion } from "./suggestion.ts";
import { table } from "./table.ts";
import { parseDuration, parseRate, parseSize } from "./units.ts";

type Read<T> = (value: unknown, place: Place) => T | undefined;

function field<T>(doc: string, schema: JsonSchema, read: Read<T>): Field<T> {
  return { doc, required: true, schema, read };
}

/** Make a field optional: undefined when it is left out. */
export function optional<T>(field: Field<T>): Field<T | undefined>;
/** Make a field optional, with the value (as written) that it then has. */
export function optional<T>(field: Field<T>, fallback: unknown): Field<T>;
export function optional<T>(
  field: Field<T>,
  fallback?: unknown,
): Field<T | undefined> {
  return fallback === undefined
    ? { ...field, required: false }
    : { ...field, required: false, fallback };
}

/** Text; not empty, unless `empty` allows it. */
function string(
  doc: string,
  { empty = false }: { readonly empty?: boolean } = {},
): Field<string> {
  return field(doc, { type: "string" }, (value, place) => {
    if (typeof value === "string" && (empty || value !== "")) return value;
    return place.report(
      `Expected text, found ${shown(value)}`,
      textHint(value),
    );
  });
}

/** Text that is never shown. */
function secret(doc: string): Field<string> {
  return {
    ...field(doc, { type: "string" }, (value, place) => {
      place.secret?.();
      if (typeof value === "string" && value !== "") return value;
      const empty = value === "" || value === null;
      // Whatever it is, it may be the secret: the message leaves it out.
      return place.report(
        empty ? "Expected a secret, found nothing" : "Expected text",
        empty ? undefined : "put it in quotes",
      );
    }),
    secret: true,
  };
}

function integer(
  doc: string,
  limits: { min?: number; max?: number } = {},
): Field<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
  const schema = { type: "integer", minimum: min, maximum: max };
  return field(doc, schema, (value, place) => {
    const number = place.interpolated && /^-?\d+$/.test(String(value))
      ? Number(value)
      : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number)) {
      const plain = String(value).replace(/[_,]/g, "");
      return place.report(
        typeof value === "bigint"
          ? `Expected a whole number up to ${max}, found ${value}`
          : `Expected a whole number, found ${shown(value)}`,
        typeof value === "string" && /^\d+$/.test(plain)
          ? `write ${plain}`
          : undefined,
      );
    }
    if (number >= min && number <= max) return number;
    return place.report(
      `Expected a whole number from ${min} to ${max}, found ${number}`,
    );
  });
}

function boolean(doc: string): Field<boolean> {
  return field(doc, { type: "boolean" }, (value, place) => {
    if (typeof value === "boolean") return value;
    if (place.interpolated && value === "true") return true;
    if (place.interpolated && value === "false") return false;
    return place.report(
      `Expected true or false, found ${shown(value)}`,
      /^(yes|on)$/i.test(String(value))
        ? "write true"
        : /^(no|off)$/i.test(String(value))
        ? "write false"
        : undefined,
    );
  });
}

function choice<const T extends string>(
  options: readonly T[],
  doc: string,
): Field<T> {
  return field(doc, { enum: options }, (value, place) => {
    const known = options.find((option) => option === value);
    if (known !== undefined) return known;
    return place.report(
      `Expected one of ${options.join(", ")}, found ${shown(value)}`,
      suggestion(String(value), options),
    );
  });
}

interface Quantity<T> {
  readonly what: string;
  readonly example: string;
  /** For editors; `parse` decides. */
  readonly pattern: string;
  parse(text: string): T | undefined;
}

function quantity<T>(
  doc: string,
  { example, parse, pattern, what }: Quantity<T>,
): Field<T> {
  const schema = { type: "string", pattern, examples: [example] };
  return {
    ...field(doc, schema, (value, place) => {
      const parsed = typeof value === "string" ? parse(value) : undefined;
      if (parsed !== undefined) return parsed;
      return place.report(
        `Expected ${what}, found ${shown(value)}`,
        `write it like ${example}`,
      );
    }),
    noun: what.replace(/^an? /, ""),
  };
}

/** A duration in milliseconds. */
function duration(doc: string): Field<number> {
  return quantity(doc, {
    what: "a duration",
    example: "500ms, 2s or 7d",
    pattern: "^\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)$",
    parse: parseDuration,
  });
}

/** A size in bytes. */
function size(doc: string): Field<number> {
  return quantity(doc, {
    what: "a size",
    example: "16MiB",
    pattern: "^\\d+(\\.\\d+)?\\s*(B|kB|MB|GB|KiB|MiB|GiB)$",
    parse: parseSize,
  });
}

/** A rate or quota: so many in any second, minute, hour or day. */
function rate(doc: string): Field<Window> {
  return quantity(doc, {
    what: "a rate",
    example: "25/s or 100000/day",
    pattern: "^\\d+\\s*/\\s*(s|second|m|minute|h|hour|d|day)$",
    parse: parseRate,
  });
}

function list<T>(item: Field<T>, doc: string): Field<readonly T[]> {
  const schema = {
    anyOf: [{ type: "array", items: described(item) }, described(item)],
  };
  return {
    ...field(doc, schema, (value, place) => {
      const single = !Array.isArray(value);
      const items: unknown[] = single ? [value] : value;
      const read = items.map((one, index) =>
        item.read(one, single ? place : place.at(index))
      );
      return read.every((one) => one !== undefined) ? read as T[] : undefined;
    }),
    ...(item.secret ? { secret: true } : {}),
    item,
    noun: "list",
  };
}

function map<T>(
  item: Field<T>,
  doc: string,
): Field<Readonly<Record<string, T>>> {
  const schema = { type: "object", additionalProperties: described(item) };
  return {
    ...field(doc, schema, (value, place) => {
      if (!isObject(value)) {
        return place.report(`Expected a map, found ${shown(value)}`);
      }
      const read = Object.entries(value)
        .map(([key, one]) => [key, item.read(one, place.at(key))] as const);
      if (read.some(([, one]) => one === undefined)) return undefined;
      return Object.fromEntries(read) as Record<string, T>;
    }),
    item,
    noun: "map",
  };
}

function object<F extends Fields>(
  members: F,
  doc: string,
): Field<Config<F>> {
  return {
    ...field(doc, objectSchema(members), (value, place) => {
      if (!isObject(value)) {
        return place.report(`Expected a map, found ${shown(value)}`);
      }
      return readFields(members, value, place);
    }),
    members,
  };
}

/** The first of the fields whose editor schema fits the value reads it. */
function either<T>(options: readonly Field<T>[], doc: string): Field<T> {
  const schema = { anyOf: options.map(described) };
  const noun = options.map(({ doc }) => doc).join(", or ");
  return {
    ...field(doc, schema, (value, place) => {
      const kind = kindOf(value);
      const fitting = options.filter(({ schema }) => fits(schema, kind, value));
      const chosen = fitting.length > 0 ? fitting : options;
      const [first] = chosen;
      if (chosen.length === 1 && first) return first.read(value, place);
      const hints: string[] = [];
      const silent = silence(place, (hint) => hints.push(hint));
      for (const option of chosen) {
        const read = option.read(value, silent);
        // Again, for what it has to say about the value.
        if (read !== undefined) return option.read(value, place);
      }
      return place.report(
        `Expected ${noun}; found ${shown(value)}`,
        hints[0],
      );
    }),
    noun,
  };
}

/** The name of a column of the input. */
function column(doc: string): Field<string> {
  return {
    ...field(doc, { type: "string" }, (value, place) => {
      if (typeof value !== "string") {
        return place.report(`Expected a column, found ${shown(value)}`);
      }
      return findColumn(value, place) === undefined ? undefined : value;
    }),
    noun: "column",
  };
}

/** A match on columns of the input, or on those that are given. */
function match(doc: string, columns?: Schema): Field<Match> {
  if (columns === undefined) {
    return { ...field(doc, { type: "object" }, readMatch), noun: "match" };
  }
  const properties = Object.fromEntries(
    columns.map(({ doc, name }) => [name, { description: doc }]),
  );
  return {
    ...field(
      doc,
      { type: "object", properties },
      (value, place) => readMatch(value, overColumns(place, columns)),
    ),
    noun: "match",
  };
}

/** A place whose input has these columns. */
function overColumns(place: Place, input: Schema): Place {
  return { ...place, input, at: (key) => overColumns(place.at(key), input) };
}

/** Text that may use columns of the input: `tx.{case}`. */
function template(doc: string): Field<Template> {
  return { ...field(doc, { type: "string" }, readTemplate), noun: "template" };
}

/** A 20-byte address, lowercased. */
function address(doc: string): Field<string> {
  const schema = { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" };
  return {
    ...field(doc, schema, (value, place) => {
      if (typeof value === "string" && /^0x[0-9a-fA-F]{40}$/.test(value)) {
        return value.toLowerCase();
      }
      return place.report(
        `Expected an address, found ${shown(value)}`,
        `an address is 0x and 40 hex digits, in quotes`,
      );
    }),
    noun: "address",
  };
}

/** A file or folder; relative to the folder of the spec. */
function file(doc: string): Field<string> {
  return { ...string(doc), noun: "path" };
}

/** Anything; the component reads it in its own `check`. */
function any(doc: string): Field<unknown> {
  return field(doc, {}, (value) => value);
}

/** Every kind of field. */
export const fields = {
  address,
  any,
  boolean,
  choice,
  column,
  columnType,
  duration,
  either,
  file,
  integer,
  list,
  map,
  match,
  object,
  rate,
  secret,
  size,
  string,
  table,
  template,
};

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

function fits(schema: JsonSchema, kind: string, value: unknown): boolean {
  if (Array.isArray(schema["enum"])) return schema["enum"].includes(value);
  const { type } = schema;
  if (type === undefined) return true;
  return type === kind || (type === "integer" && kind === "number");
}

function silence(place: Place, heard: (hint: string) => void): Place {
  return {
    ...place,
    report(_message, hint) {
      if (hint !== undefined) heard(hint);
      return undefined;
    },
    secret: () => {},
    at: (key) => silence(place.at(key), heard),
  };
}
