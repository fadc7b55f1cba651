/**
 * Which contracts are read: named, listed, in a file.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import { type Field, fields, type Place } from "../../../runtime/component.ts";
import { isObject } from "../abi_types.ts";

/** A contract of a spec. */
export interface Contract {
  /** Undefined in a list. */
  readonly name: string | undefined;
  /** Lowercase. */
  readonly address: string;
  /** Arguments of its reads, by their names, as written. */
  readonly values: Readonly<Record<string, unknown>>;
}

const address = fields.address("Contract");

const HOW = 'write { name: "0x…" }, a list of addresses, or { file: PATH }';

/** The contracts of a spec: a map, a list, or a file with either. */
export const contractsField: Field<readonly Contract[]> = {
  doc: "Contracts to read: a map of names to addresses, a list, " +
    "{ file: PATH } with either",
  required: true,
  noun: "map or list of addresses",
  schema: {
    anyOf: [
      address.schema,
      { type: "array", items: address.schema },
      {
        type: "object",
        properties: { file: { type: "string" } },
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
    const file = isObject(value) ? value["file"] : undefined;
    const isFile = typeof file === "string" && !/^0x[0-9a-f]{40}$/i.test(file);
    const contracts = isFile && Object.keys(value as object).length === 1
      ? contractsOfFile(file, place.at("file"))
      : contractsOf(value, place);
    if (contracts?.length === 0) {
      return place.report("Expected a contract, found none", HOW);
    }
    return contracts && unique(contracts, place);
  },
};

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
