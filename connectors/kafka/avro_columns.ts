/**
 * Columns out of an Avro schema, and whether declared ones fit it.
 *
 * @module
 */
import type { Column, ColumnType, Schema } from "../../runtime/component.ts";
import { elementOf, scalarTypes } from "../../runtime/component.ts";

/** An Avro schema as it is written in JSON. */
export type AvroSchema = string | readonly AvroSchema[] | AvroType;

/** A schema with properties. */
interface AvroType {
  readonly type: AvroSchema;
  readonly logicalType?: string;
  readonly items?: AvroSchema;
  readonly scale?: number;
  readonly fields?: readonly {
    readonly name: string;
    readonly type: AvroSchema;
    readonly doc?: string;
  }[];
}

/** Milliseconds. */
const day = 86_400_000;

/** A column that an Avro field can be. */
type Found = Pick<Column, "type" | "nullable">;

const plain: Readonly<Record<string, ColumnType>> = {
  boolean: "bool",
  int: "int64",
  long: "int64",
  float: "float64",
  double: "float64",
  string: "string",
  enum: "string",
  bytes: "bytes",
  fixed: "bytes",
};

/** Types that a declared column may have where the schema says another. */
const readable: Readonly<Partial<Record<ColumnType, readonly ColumnType[]>>> = {
  string: scalarTypes.filter((type) => type !== "bool" && type !== "float64"),
  int64: ["uint8", "uint32", "uint64", "uint256", "int256", "timestamp"],
  int256: ["uint8", "uint32", "uint64", "int64", "uint256"],
  timestamp: ["int64", "uint64"],
  bytes: ["address", "hash"],
};

/**
 * The columns of an Avro record.
 *
 * @throws {TypeError} when the schema is no record.
 */
export function columnsOf(schema: AvroSchema): Schema {
  if (!isType(schema) || schema.type !== "record" || !schema.fields) {
    throw new TypeError("The schema is no record");
  }
  return schema.fields.map(({ doc = "", name, type }) => ({
    name,
    ...columnOf(type),
    doc,
  }));
}

/** What of the declared columns a record of that schema cannot have. */
export function misfits(declared: Schema, found: Schema): readonly string[] {
  return declared.flatMap(({ name, type }) => {
    const there = found.find((column) => column.name === name);
    if (!there) return [`column "${name}" is not in it`];
    return fits(type, there.type)
      ? []
      : [`column "${name}" is ${there.type} there and ${type} here`];
  });
}

/** Turns what Avro has for a logical type into what a column has. */
export interface Conversion {
  readonly name: string;
  convert(value: unknown): unknown;
}

/** The fields of a record whose values are more than their Avro type says. */
export function conversionsOf(schema: AvroSchema): readonly Conversion[] {
  if (!isType(schema)) return [];
  return (schema.fields ?? []).flatMap(({ name, type }) => {
    const logical = logicalOf(type);
    const convert = logical && conversionOf(logical);
    return convert ? [{ name, convert }] : [];
  });
}

/** Columns as a spec declares them, to be copied. */
export function columnsText(columns: Schema): string {
  return [
    "columns:",
    ...columns.map(({ name, nullable, type }) =>
      `  ${name}: ${type}${nullable ? "?" : ""}`
    ),
  ].join("\n");
}

function columnOf(schema: AvroSchema): Found {
  if (isUnion(schema)) {
    const branches = schema.filter((branch) => branch !== "null");
    const nullable = branches.length < schema.length;
    const [only, second] = branches;
    return only === undefined || second !== undefined
      ? { type: "json", nullable }
      : { type: columnOf(only).type, nullable };
  }
  if (typeof schema === "string") {
    return { type: plain[schema] ?? "json", nullable: false };
  }
  return { type: typeOf(schema), nullable: false };
}

function typeOf(
  { items, logicalType = "", scale = 0, type }: AvroType,
): ColumnType {
  if (type === "array" && items !== undefined) {
    const { nullable, type } = columnOf(items);
    const scalar = scalarTypes.find((one) => one === type);
    return scalar === undefined || scalar === "json" || nullable
      ? "json"
      : `list<${scalar}>`;
  }
  if (logicalType === "decimal") return scale === 0 ? "int256" : "string";
  if (/^(local-)?timestamp-|^date$/.test(logicalType)) return "timestamp";
  return typeof type === "string" ? plain[type] ?? "json" : columnOf(type).type;
}

/** The type of a field that says more, also inside of a union with null. */
function logicalOf(schema: AvroSchema): AvroType | undefined {
  if (isUnion(schema)) {
    const [only, second] = schema.filter((branch) => branch !== "null");
    return only === undefined || second !== undefined
      ? undefined
      : logicalOf(only);
  }
  return isType(schema) && schema.logicalType ? schema : undefined;
}

function conversionOf(
  { logicalType = "", scale = 0 }: AvroType,
): Conversion["convert"] | undefined {
  if (logicalType.endsWith("timestamp-micros")) return divided(1000n);
  if (logicalType.endsWith("timestamp-nanos")) return divided(1_000_000n);
  if (logicalType === "date") return (days) => Number(days) * day;
  if (logicalType !== "decimal") return undefined;
  return (value) => value instanceof Uint8Array ? decimal(value, scale) : value;
}

/** Whole milliseconds of a finer time. */
function divided(by: bigint): (value: unknown) => unknown {
  return (value) => Number(BigInt(value as number) / by);
}

/** Two's complement bytes as an integer, or as text with a decimal point. */
function decimal(bytes: Uint8Array, scale: number): bigint | string {
  const digits = bytes.length === 0
    ? 0n
    : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toHex()}`));
  if (scale === 0) return digits;
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0");
  return (digits < 0n ? "-" : "") + text.slice(0, -scale) + "." +
    text.slice(-scale);
}

/** Whether values of the found type can be read as the declared one. */
function fits(declared: ColumnType, found: ColumnType): boolean {
  if (declared === found || declared === "json") return true;
  const [mine, theirs] = [elementOf(declared), elementOf(found)];
  if (mine && theirs) return fits(mine, theirs);
  return readable[found]?.includes(declared) ?? false;
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function isType(schema: AvroSchema): schema is AvroType {
  return typeof schema === "object" && !isUnion(schema);
}
