/**
 * Text with columns in it: `mainnet.tx.{case}`.
 *
 * A brace of the text itself is written twice: `{{` and `}}`.
 *
 * @module
 */
import { elementOf, type Row, type Value } from "../row.ts";
import { findColumn } from "./column.ts";
import type { Place } from "./field.ts";
import { shown, textHint } from "./members.ts";

/** A compiled template. */
export interface Template {
  /** As written in the spec. */
  readonly text: string;
  readonly columns: readonly string[];
  /** Times become RFC 3339 in UTC; a null becomes `null`. */
  render(row: Row): string;
}

/** Text, or the column whose value comes there. */
type Part = { readonly text: string } | { readonly column: string };

/** Read a template; its columns must be columns of the input. */
export function readTemplate(
  value: unknown,
  place: Place,
): Template | undefined {
  if (typeof value !== "string" || value === "") {
    return place.report(
      `Expected text, found ${shown(value)}`,
      textHint(value),
    );
  }
  const parts = parse(value, place);
  const names = parts?.flatMap((part) => "column" in part ? part.column : []);
  if (!parts || !names) return undefined;
  const columns = [...new Set(names)];
  const found = columns.map((name) => readable(name, place));
  if (found.includes(undefined)) return undefined;
  const times = new Set(
    found.flatMap((type, index) =>
      type === "timestamp" ? columns[index] ?? [] : []
    ),
  );
  return {
    text: value,
    columns,
    render: renderer(parts, times),
  };
}

function parse(text: string, place: Place): Part[] | undefined {
  const parts: Part[] = [];
  // Doubled braces first, then a name in braces, then a brace left over.
  const token = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
  let end = 0;
  for (const match of text.matchAll(token)) {
    const [whole, name] = match;
    parts.push({ text: text.slice(end, match.index) });
    end = match.index + whole.length;
    if (whole === "{{" || whole === "}}") parts.push({ text: whole.slice(1) });
    else if (name !== undefined && name.trim() !== "") {
      parts.push({ column: name.trim() });
    } else {
      return place.report(
        name === undefined
          ? `Unexpected "${whole}"`
          : "Expected a column between { and }",
        `write {column}; ${whole[0]}${whole[0]} is a plain ${whole[0]}`,
        { part: whole },
      );
    }
  }
  parts.push({ text: text.slice(end) });
  return parts;
}

/** The type of a column that can be text; "unknown" with an unknown input. */
function readable(name: string, place: Place): string | undefined {
  const part = `{${name}}`;
  const column = findColumn(name, place, { part });
  if (!column || column === "unknown") return column;
  if (column.type !== "json" && elementOf(column.type) === undefined) {
    return column.type;
  }
  return place.report(
    `Cannot write "${name}" into text: it holds ${
      column.type === "json" ? "JSON" : "a list"
    }`,
    undefined,
    { part },
  );
}

function renderer(
  parts: readonly Part[],
  times: ReadonlySet<string>,
): (row: Row) => string {
  return (row) => {
    let text = "";
    for (const part of parts) {
      text += "text" in part
        ? part.text
        : written(row[part.column] ?? null, times.has(part.column));
    }
    return text;
  };
}

function written(value: Value, isTime: boolean): string {
  return isTime && typeof value === "number"
    ? new Date(value).toISOString()
    : String(value);
}
