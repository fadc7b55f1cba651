/**
 * Comma-separated values with a header line.
 *
 * @module
 */
import { stringify } from "csv-stringify/sync";
import {
  type Column,
  jsonText,
  type Row,
  type Schema,
  type UnitInfo,
} from "../../runtime/component.ts";
import type { TextFormat } from "./jsonl.ts";

const utf8 = new TextEncoder();

/**
 * CSV of a schema, `_op` behind its columns. A cell holds what JSON would,
 * without the quotes; lists and `json` are JSON text. Null is an empty cell,
 * the empty string a quoted one.
 */
export function csvFormat(schema: Schema): TextFormat {
  const names = [...schema.map(({ name }) => name), "_op"];
  const cells = schema.map(cellOf);
  return {
    header: stringify([names]),
    encode(rows: readonly Row[], unit: UnitInfo) {
      const records = rows.map((row) => [
        ...cells.map((cell) => cell(row)),
        unit.op,
      ]);
      const text = stringify(records, { quoted_match: /^$/ });
      const data = utf8.encode(text);
      return { data, bytes: data.length };
    },
  };
}

type Cell = string | null;

function cellOf({ name, type }: Column): (row: Row) => Cell {
  const text = jsonText(type);
  switch (type) {
    case "address":
    case "hash":
    case "bytes":
    case "string":
      return (row) => row[name] as Cell;
    case "json":
      return (row) => row[name] === null ? null : text(row[name] ?? null);
  }
  if (type.startsWith("list<")) {
    return (row) => row[name] === null ? null : text(row[name] ?? null);
  }
  return (row) => {
    const value = row[name] ?? null;
    return value === null ? null : unquoted(text(value));
  };
}

/** JSON text of a number or a timestamp as it stands in a cell. */
function unquoted(json: string): string {
  return json.startsWith(`"`) ? json.slice(1, -1) : json;
}
