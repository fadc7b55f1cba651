/**
 * The result of a query as text.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { types } from "cassandra-driver";
import type { QueryFormat } from "../../runtime/component.ts";

/** What a query returned. */
export interface ResultRows {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly types.Row[];
}

/** Write rows as a table for people, JSON lines or CSV. */
export async function resultText(
  { columns, rows }: ResultRows,
  format: QueryFormat,
): Promise<string> {
  // A statement without a result prints nothing.
  if (columns.length === 0) return "";
  const names = columns.map(({ name }) => name);
  const values = rows.map((row) => names.map((name) => plain(row[name])));
  if (format === "json") {
    return values.map((cells) =>
      JSON.stringify(Object.fromEntries(names.map((name, i) => [
        name,
        cells[i],
      ])))
    ).join("\n");
  }
  const cells = values.map((row) => row.map(cellText));
  if (format === "csv") {
    const { stringify } = await import("csv-stringify/sync");
    return stringify([names, ...cells]);
  }
  const { default: Table } = await import("cli-table3");
  const table = new Table({ head: names, style: { head: [], border: [] } });
  table.push(...cells);
  return table.toString();
}

/** A value as JSON has it: no integer passes through a float. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value === null || typeof value !== "object") return value ?? null;
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `0x${value.toString("hex")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Set) return Array.from(value, plain);
  if (value instanceof Map) {
    return Object.fromEntries(
      Array.from(value, ([key, one]) => [cellText(plain(key)), plain(one)]),
    );
  }
  // Identifiers, addresses, dates and the like say themselves.
  return String(value);
}

function cellText(value: unknown): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
