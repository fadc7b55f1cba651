/**
 * Structured matches: a column to a value, a list, `null` or operators.
 *
 * Several columns are *and*, a list is *any of*, `any:` takes matches of
 * which one must hold. On a list column a condition holds when it holds for
 * one element. Nothing but `null`, `exists`, `ne` and `not` is true of a row
 * whose value is null.
 *
 * @module
 */
import { elementOf, type Row } from "../row.ts";
import { findColumn } from "./column.ts";
import { isObject, shown } from "./members.ts";
import type { Place } from "./field.ts";
import { readCondition } from "./condition.ts";
import { both, either, type Predicate } from "./predicate.ts";

/** A compiled match: a test of a row that knows which columns it reads. */
export interface Match {
  (row: Row): boolean;
  readonly columns: readonly string[];
  /** No other row matches; absent: that cannot be said so. */
  readonly predicate?: Predicate;
}

/** Read a match; columns and value types are checked against the input. */
export function readMatch(value: unknown, place: Place): Match | undefined {
  if (!isObject(value)) {
    return place.report(
      `Expected a match, found ${shown(value)}`,
      "write { column: value }; {} matches every row",
    );
  }
  const parts = Object.entries(value).map(([key, one]) =>
    key === "any"
      ? readAny(one, place.at(key))
      : readColumn(key, one, place.at(key))
  );
  return parts.every((part) => part !== undefined) ? all(parts) : undefined;
}

function readAny(value: unknown, place: Place): Match | undefined {
  if (!Array.isArray(value) || value.length === 0) {
    return place.report(
      `Expected a list of matches, found ${
        Array.isArray(value) ? "an empty one" : shown(value)
      }`,
      "write any: [{ column: value }, { column: value }]",
    );
  }
  const read = value.map((one, index) => readMatch(one, place.at(index)));
  if (!read.every((one) => one !== undefined)) return undefined;
  const matches: readonly Match[] = read;
  return withColumns(
    (row) => matches.some((match) => match(row)),
    matches.flatMap(({ columns }) => columns),
    matches.map(({ predicate }) => predicate).reduce(either),
  );
}

function readColumn(
  name: string,
  value: unknown,
  place: Place,
): Match | undefined {
  const column = findColumn(name, place, { key: true });
  const holds = column && readCondition(value, column, place);
  if (!holds) return undefined;
  const isList = column !== "unknown" && elementOf(column.type) !== undefined;
  return withColumns(
    (row) => holds(row[name] ?? null),
    [name],
    holds.values && [new Map([[isList ? `${name}.*` : name, holds.values]])],
  );
}

function all(parts: readonly Match[]): Match {
  const columns = parts.flatMap((part) => part.columns);
  const [first, second] = parts;
  if (!first) return withColumns(() => true, []);
  if (!second) return first;
  return withColumns(
    (row) => parts.every((part) => part(row)),
    columns,
    parts.map(({ predicate }) => predicate).reduce(both),
  );
}

function withColumns(
  test: (row: Row) => boolean,
  ...[columns, predicate]: readonly [
    columns: readonly string[],
    predicate?: Predicate | undefined,
  ]
): Match {
  // No wrapper around it: this runs for every row.
  return Object.assign(test, {
    columns: [...new Set(columns)],
    ...(predicate ? { predicate } : {}),
  });
}
