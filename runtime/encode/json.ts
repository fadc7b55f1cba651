/**
 * Rows to JSON lines: an encoder generated from the schema.
 *
 * One expression a column, joined into one function, is the fastest way that
 * was measured; `JSON.stringify` with a replacer takes twice as long.
 *
 * @module
 */
import {
  type Column,
  type ColumnType,
  elementOf,
  type Row,
  type ScalarType,
  type Schema,
} from "../row.ts";

export { type Checked, checkRow, columnTypes } from "./check.ts";

/** Options of {@linkcode jsonLines}. */
export interface JsonLinesOptions {
  /** Constant members behind the columns: `{ _op: "insert" }`. */
  readonly extra?: Readonly<Record<string, string>>;
}

/**
 * Compile an encoder: rows to one JSON object a line, columns in the order of
 * the schema.
 *
 * Rows are trusted to hold canonical values: hex goes in as it is. Rows from
 * outside pass {@linkcode checkRow} first. A missing value becomes `null`.
 *
 * Integers above 2^53, `uint256` and `int256` are decimal strings; timestamps
 * RFC 3339 in UTC; not-a-number and the infinities `"NaN"`, `"Infinity"` and
 * `"-Infinity"`, as in protobuf's JSON.
 *
 * @throws {RangeError} for a timestamp that is no time.
 */
export function jsonLines(
  schema: Schema,
  options: JsonLinesOptions = {},
): (rows: readonly Row[]) => string {
  const groups = grouped(schema);
  const extra = Object.entries(options.extra ?? {}).map(([name, value]) => [
    constant(`${JSON.stringify(name)}:${JSON.stringify(value)}`),
  ]);
  const line = (of: (column: Column) => Part[]) => {
    const members = groups.map((columns, i) =>
      columns.length > 1 ? [{ code: `t${i}` }] : columns.flatMap(of)
    );
    const parts = listed([...members, ...extra]);
    return joined([constant("{"), ...parts, constant("}\n")]);
  };
  const shared = groups.map((columns, i) =>
    columns.length > 1 ? remembered(columns, i) : undefined
  ).filter((one) => one !== undefined);
  const complete = groups.filter((columns) => columns.length === 1).flat()
    .filter(({ nullable }) => !nullable)
    .map(({ name }) => `row[${JSON.stringify(name)}]!=null`);
  return compile(`return (rows)=>{
    let s="",v${shared.map(({ names }) => `,${names}`).join("")};
    for(const row of rows){
      ${shared.map(({ code }) => code).join("")}
      s+=${["true", ...complete].join("&&")}?${line(present)}:${line(member)};
    }
    return s;
  }`) as (rows: readonly Row[]) => string;
}

/**
 * The rows of a block share what is told of it: where a timestamp stands
 * among columns of one prefix, as `block_timestamp` does, these are a group.
 */
function grouped(schema: Schema): Column[][] {
  const groups: Column[][] = [];
  for (const column of schema) {
    const [last] = groups.at(-1)?.slice(-1) ?? [];
    const prefix = prefixOf(column);
    if (last && prefix !== "" && prefixOf(last) === prefix) {
      groups.at(-1)?.push(column);
    } else groups.push([column]);
  }
  return groups.flatMap((group) =>
    group.some(({ type }) => type === "timestamp")
      ? [group]
      : group.map((column) => [column])
  );
}

function prefixOf({ name }: Column): string {
  return name.slice(0, name.indexOf("_") + 1);
}

/** Code that makes the text of a group anew when one of its values differs. */
function remembered(
  columns: readonly Column[],
  group: number,
): { readonly names: string; readonly code: string } {
  const kept = columns.map((_, i) => `k${group}_${i}`);
  const values = columns.map(({ name }) => `row[${JSON.stringify(name)}]`);
  const differs = kept.map((name, i) => `${name}!==${values[i]}`).join("||");
  const keep = kept.map((name, i) => `${name}=${values[i]};`).join("");
  const text = joined(listed(columns.map(member)));
  return {
    names: [...kept, `t${group}`].join(","),
    code: `if(t${group}===undefined||${differs}){${keep}t${group}=${text};}`,
  };
}

/** Members with commas between them. */
function listed(members: readonly (readonly Part[])[]): Part[] {
  return members.flatMap((one, i) => i === 0 ? one : [constant(","), ...one]);
}

/** A value of a column as JSON: what {@linkcode jsonLines} writes for it. */
export function jsonText(type: ColumnType): (value: Row[string]) => string {
  return compile(`return (v)=>v==null?"null":""+${expression(type)}`) as (
    value: Row[string],
  ) => string;
}

