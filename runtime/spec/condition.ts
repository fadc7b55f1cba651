/**
 * The condition on one column of a match.
 *
 * @module
 */
import { type Column, elementOf, type Value } from "../row.ts";
import type { UnknownColumn } from "./column.ts";
import type { Place } from "./field.ts";
import { readHexPrefix } from "./hex.ts";
import { parseAmount } from "./integer.ts";
import { readLiteral, typeName } from "./literal.ts";
import { isObject, shown } from "./members.ts";
import { suggestion } from "./suggestion.ts";

/** Whether a column's value is as wanted. */
export interface Condition {
  (value: Value): boolean;
  /** It holds for none but these; absent: that cannot be said so. */
  readonly values?: ReadonlySet<Value>;
}

/** Read what a match wants of a column. */
export function readCondition(
  value: unknown,
  column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  if (value === null) return isNull(column, place);
  if (Array.isArray(value)) return oneOf(value, column, place);
  if (isObject(value)) return operators(value, column, place);
  const literal = scalar(value, column, place);
  if (literal === undefined) return undefined;
  return among(lift((one) => one === literal, column), new Set([literal]));
}

/** Say of a condition for which values alone it holds. */
function among(holds: Condition, values: ReadonlySet<Value>): Condition {
  // No wrapper around it: this runs for every row.
  return Object.assign(holds, { values });
}

function isNull(column: Column | UnknownColumn, place: Place): Condition {
  if (column !== "unknown" && !column.nullable) {
    place.report(
      `Column "${column.name}" is never null`,
      "this match is never true",
      { severity: "warning" },
    );
  }
  return (value) => value === null;
}

function oneOf(
  values: readonly unknown[],
  column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  if (values.length === 0) {
    return place.report(
      "Expected a list of values, found an empty one",
      "an empty list matches nothing",
    );
  }
  const literals = new Set<Value>();
  const others: Condition[] = [];
  let failed = false;
  for (const [index, one] of values.entries()) {
    const simple = one !== null && typeof one !== "object";
    if (simple) {
      const literal = scalar(one, column, place.at(index));
      if (literal === undefined) failed = true;
      else literals.add(literal);
    } else {
      const other = readCondition(one, column, place.at(index));
      if (other) others.push(other);
      else failed = true;
    }
  }
  if (failed) return undefined;
  const listed = lift((value) => literals.has(value), column);
  if (others.length === 0) return among(listed, literals);
  return (value) => listed(value) || others.some((holds) => holds(value));
}

type Operator = (
  value: unknown,
  column: Column | UnknownColumn,
  place: Place,
) => Condition | undefined;

const operatorTable: Readonly<Record<string, Operator>> = {
  eq: equal,
  ne: negated(equal),
  gt: ordered("gt", (value, limit) => value > limit),
  gte: ordered("gte", (value, limit) => value >= limit),
  lt: ordered("lt", (value, limit) => value < limit),
  lte: ordered("lte", (value, limit) => value <= limit),
  in: listed,
  not: negated(readCondition),
  starts_with: startsWith,
  exists,
};

const operatorNames: readonly string[] = Object.keys(operatorTable);

function operators(
  value: Readonly<Record<string, unknown>>,
  column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  const entries = Object.entries(value);
  if (entries.length === 0) {
    return place.report(
      "Expected operators, found none",
      `operators: ${operatorNames.join(", ")}`,
    );
  }
  const conditions = entries.map(([name, operand]) => {
    const at = place.at(name);
    const read = Object.hasOwn(operatorTable, name)
      ? operatorTable[name]
      : undefined;
    if (read) return read(operand, column, at);
    return at.report(
      `Unknown operator "${name}"`,
      suggestion(name, operatorNames, "operators"),
      { key: true },
    );
  });
  if (!conditions.every((one) => one !== undefined)) return undefined;
  const [first, second] = conditions;
  if (first && !second) return first;
  const every: Condition = (value) => conditions.every((holds) => holds(value));
  const values = conditions.find(({ values }) => values)?.values;
  return values ? among(every, values) : every;
}

function equal(
  value: unknown,
  column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  if (typeof value !== "object" || value === null) {
    return readCondition(value, column, place);
  }
  return place.report(
    `Expected one value, found ${shown(value)}`,
    Array.isArray(value) ? "write in: […] for any of several" : undefined,
  );
}

function listed(
  value: unknown,
  column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  return Array.isArray(value)
    ? oneOf(value, column, place)
    : place.report(`Expected a list, found ${shown(value)}`, "write in: […]");
}

function negated(operator: Operator): Operator {
  return (value, column, place) => {
    const holds = operator(value, column, place);
    return holds && ((one) => !holds(one));
  };
}

type Comparable = number | bigint;

function ordered(
  name: string,
  compare: (value: Comparable, limit: Comparable) => boolean,
): Operator {
  return (value, column, place) => {
    if (column !== "unknown") {
      const type = elementOf(column.type) ?? column.type;
      if (!/^(u?int|float|timestamp)/.test(type)) {
        return place.report(
          `Operator "${name}" is for numbers and times, "${column.name}" ` +
            `holds ${typeName(type)}`,
          undefined,
          { key: true },
        );
      }
    }
    if (value === null || typeof value === "object") {
      return place.report(`Expected one value, found ${shown(value)}`);
    }
    const limit = scalar(value, column, place);
    if (limit === undefined) return undefined;
    return lift(
      (one) => one !== null && compare(one as Comparable, limit as Comparable),
      column,
    );
  };
}

function startsWith(
  value: unknown,
  column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  const type = column === "unknown"
    ? "string"
    : elementOf(column.type) ?? column.type;
  const isHex = type === "address" || type === "hash" || type === "bytes";
  if (column !== "unknown" && !isHex && type !== "string") {
    return place.report(
      `Operator "starts_with" is for text and hex, "${column.name}" holds ` +
        typeName(type),
      undefined,
      { key: true },
    );
  }
  if (typeof value !== "string") {
    return place.report(`Expected text, found ${shown(value)}`);
  }
  const prefix = isHex ? readHexPrefix(value, place) : value;
  if (prefix === undefined) return undefined;
  return lift(
    (one) => typeof one === "string" && one.startsWith(prefix),
    column,
  );
}

function exists(
  value: unknown,
  _column: Column | UnknownColumn,
  place: Place,
): Condition | undefined {
  if (typeof value !== "boolean") {
    return place.report(
      `Expected true or false, found ${shown(value)}`,
      "write exists: true",
    );
  }
  return value ? (one) => one !== null : (one) => one === null;
}

/** On a list column a condition holds when it holds for one element. */
function lift(holds: Condition, column: Column | UnknownColumn): Condition {
  const list = column !== "unknown" && elementOf(column.type) !== undefined;
  if (!list) return holds;
  return (value) => Array.isArray(value) && value.some(holds);
}

function scalar(
  value: unknown,
  column: Column | UnknownColumn,
  place: Place,
): Value | undefined {
  if (column === "unknown") return untyped(value);
  const type = elementOf(column.type) ?? column.type;
  if (type !== "json") return readLiteral(value, type, place);
  return place.report(
    `Cannot compare "${column.name}": it holds JSON`,
    "only null and exists are for JSON",
  );
}

/** A literal whose column is not known: as its form suggests. */
function untyped(value: unknown): Value {
  if (typeof value !== "string") return value as Value;
  if (/^0x[0-9a-fA-F]*$/.test(value)) return value.toLowerCase();
  return parseAmount(value) ?? value;
}
