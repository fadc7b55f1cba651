/**
 * How the rows of a test differ from those it wants, in words.
 *
 * @module
 */
import type { Row, Value } from "../row.ts";
import type { RowsByPort, TestReject } from "./run_tests.ts";
import { portName, type SpecTest } from "./spec.ts";

/** What a test got. */
export interface Outcome {
  readonly got: readonly Row[];
  readonly rows: RowsByPort;
  readonly rejects: readonly TestReject[];
}

/** A difference: one line, and more of them below the source line. */
export interface Difference {
  readonly message: string;
  readonly details: readonly string[];
}

/** More rows than these are counted, not shown. */
const mostShown = 5;

/** Say how rows differ from the wanted ones; undefined when they do not. */
export function describeDifference(
  { port, rows: matches, written }: SpecTest["expect"][number],
  { got, rejects, rows }: Outcome,
): Difference | undefined {
  const name = portName(port);
  const wanted = written as readonly Row[];
  const details: string[] = [];
  for (const [index, want] of wanted.entries()) {
    const row = got[index];
    const title = `row ${index + 1}`;
    if (!row) details.push(`${title} is missing: ${show(want)}`);
    else if (!matches[index]?.(row)) {
      details.push(`${title}: ${differences(want, row).join(", ")}`);
    }
  }
  for (const [index, row] of got.entries()) {
    if (index >= wanted.length) {
      details.push(`row ${index + 1} is too many: ${show(row)}`);
    }
  }
  if (details.length === 0) return undefined;

  const rest = details.length - mostShown;
  const shown = rest > 1
    ? [...details.slice(0, mostShown), `and ${rest} more`]
    : details;
  const counted = got.length === wanted.length
    ? `${name} differs`
    : `${name} has ${count(got.length)}, expected ${wanted.length}`;
  const elsewhere = got.length < wanted.length
    ? whereRowsWent(port.stage, name, { rejects, rows })
    : [];
  return { message: counted, details: [...shown, ...elsewhere] };
}

function differences(want: Row, got: Row): string[] {
  return Object.keys(want).flatMap((column) => {
    const wanted = JSON.stringify(plain(want[column] ?? null));
    const found = JSON.stringify(plain(got[column] ?? null));
    return wanted === found ? [] : `${column} is ${found}, expected ${wanted}`;
  });
}

/** A missing row is often at another output, or was rejected. */
function whereRowsWent(
  stage: string,
  name: string,
  { rejects, rows }: Omit<Outcome, "got">,
): string[] {
  const others = [...rows]
    .filter(([other, { length }]) =>
      other.startsWith(`${stage}.`) && other !== name && length > 0
    )
    .map(([other, { length }]) => `${other} has ${count(length)}`);
  const refused = rejects.filter((reject) => reject.stage === stage)
    .map(({ reason }) => `"${stage}" rejected a row: ${reason}`);
  return [...others, ...refused.slice(0, mostShown)];
}

/** Columns that say something; a row of a test is mostly nulls. */
function show(row: Row): string {
  const columns = Object.entries(row)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${JSON.stringify(plain(value))}`);
  return columns.length > 0 ? `{ ${columns.join(", ")} }` : "{}";
}

function plain(value: Value): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, plain(one)]),
  );
}

function count(rows: number): string {
  return rows === 1 ? "1 row" : rows === 0 ? "no row" : `${rows} rows`;
}
