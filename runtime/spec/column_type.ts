/**
 * A field for the type of a column that a user declares: `uint256`,
 * `list<hash>`, `address?`.
 *
 * @module
 */
import { columnTypes } from "../encode/check.ts";
import type { Column } from "../row.ts";
import type { Field } from "./field.ts";
import { suggestion } from "./suggestion.ts";

/** What a column is declared to be. */
export type DeclaredColumn = Pick<Column, "type" | "nullable">;

/** A type of a column; a ? behind it allows null. */
export function columnType(): Field<DeclaredColumn> {
  return {
    doc: `A type (${columnTypes.join(", ")}), with ? when it may be null`,
    required: true,
    noun: "column type",
    schema: {
      type: "string",
      enum: columnTypes.flatMap((type) => [type, `${type}?`]),
    },
    read(value, place) {
      const text = String(value);
      const nullable = text.endsWith("?");
      const name = nullable ? text.slice(0, -1) : text;
      const type = columnTypes.find((one) => one === name);
      return type === undefined
        ? place.report(
          `Unknown column type "${text}"`,
          suggestion(name, columnTypes),
        )
        : { type, nullable };
    },
  };
}