let lastTime = NaN;
let lastText = "";

/** Milliseconds since 1970 as RFC 3339 in UTC. */
export function rfc3339(time: number): string {
  // The rows of a block share one timestamp, and formatting costs 800 ns.
  if (time !== lastTime) {
    lastText = new Date(time).toISOString();
    lastTime = time;
  }
  return lastText;
}

let lastString = "";
let lastQuoted = '""';

/** A text as JSON; a column of names repeats the one before as a rule. */
function quotedText(text: string): string {
  if (text !== lastString) {
    lastQuoted = JSON.stringify(text);
    lastString = text;
  }
  return lastQuoted;
}

/** A plain value as JSON, integers that JavaScript holds as bigint as text. */
export function plainJson(value: unknown): string {
  try {
    // A replacer doubles the cost and canonical values have no bigint.
    return JSON.stringify(value) ?? "null";
  } catch {
    return JSON.stringify(
      value,
      (_, one) => typeof one === "bigint" ? String(one) : one,
    ) ?? "null";
  }
}

/** How a value is written: as what an expression yields, or that in quotes. */
interface Written {
  readonly code: (value: string) => string;
  readonly quoted?: boolean;
}

const inQuotes: Written = { code: (v) => v, quoted: true };

const scalars: Record<ScalarType, Written> = {
  bool: { code: (v) => v },
  uint8: { code: (v) => v },
  uint32: { code: (v) => v },
  uint64: { code: (v) => `whole(${v})` },
  int64: { code: (v) => `whole(${v})` },
  uint256: inQuotes,
  int256: inQuotes,
  float64: { code: (v) => `float(${v})` },
  address: inQuotes,
  hash: inQuotes,
  bytes: inQuotes,
  string: { code: (v) => `text(${v})` },
  timestamp: { code: (v) => `rfc3339(${v})`, quoted: true },
  json: { code: (v) => `plain(${v})` },
};

/** A part of a line: constant text, or an expression that yields text. */
interface Part {
  readonly text?: string;
  readonly code?: string;
}

function constant(text: string): Part {
  return { text };
}

function member({ name, type }: Column): Part[] {
  // Every column is asked for null, also those that have none: a null that
  // slips through must not become the text "null".
  const value = `(v=row[${JSON.stringify(name)}])==null`;
  return [
    constant(`${JSON.stringify(name)}:`),
    { code: `(${value}?"null":${expression(type)})` },
  ];
}

/**
 * A column that is known to hold a value: its quotes belong to the constants,
 * because the fewer pieces a text has the faster it is joined.
 */
function present(column: Column): Part[] {
  const { name, nullable, type } = column;
  const written = scalars[type as ScalarType] as Written | undefined;
  if (nullable) return member(column);
  const value = `row[${JSON.stringify(name)}]`;
  const key = `${JSON.stringify(name)}:`;
  if (!written?.quoted) {
    return [constant(key), { code: expression(type, value) }];
  }
  return [
    constant(`${key}"`),
    { code: written.code(value) },
    constant('"'),
  ];
}

/** One expression for all parts, neighbouring constants as one. */
function joined(parts: readonly Part[]): string {
  const sources: string[] = [];
  let text = "";
  for (const part of parts) {
    text += part.text ?? "";
    if (part.code === undefined) continue;
    if (text !== "") sources.push(JSON.stringify(text));
    sources.push(part.code);
    text = "";
  }
  return [...sources, JSON.stringify(text)].join("+");
}

function expression(type: ColumnType, value = "v"): string {
  const element = elementOf(type);
  if (element === undefined) return scalar(type as ScalarType, value);
  return `list(${value},(v)=>v==null?"null":${scalar(element, "v")})`;
}

function scalar(type: ScalarType, value: string): string {
  const { code, quoted } = scalars[type];
  return quoted ? `('"'+${code(value)}+'"')` : code(value);
}

function compile(body: string): unknown {
  return new Function(
    ...["whole", "float", "rfc3339", "text", "list", "plain", body],
  )(whole, float, rfc3339, quotedText, list, plainJson);
}

function whole(value: number | bigint): string {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
    ? `${value}`
    : `"${BigInt(value)}"`;
}

function float(value: number): string {
  return Number.isFinite(value) ? `${value}` : `"${value}"`;
}

function list<T>(values: readonly T[], text: (value: T) => string): string {
  let s = "";
  for (const value of values) s += s === "" ? text(value) : `,${text(value)}`;
  return `[${s}]`;
}
