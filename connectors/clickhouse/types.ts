/**
 * ClickHouse's types for our columns.
 *
 * @module
 */
import {
  type Column,
  elementOf,
  type ScalarType,
} from "../../runtime/component.ts";

const scalars: Readonly<Record<ScalarType, string>> = {
  bool: "Bool",
  uint8: "UInt8",
  uint32: "UInt32",
  uint64: "UInt64",
  int64: "Int64",
  uint256: "UInt256",
  int256: "Int256",
  float64: "Float64",
  // Hex as text: what people paste into a query and get out of one.
  address: "FixedString(42)",
  hash: "FixedString(66)",
  bytes: "String",
  string: "String",
  timestamp: "DateTime64(3, 'UTC')",
  json: "String",
};

/** Columns that the sink adds, behind the schema's own. */
export const addedColumns = [
  { name: "_unit", type: "UInt64" },
  { name: "_index", type: "UInt64" },
  { name: "_version", type: "UInt64" },
  { name: "_deleted", type: "UInt8" },
] as const;

/**
 * The ClickHouse type of a column. Arrays cannot be null there: a missing
 * list is stored as an empty one.
 */
export function clickhouseType({ nullable, type }: Column): string {
  const element = elementOf(type);
  if (element) return `Array(${scalars[element]})`;
  const inner = scalars[type as ScalarType];
  return nullable ? `Nullable(${inner})` : inner;
}

/** The type that a column is stored with: few values are kept as numbers. */
export function storedType(column: Column): string {
  const type = clickhouseType(column);
  return column.values && column.type === "string"
    ? `LowCardinality(${type})`
    : type;
}
