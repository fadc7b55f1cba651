/**
 * Rows, columns and their types: what travels between stages.
 *
 * @module
 */

/** Every scalar column type, in the order the documentation lists them. */
export const scalarTypes = [
  "bool",
  "uint8",
  "uint32",
  "uint64",
  "int64",
  "uint256",
  "int256",
  "float64",
  "address",
  "hash",
  "bytes",
  "string",
  "timestamp",
  "json",
] as const;

/** The type of one value. */
export type ScalarType = typeof scalarTypes[number];

/** The type of a column: a scalar or a list of scalars. */
export type ColumnType = ScalarType | `list<${ScalarType}>`;

/** One column of a port. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether a row may hold `null` here; false when absent. */
  readonly nullable?: boolean;
  /** Every value that there can be, where these are few and known. */
  readonly values?: readonly string[];
  /** One sentence: what the column holds and in which unit. */
  readonly doc: string;
}

/** The columns of a port, in order. */
export type Schema = readonly Column[];

/**
 * A canonical value.
 *
 * | column type | JavaScript value |
 * |---|---|
 * | `uint8`, `uint32` | number |
 * | `uint64`, `int64` | number; bigint above 2^53 |
 * | `uint256`, `int256` | bigint |
 * | `address`, `hash`, `bytes` | lowercase hex with `0x` |
 * | `timestamp` | milliseconds since 1970, number |
 * | `json` | plain value, integers as decimal strings |
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Value[]
  | { readonly [key: string]: Value };

/** One row: every column of its port, always all of them, in one order. */
export type Row = { readonly [column: string]: Value };

/** What happens to a unit's rows: they are added, or taken back. */
export type Op = "insert" | "retract";

/** Where a unit stands in its source. */
export interface Position {
  /** The position: a block number, a poll tick, a batch number. */
  readonly number: number;
  /**
   * What makes the unit unique at that position: the block hash. Empty where
   * it was not asked for: of a final unit without rows, before the first.
   */
  readonly id: string;
}

/** One block (or poll tick, or batch) as a source yields it. */
export interface Unit extends Position {
  /** The id of the unit before; absent when the source cannot reorganise. */
  readonly parent?: string;
  /** Number of the unit before, where a source leaves numbers out. */
  readonly after?: number | undefined;
  /** Time of the unit in milliseconds since 1970. */
  readonly time: number;
  /** Which part of that position it is, where several units share one. */
  readonly part?: number;
  /** Rows by port name. */
  readonly rows: Readonly<Record<string, readonly Row[]>>;
  /** Approximate size in memory; queues are bounded by it. */
  readonly bytes: number;
}

/** A unit as transforms and sinks see it. */
export interface UnitInfo extends Position {
  readonly time: number;
  /**
   * Which part of that position it is, where the source divides one among
   * several units: rows of two parts are never the same row.
   */
  readonly part?: number;
  readonly op: Op;
  /**
   * Grows with every event at the head of the chain, so that a later write
   * of the same key wins: a retraction is above what it retracts and below
   * its replacement. Milliseconds since 1970 or a little above, an integer.
   */
  readonly version: number;
}

/** Rows that a whole position may hold, and rows that a part of one may. */
const wholeRows = 2 ** 20;
const partRows = 2 ** 14;

/** Parts that a position may have: all places are exact numbers. */
export const mostParts = (2 ** 53 - wholeRows) / partRows;

/**
 * The place of a unit's row at its position: the same in every run, for its
 * retraction too, and another for every other row of a sink.
 */
export function rowPlace(
  { part = 0 }: Pick<UnitInfo, "part">,
  index: number,
): number {
  if (index < (part === 0 ? wholeRows : partRows) && part <= mostParts) {
    return part === 0 ? index : wholeRows + (part - 1) * partRows + index;
  }
  throw new RangeError(`Row ${index} of part ${part} is one too many`);
}

/** Return the element type of a list type, or undefined for a scalar. */
export function elementOf(type: ColumnType): ScalarType | undefined {
  return type.startsWith("list<") ? type.slice(5, -1) as ScalarType : undefined;
}
