/**
 * Units of few rows share a block: each block names all columns, and costs
 * the server as much as hundreds of rows. Measured: units of one row, as a
 * topic has them, took six times as long as units of 200.
 *
 * @module
 */
import type {
  Encoded,
  Row,
  Schema,
  UnitInfo,
} from "../../runtime/component.ts";
import { nativeBlocks, type UnitRows } from "./native.ts";

/** Rows of a unit that are no block of their own. */
const smallUnit = 100;

/** Rows of small units that make a block. */
const joinedRows = 10_000;

/** Bytes of a row before any block was made. */
const firstRowBytes = 500;

/** A block, or rows that become a part of one. */
export type UnitData = Uint8Array | UnitRows;

/** Encodes units, and joins the small ones when they are written. */
export interface UnitEncoder {
  encode(
    rows: readonly Row[],
    unit: UnitInfo,
    reject: (row: Row, reason: string) => void,
  ): Encoded<UnitData>;
  /** The blocks of a write; the same units give the same blocks. */
  blocks(data: readonly UnitData[]): readonly Uint8Array[];
}

/** Compile the encoder of a schema. */
export function unitEncoder(schema: Schema): UnitEncoder {
  const { block, take } = nativeBlocks(schema);
  const copy = copier(schema);
  let rowBytes = firstRowBytes;
  return {
    encode(rows, unit, reject) {
      const taken = take(rows, unit, reject);
      const count = taken.rows.length;
      if (count >= smallUnit) {
        const data = block([taken]);
        rowBytes = Math.ceil(data.length / count);
        return { data, bytes: data.length };
      }
      // What waits for its block must not change with the rows.
      const data = { ...taken, rows: taken.rows.map(copy) };
      return { data, bytes: count * rowBytes };
    },
    blocks: (data) => joined(data, block),
  };
}

function joined(
  data: readonly UnitData[],
  block: (units: readonly UnitRows[]) => Uint8Array,
): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  let small: UnitRows[] = [];
  let rows = 0;
  const flush = () => {
    if (rows > 0) blocks.push(block(small));
    small = [];
    rows = 0;
  };
  for (const one of data) {
    if (one instanceof Uint8Array) {
      flush();
      blocks.push(one);
      continue;
    }
    small.push(one);
    rows += one.rows.length;
    if (rows >= joinedRows) flush();
  }
  flush();
  return blocks;
}

/** Copies a row with what is in it. */
function copier(schema: Schema): (row: Row) => Row {
  const deep = schema
    .filter(({ type }) => type === "json" || type.startsWith("list<"))
    .map(({ name }) => name);
  return (row) => {
    const copy: Record<string, Row[string]> = { ...row };
    for (const name of deep) {
      const value = row[name] ?? null;
      if (typeof value === "object" && value !== null) {
        copy[name] = structuredClone(value);
      }
    }
    return copy as Row;
  };
}
