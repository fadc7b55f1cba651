/**
 * CQL's types for our columns.
 *
 * @module
 */
import {
  type ColumnType,
  elementOf,
  type ScalarType,
} from "../../runtime/component.ts";

const scalars: Readonly<Record<ScalarType, string>> = {
  bool: "boolean",
  uint8: "bigint",
  uint32: "bigint",
  // Signed: above 2^63 - 1 a row is rejected, which no chain has reached.
  uint64: "bigint",
  int64: "bigint",
  uint256: "varint",
  int256: "varint",
  float64: "double",
  // Hex as text: what people paste into a query and get out of one.
  address: "text",
  hash: "text",
  bytes: "text",
  string: "text",
  timestamp: "timestamp",
  json: "text",
};

/** The CQL type of a column; a list is frozen, so that it is one value. */
export function cqlType(type: ColumnType): string {
  const element = elementOf(type);
  return element === undefined
    ? scalars[type as ScalarType]
    : `frozen<list<${scalars[element]}>>`;
}
