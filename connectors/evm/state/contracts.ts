/**
 * Which contracts are read: named, listed, in a file, seen in a column.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import {
  type Field,
  fields,
  type Match,
  type Place,
  type Row,
} from "../../../runtime/component.ts";
import { isObject } from "../abi/types.ts";

/** A contract of a spec. */
export interface Contract {
  /** Undefined in a list. */
  readonly name: string | undefined;
  /** Lowercase. */
  readonly address: string;
  /** Arguments of its reads, by their names, as written. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The contracts of a spec. */
export interface Contracts {
  /** Those that are known from the beginning. */
  readonly known: readonly Contract[];
  /** Each address of this column, from the block on in which it is seen. */
  readonly seen: SeenColumn | undefined;
}

/** A column whose addresses are contracts to read. */
export interface SeenColumn {
  readonly column: string;
  /** Members of a json column that lead to the address. */
  readonly members: readonly string[];
  /** Which rows count; undefined: all. */
  readonly where: Match | undefined;
}

const address = fields.address("Contract");

const HOW = 'write { name: "0x…" }, a list of addresses, { file: PATH } or ' +
  "{ from: stage.output.column }";

const where = fields.match("Which rows of the column's output count");

/** The contracts of a spec: a map, a list, a file with either, a column. */
export const contractsField: Field<Contracts> = {
  doc: "Contracts to read: a map of names to addresses, a list, " +
    "{ file: PATH } with either, or every address that a column has had: " +
    "{ from: stage.output.column }",
  required: false,
  fallback: [],
  noun: "map or list of addresses",
  schema: {
    anyOf: [
      address.schema,
      { type: "array", items: address.schema },
      {
        type: "object",
        properties: {
          file: { type: "string" },
          from: { type: "string" },
          where: where.schema,
        },
        additionalProperties: {
          anyOf: [address.schema, {
            type: "object",
            properties: { address: address.schema },
            required: ["address"],
          }],
        },
      },
    ],
  },
  read(value, place) {
    const { file, from } = isObject(value) ? value : {};
    if (isName(from)) return seenIn(from, value as Members, place);
    const known = isName(file)
      ? contractsOfFile(file, place.at("file"))
      : contractsOf(value, place);
    const once = known && unique(known, place);
    return once && { known: once, seen: undefined };
  },
};

type Members = Readonly<Record<string, unknown>>;

/** A contract may be called "file" as well. */
function isName(value: unknown): value is string {
  return typeof value === "string" && !/^0x[0-9a-f]{40}$/i.test(value);
}

function seenIn(
  from: string,
  { from: _, where: match, ...others }: Members,
  place: Place,
): Contracts | undefined {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    return place.at(other).report(
      `Unknown field "${other}" beside "from"`,
      "fields: from, where",
      { key: true },
    );
  }
  const at = place.at("from");
  const schema = at.input ?? [];
  // An output's name may stand between the stage and the column.
  const [, ...parts] = from.split(".");
  const isColumn = (name: string | undefined) =>
    schema.some((column) => column.name === name);
  const [column = "", ...members] = isColumn(parts[1]) ? parts.slice(1) : parts;
  const found = schema.find(({ name }) => name === column);
  const type = found?.type;
  if (type !== "address" && !(type === "json" && members.length > 0)) {
    const fit = schema.filter(({ type }) => type === "address")
      .map(({ name }) => name);
    return at.report(
      found
        ? `Column "${column}" is of type ${type}, not an address`
        : `"${from}" names no column`,
      fit.length > 0
        ? `columns with addresses: ${fit.join(", ")}`
        : "write stage.output.column, and for json stage.output.column.member",
    );
  }
  const matches = match === undefined
    ? undefined
    : where.read(match, place.at("where"));
  if (match !== undefined && !matches) return undefined;
  return { known: [], seen: { column, members, where: matches } };
}

/** The contracts in rows that a column names, lowercase. */
export function addressesIn(
  rows: readonly Row[],
  { column, members, where }: SeenColumn,
): readonly string[] {
  const addresses = new Set<string>();
  for (const row of rows) {
    if (where && !where(row)) continue;
    let value: unknown = row[column];
    for (const member of members) {
      value = isObject(value) ? value[member] : undefined;
    }
    if (typeof value !== "string" || !/^0x[0-9a-f]{40}$/i.test(value)) continue;
    addresses.add(value.toLowerCase());
  }
  return [...addresses];
}

function contractsOf(
  value: unknown,
  place: Place,
): readonly Contract[] | undefined {
  const entries: [string | number, unknown][] = isObject(value)
    ? Object.entries(value)
    : Array.isArray(value)
    ? value.map((one, index) => [index, one])
    : typeof value === "string"
    ? [["", value]]
    : [];
  if (entries.length === 0 && !isObject(value) && !Array.isArray(value)) {
    return place.report("Expected contracts", HOW);
  }
  const read = entries.map(([key, one]) =>
    contractOf(key, one, key === "" ? place : place.at(key))
  );
  return read.every((one) => one !== undefined) ? read : undefined;
}

function contractOf(
  key: string | number,
  value: unknown,
  place: Place,
): Contract | undefined {
  const name = typeof key === "string" && key !== "" ? key : undefined;
  if (!isObject(value)) {
    const at = address.read(value, place);
    return at === undefined ? undefined : { name, address: at, values: {} };
  }
  const { address: written, ...values } = value;
  if (written === undefined) {
    return place.report(
      'A contract needs an "address"',
      'write { address: "0x…" } and its arguments by their names',
    );
  }
  const at = address.read(written, place.at("address"));
  return at === undefined ? undefined : { name, address: at, values };
}

/** JSON with a map or a list, or an address a line with a name behind it. */
function contractsOfFile(
  file: string,
  place: Place,
): readonly Contract[] | undefined {
  let text: string;
  try {
    const { folder } = place;
    text = Deno.readTextFileSync(isAbsolute(file) ? file : join(folder, file));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return place.report(
      `Cannot find the file "${file}"`,
      "files are relative to the folder of the spec",
    );
  }
  try {
    return contractsOf(
      /^\s*[[{]/.test(text) ? JSON.parse(text) : lines(text),
      inside(file, place),
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return place.report(`Cannot read "${file}": ${error.message}`);
  }
}

function lines(text: string): unknown {
  const rows = text.split("\n").map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map((line) => line.split(/[\s,;]+/));
  const named = rows.every(([, name]) => name !== undefined);
  return named
    ? Object.fromEntries(rows.map(([address, name]) => [name, address]))
    : rows.map(([address]) => address);
}

/** What is wrong inside of a file is reported where the spec names it. */
function inside(file: string, place: Place): Place {
  const report: Place["report"] = (message, hint) =>
    place.report(`${message} in "${file}"`, hint);
  const within: Place = { ...place, report, at: () => within };
  return within;
}

function unique(
  contracts: readonly Contract[],
  place: Place,
): readonly Contract[] | undefined {
  const known = new Set<string>();
  for (const { address, values } of contracts) {
    const key = `${address} ${JSON.stringify(values)}`;
    if (known.has(key)) {
      return place.report(
        `Contract ${address} is there twice`,
        "leave one out",
      );
    }
    known.add(key);
  }
  return contracts;
}
