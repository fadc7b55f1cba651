/**
 * Rows as lines of aligned columns, for people.
 *
 * @module
 */
import {
  type ColumnType,
  jsonText,
  type Row,
  type Schema,
  type UnitInfo,
} from "../../runtime/component.ts";

/** Hex longer than this is cut in the middle: 0x7a250d56…59f2488d. */
const longestHex = 20;

/** Text longer than this is cut at its end. */
const longestText = 40;

/** One line, a cell for each column. */
export type Cells = readonly string[];

/** The cells of rows, `_op` behind the columns. */
export function tableCells(
  schema: Schema,
): (rows: readonly Row[], unit: UnitInfo) => Cells[] {
  const cells = schema.map(({ name, type }) => {
    const cell = cellOf(type);
    return (row: Row) => {
      const value = row[name] ?? null;
      return value === null ? "" : cell(value);
    };
  });
  return (rows, { op }) =>
    rows.map((row) => [...cells.map((cell) => cell(row)), op]);
}

/** Lays out lines; columns grow with what they have seen, and never cut. */
export class TableLayout {
  readonly #names: Cells;
  readonly #right: readonly boolean[];
  #widths: number[] | undefined;

  constructor(schema: Schema) {
    this.#names = [...schema.map(({ name }) => name), "_op"];
    this.#right = [...schema.map(({ type }) => isNumber(type)), false];
  }

  /** The text of lines; above the first ones stand the names. */
  text(lines: readonly Cells[]): string {
    const all = this.#widths ? lines : [this.#names, ...lines];
    const widths = this.#widths ?? this.#names.map(() => 0);
    for (const line of all) {
      line.forEach((cell, i) => {
        widths[i] = Math.max(widths[i] ?? 0, cell.length);
      });
    }
    this.#widths = widths;
    return all.map((line) => {
      const cells = line.map((cell, i) =>
        this.#right[i]
          ? cell.padStart(widths[i] ?? 0)
          : cell.padEnd(widths[i] ?? 0)
      );
      return `${cells.join("  ").trimEnd()}\n`;
    }).join("");
  }
}

function isNumber(type: ColumnType): boolean {
  return /^(u?int\d+|float64)$/.test(type);
}

function cellOf(type: ColumnType): (value: Row[string]) => string {
  const text = jsonText(type);
  switch (type) {
    case "address":
    case "hash":
    case "bytes":
      return (value) => shortHex(value as string);
    case "string":
      return (value) => shortText(value as string);
  }
  return (value) => {
    const json = text(value ?? null);
    return shortText(json.startsWith(`"`) ? json.slice(1, -1) : json);
  };
}

function shortHex(text: string): string {
  return text.length <= longestHex
    ? text
    : `${text.slice(0, 10)}…${text.slice(-8)}`;
}

function shortText(text: string): string {
  // A token's name comes from anybody: it must not steer the terminal.
  const plain = text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  return plain.length <= longestText
    ? plain
    : `${plain.slice(0, longestText - 1)}…`;
}
