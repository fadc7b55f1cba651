/**
 * Rows as Parquet columns, and columns as the bytes of a file.
 *
 * Integers are INT64, times TIMESTAMP_MILLIS in UTC, lists LISTs; what Parquet
 * has no type for (256-bit integers, hex, `json`) is text, as in JSON.
 *
 * @module
 */
import { constants, zstdCompressSync } from "node:zlib";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import {
  type Column,
  type ColumnType,
  elementOf,
  type Encoded,
  jsonText,
  type Row,
  type ScalarType,
  type Schema,
  type UnitInfo,
  type Value,
} from "../../runtime/component.ts";

/** What an INT64 can hold. */
const largestInt64 = 2n ** 63n - 1n;

/**
 * Rows of a row group. Encoding one keeps the thread busy, between two of them
 * other stages get their turn; readers like larger ones, but not by much.
 */
const rowGroupSize = 10_000;

/** Hashes are random: a higher level takes longer for the same size. */
const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** The rows of a unit: a list of Parquet's values for each column. */
export type ParquetColumns = readonly (readonly unknown[])[];

/** Turns the rows of a unit into columns. */
export interface ParquetEncoder {
  encode(
    rows: readonly Row[],
    unit: UnitInfo,
    reject: (row: Row, reason: string) => void,
  ): Encoded<ParquetColumns>;
}

/** Columns of a schema, `_op` behind them. */
export function parquetEncoder(schema: Schema): ParquetEncoder {
  const cells = schema.map((column) => ({
    name: column.name,
    cell: cellOf(column.type),
    problem: problemOf(column),
  }));
  const bounded = cells.filter(({ problem }) => problem !== undefined);
  return {
    encode(rows, unit, reject) {
      const kept = bounded.length === 0 ? rows : rows.filter((row) => {
        const reason = bounded
          .map(({ name, problem }) => problem?.(row[name] ?? null))
          .find((one) => one !== undefined);
        if (reason !== undefined) reject(row, reason);
        return reason === undefined;
      });
      const columns = cells.map(({ name, cell }) =>
        kept.map((row) => {
          const value = row[name] ?? null;
          return value === null ? null : cell(value);
        })
      );
      const data = [...columns, kept.map(() => unit.op)];
      return { data, bytes: kept.length === 0 ? 0 : sizeOfColumns(data) };
    },
  };
}

/** Columns of all units as one Parquet file, in row groups. */
export async function parquetFile(
  schema: Schema,
  units: readonly ParquetColumns[],
): Promise<Uint8Array> {
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    schema: elementsOf(schema),
    codec: "ZSTD",
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes, zstd) },
    createdBy: "sluice",
  });
  const names = [...schema.map(({ name }) => name), "_op"];
  const columnData = names.map((name, i) => ({
    name,
    data: units.flatMap((columns) => columns[i] ?? []),
  }));
  const rows = columnData[0]?.data.length ?? 0;
  for (let at = 0; at < rows; at += rowGroupSize) {
    if (at > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    await file.write({
      columnData: columnData.map(({ name, data }) => ({
        name,
        data: data.slice(at, at + rowGroupSize),
      })),
      rowGroupSize,
    });
  }
  await file.finish();
  return writer.getBytes();
}

type Cell = (value: Value) => unknown;

const whole: Cell = (value) => BigInt(value as number | bigint);

const same: Cell = (value) => value;

const cells: Record<ScalarType, Cell> = {
  bool: same,
  uint8: whole,
  uint32: whole,
  uint64: whole,
  int64: whole,
  uint256: String,
  int256: String,
  float64: same,
  address: same,
  hash: same,
  bytes: same,
  string: same,
  timestamp: whole,
  json: jsonText("json"),
};

function cellOf(type: ColumnType): Cell {
  const element = elementOf(type);
  if (element === undefined) return cells[type as ScalarType];
  return (value) => (value as readonly Value[]).map(cells[element]);
}

/** Why a value of a column cannot be stored; undefined for most types. */
function problemOf(
  { name, type }: Column,
): ((value: Value) => string | undefined) | undefined {
  const reason = (value: Value) =>
    `Column "${name}" holds ${value}, Parquet at most ${largestInt64}`;
  const tooLarge = (value: Value) =>
    typeof value === "bigint" && value > largestInt64;
  if (type === "uint64") {
    return (value) => tooLarge(value) ? reason(value) : undefined;
  }
  if (type === "list<uint64>") {
    return (value) => {
      const large = (value as readonly Value[] | null)?.find(tooLarge);
      return large === undefined ? undefined : reason(large);
    };
  }
  return undefined;
}

const elements: Record<ScalarType, Omit<SchemaElement, "name">> = {
  bool: { type: "BOOLEAN" },
  uint8: { type: "INT64" },
  uint32: { type: "INT64" },
  uint64: { type: "INT64" },
  int64: { type: "INT64" },
  uint256: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  int256: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  float64: { type: "DOUBLE" },
  address: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  hash: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  bytes: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  timestamp: { type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
  json: { type: "BYTE_ARRAY", converted_type: "UTF8" },
};

/** The schema as Parquet's flat tree. */
function elementsOf(schema: Schema): SchemaElement[] {
  return [
    { name: "root", num_children: schema.length + 1 },
    ...schema.flatMap(({ name, type, nullable }): SchemaElement[] => {
      const repetition_type = nullable ? "OPTIONAL" : "REQUIRED";
      const element = elementOf(type);
      if (element === undefined) {
        return [{ name, repetition_type, ...elements[type as ScalarType] }];
      }
      return [
        { name, repetition_type, num_children: 1, converted_type: "LIST" },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", repetition_type: "REQUIRED", ...elements[element] },
      ];
    }),
    { name: "_op", repetition_type: "REQUIRED", ...elements.string },
  ];
}

/** About what the values take in memory; batches are bounded by it. */
function sizeOfColumns(columns: ParquetColumns): number {
  let bytes = 0;
  for (const column of columns) {
    for (const value of column) bytes += sizeOfCell(value);
  }
  return bytes;
}

function sizeOfCell(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (!Array.isArray(value)) return 8;
  let bytes = 0;
  for (const one of value) bytes += sizeOfCell(one);
  return bytes;
}
