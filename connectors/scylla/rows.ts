/**
 * Rows of one unit as the values of statements, encoded for good.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Op, Row } from "../../runtime/component.ts";
import { keyColumns, orderedColumns, type TableShape } from "./table.ts";
import { lengthBytes, Output, putColumn, ValueError } from "./values.ts";

/** Longest key that the store takes, in bytes. */
const longestKey = 65_535;

/**
 * Most bytes of a row: a request has 16 MiB at most, and so has what a server
 * with its usual settings writes at once. Some are left for the request.
 */
const largestRow = 16 * 1024 ** 2 - 64 * 1024;

/** A server may be set to take less than that, but hardly less than this. */
const doubtful = 64 * 1024;

/** The rows of one unit: each row's values, its key's columns in front. */
export interface EncodedRows {
  /** Every value behind its length, as the protocol has it. */
  readonly values: Buffer;
  /** Where each row begins, and where its partition key ends, by turns. */
  readonly places: readonly number[];
  /** Rows that the server may find too large, by their beginning. */
  readonly doubtful: ReadonlyMap<number, Row>;
}

/** Encodes the rows of one unit. */
export type RowEncoder = (
  rows: readonly Row[],
  op: Op,
  reject: (row: Row, reason: string) => void,
) => EncodedRows;

/**
 * Compile the encoder of a table. A retraction has its keys only; of rows of
 * one unit with the same key the last is kept, because they share a timestamp.
 */
export function rowEncoder(shape: TableShape): RowEncoder {
  const columns = orderedColumns(shape).map((column) => ({
    name: column.name,
    put: putColumn(column),
  }));
  const keys = keyColumns(shape).length;
  const partitions = shape.partition.length;
  const out = new Output();

  /** Write one row; returns where its partition key and its key end. */
  function put(row: Row, op: Op): { partition: number; key: number } {
    const start = out.at;
    const ends = { partition: start, key: start };
    const count = op === "insert" ? columns.length : keys;
    for (const [index, { name, put }] of columns.entries()) {
      if (index === count) break;
      put(out, row[name]);
      if (index + 1 === partitions) ends.partition = out.at;
      if (index + 1 === keys) ends.key = out.at;
    }
    checkKey(ends.partition - start, shape.partition);
    if (ends.partition - start === lengthBytes) {
      throw new ValueError(
        `The partition key "${shape.partition[0]}" must not be empty`,
      );
    }
    checkKey(ends.key - ends.partition, shape.clustering);
    if (out.at - start > largestRow) {
      throw new ValueError(
        `The row has ${out.at - start} bytes, and the store takes ` +
          `${largestRow} at most`,
      );
    }
    return ends;
  }

  return (rows, op, reject) => {
    out.restart();
    const byKey = new Map<string, { place: number[]; row: Row }>();
    for (const row of rows) {
      const start = out.at;
      try {
        const ends = put(row, op);
        const key = out.key(start, ends.key);
        byKey.set(key, { place: [start, ends.partition, out.at], row });
      } catch (error) {
        out.at = start;
        if (!(error instanceof ValueError)) throw error;
        reject(row, error.message);
      }
    }
    return kept([...byKey.values()], out.copy());
  };
}

/** A key has a longest length, which its parts may not exceed together. */
function checkKey(bytes: number, names: readonly string[]): void {
  const text = names.map((name) => `"${name}"`).join(", ");
  if (bytes > longestKey) {
    throw new ValueError(
      `The key ${text} has ${bytes} bytes, and the store takes ` +
        `${longestKey} at most`,
    );
  }
}

function kept(
  all: readonly { readonly place: readonly number[]; readonly row: Row }[],
  values: Buffer,
): EncodedRows {
  const places: number[] = [];
  const large = new Map<number, Row>();
  for (const { place: [start = 0, partition = 0, end = 0], row } of all) {
    places.push(start, partition);
    if (end - start > doubtful) large.set(start, row);
  }
  return { values, places, doubtful: large };
}

/** The values of a statement, read out of the rows' buffer. */
export function readValues(
  values: Buffer,
  { count, start }: { readonly count: number; readonly start: number },
): (Buffer | null)[] {
  const read: (Buffer | null)[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const length = values.readInt32BE(at);
    at += lengthBytes;
    if (length < 0) {
      read.push(null);
      continue;
    }
    read.push(values.subarray(at, at + length));
    at += length;
  }
  return read;
}
