/**
 * Columns of a stage's input, looked up by a name in the spec.
 *
 * @module
 */
import type { Column, Schema } from "../row.ts";
import type { Place, ReportOptions } from "./field.ts";
import { suggestion } from "./suggestion.ts";

/** A column that stands for any while the input is unknown. */
export type UnknownColumn = "unknown";

/**
 * The input's column of that name; `"unknown"` when the input itself is not
 * known, because an earlier stage is broken.
 */
export function findColumn(
  name: string,
  place: Place,
  options: ReportOptions = {},
): Column | UnknownColumn | undefined {
  if (!place.input) return "unknown";
  const column = place.input.find((one) => one.name === name);
  if (column) return column;
  return place.report(
    `The input has no column "${name}"`,
    columnHint(name, place.input),
    options,
  );
}

/** Which column was meant. */
export function columnHint(name: string, columns: Schema): string | undefined {
  const names = columns.map(({ name }) => name);
  // With a good guess thirty columns are noise.
  return suggestion(name, names) ?? suggestion(name, names, "columns");
}
