/**
 * Arguments of reads: constants, values of a contract, and lists that
 * multiply.
 *
 * @module
 */
import {
  type Column,
  type Place,
  type Row,
  type Value,
} from "../../../runtime/component.ts";
import type { AbiValue } from "../abi/codec.ts";
import { encodeValues } from "../abi/encode.ts";
import { type AbiParameter, type AbiType, isObject } from "../abi/types.ts";
import type { Contract } from "./contracts.ts";
import type { WrittenRead } from "./reads.ts";
import { columnTypeOf } from "./values.ts";

/** The reads of a spec by the names of their columns. */
export type Reads = Readonly<Record<string, WrittenRead>>;

/** What arguments are made of. */
export interface Given {
  readonly reads: Reads;
  readonly contracts: readonly Contract[];
  /** For every contract; a list multiplies the rows. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Arguments of which each set of values comes once: all pairs. */
  readonly distinct: readonly string[];
}

/** The column of the triggering row that an argument is taken from. */
export function columnOf(value: unknown): string | undefined {
  const column = isObject(value) ? value["column"] : undefined;
  return typeof column === "string" ? column : undefined;
}

/** An argument in the form of a column and in that of a decoded value. */
interface Argument {
  readonly value: Value;
  readonly decoded: AbiValue;
}

/** The name of a parameter in `args:`. */
export function parameterName({ name }: AbiParameter, index: number): string {
  return name === "" ? `arg_${index}` : name;
}

/** The parameters of all reads by name. */
export function parametersOf(reads: Reads): ReadonlyMap<string, AbiParameter> {
  const parameters = new Map<string, AbiParameter>();
  for (const { abi } of Object.values(reads)) {
    abi.inputs.forEach((input, index) => {
      const name = parameterName(input, index);
      if (!parameters.has(name)) parameters.set(name, input);
    });
  }
  return parameters;
}

/** Columns for the arguments that differ from row to row. */
export function argumentColumns(given: Given): readonly Column[] {
  return varying(given).flatMap((name) => {
    const parameter = parametersOf(given.reads).get(name);
    if (!parameter) return [];
    const type = columnTypeOf(parameter.type);
    return [{ name, type, doc: `Argument ${parameter.canonical} ${name}` }];
  });
}

/** Arguments that are lists, or that contracts have of their own. */
function varying({ args, contracts, reads }: Given): readonly string[] {
  return [...parametersOf(reads)].filter(([name, { type }]) =>
    contracts.some(({ values }) => name in values) ||
    (name in args &&
      (isMany(args[name], type) || columnOf(args[name]) !== undefined))
  ).map(([name]) => name);
}

/** Whether a value is a list of values of its type. */
function isMany(value: unknown, type: AbiType): boolean {
  if (!Array.isArray(value)) return false;
  return type.kind !== "array" ||
    (value.length > 0 && value.every(Array.isArray));
}

/** Report arguments that are missing, unknown or of the wrong type. */
export function checkArguments(given: Given, place: Place): void {
  const { args, contracts, distinct, reads } = given;
  const parameters = parametersOf(reads);
  for (const [name, value] of Object.entries(args)) {
    const parameter = parameters.get(name);
    const at = place.at("args").at(name);
    if (!parameter) {
      at.report(
        `No read has an argument "${name}"`,
        known(parameters),
        { key: true },
      );
      continue;
    }
    if (columnOf(value) === undefined) checkValues(value, parameter, at);
  }
  for (const [name, { abi, args: own = {} }] of Object.entries(reads)) {
    const at = place.at("read").at(name);
    abi.inputs.forEach((input, index) => {
      const argument = parameterName(input, index);
      const first = parameters.get(argument);
      if (first && first.canonical !== input.canonical && !(argument in own)) {
        at.report(
          `Argument "${argument}" is ${input.canonical} here and ` +
            `${first.canonical} in another read`,
          `give it here: args: { ${argument}: … }`,
        );
      } else if (argument in own) {
        const value = argumentOf(own[argument], input.type);
        if (typeof value === "string") {
          at.at("args").at(argument).report(value);
        }
      } else if (!(argument in args)) {
        const lacking = contracts.find(({ values }) => !(argument in values));
        if (!lacking && contracts.length > 0) return;
        at.report(
          `No value for the argument "${argument}" of ${abi.name}`,
          `add args: { ${argument}: … }, or give it with each contract`,
        );
      }
    });
  }
  for (const { address, name, values } of contracts) {
    const at = place.at("contracts").at(name ?? "");
    for (const [argument, value] of Object.entries(values)) {
      const parameter = parameters.get(argument);
      if (!parameter) {
        at.report(
          `No read has an argument "${argument}", which ${
            name ?? address
          } gives`,
          known(parameters),
        );
        continue;
      }
      const wrong = argumentOf(value, parameter.type);
      if (typeof wrong === "string") at.at(argument).report(wrong);
    }
  }
  const lists = distinct.map((name) => JSON.stringify(args[name]));
  if (new Set(lists).size > 1 || lists.some((one) => !one?.startsWith("["))) {
    place.at("distinct").report(
      "Distinct arguments must have the same list of values",
      `write args: { ${distinct.map((name) => `${name}: [ … ]`).join(", ")} }`,
    );
  }
}

function known(parameters: ReadonlyMap<string, AbiParameter>): string {
  return parameters.size === 0
    ? "no function here takes any"
    : `arguments: ${[...parameters.keys()].join(", ")}`;
}

function checkValues(value: unknown, { type }: AbiParameter, at: Place): void {
  const many = isMany(value, type);
  (many ? value as unknown[] : [value]).forEach((one, index) => {
    const wrong = argumentOf(one, type);
    if (typeof wrong === "string") (many ? at.at(index) : at).report(wrong);
  });
}

/** Arguments of one row. */
export interface Combination {
  /** Values of the argument columns. */
  readonly values: Readonly<Record<string, Value>>;
  /** Calldata of each read, in their order. */
  readonly calldata: readonly string[];
}

/**
 * Every combination of arguments of a contract.
 *
 * @param row The row that has triggered the read, where one did.
 */
export function combinationsOf(
  contract: Contract,
  given: Given,
  row: Row = {},
): readonly Combination[] {
  const columns = varying(given);
  const parameters = parametersOf(given.reads);
  return choices(contract, given, row).map((chosen) => ({
    values: Object.fromEntries(columns.map((name) => {
      const parameter = parameters.get(name);
      return [
        name,
        parameter ? valid(chosen[name], parameter.type).value : null,
      ];
    })),
    calldata: Object.values(given.reads).map((read) => calldata(read, chosen)),
  }));
}

type Chosen = Readonly<Record<string, unknown>>;

/** Every choice of one value for each argument. */
function choices(
  { values }: Contract,
  { args, distinct, reads }: Given,
  row: Row,
): readonly Chosen[] {
  const parameters = parametersOf(reads);
  let chosen: { readonly values: Chosen; readonly at: Chosen }[] = [
    { values, at: {} },
  ];
  for (const [name, { type }] of parameters) {
    if (name in values || !(name in args)) continue;
    const column = columnOf(args[name]);
    const value = column === undefined ? args[name] : row[column];
    // Without a value for it there is nothing to call.
    if (typeof argumentOf(value, type) === "string" && column) return [];
    const options = isMany(value, type) ? value as unknown[] : [value];
    chosen = chosen.flatMap((one) =>
      options.map((option, index) => ({
        values: { ...one.values, [name]: option },
        at: { ...one.at, [name]: index },
      }))
    );
  }
  return chosen.filter(({ at }) =>
    distinct.every((name, index) => {
      const before = distinct[index - 1];
      return before === undefined || Number(at[before]) < Number(at[name]);
    })
  ).map(({ values }) => values);
}

function calldata({ abi, args = {} }: WrittenRead, chosen: Chosen): string {
  if (abi.inputs.length === 0) return abi.selector;
  const values = abi.inputs.map((input, index) => {
    const name = parameterName(input, index);
    return valid(args[name] ?? chosen[name], input.type).decoded;
  });
  return abi.selector +
    encodeValues(abi.inputs.map(({ type }) => type), values);
}

function valid(value: unknown, type: AbiType): Argument {
  const argument = argumentOf(value, type);
  if (typeof argument === "string") throw new TypeError(argument);
  return argument;
}

/** A written value as an argument, or what is wrong with it. */
function argumentOf(value: unknown, type: AbiType): Argument | string {
  switch (type.kind) {
    case "uint":
    case "int":
      return integer(value, type);
    case "address":
      return hex(value, 20, "an address");
    case "bool":
      return typeof value === "boolean"
        ? { value, decoded: value }
        : `Expected true or false, found ${shown(value)}`;
    case "string":
      return typeof value === "string"
        ? { value, decoded: value }
        : `Expected text, found ${shown(value)}`;
    case "bytes":
      return hex(value, undefined, "bytes in hex");
    case "fixed_bytes":
      return hex(value, type.size, `${type.size} bytes in hex`);
    case "array": {
      if (!Array.isArray(value)) return "Expected a list";
      if (type.length !== null && type.length !== value.length) {
        return `Expected a list of ${type.length}, found ${value.length}`;
      }
      const items = value.map((one) => argumentOf(one, type.item));
      const wrong = items.find((one) => typeof one === "string");
      if (wrong !== undefined) return wrong;
      const fine = items as Argument[];
      return {
        value: fine.map(({ value }) =>
          typeof value === "bigint" ? String(value) : value
        ),
        decoded: fine.map(({ decoded }) => decoded),
      };
    }
    case "tuple":
      return "A struct cannot be given as an argument";
  }
}

function integer(
  value: unknown,
  { bits, kind }: { readonly kind: "uint" | "int"; readonly bits: number },
): Argument | string {
  const text = String(value);
  if (!/^(-?\d+|0x[0-9a-f]+)$/i.test(text)) {
    return `Expected a whole number, found ${shown(value)}`;
  }
  const exact = BigInt(text);
  const fits = kind === "uint"
    ? BigInt.asUintN(bits, exact) === exact
    : BigInt.asIntN(bits, exact) === exact;
  if (!fits) return `${text} does not fit ${kind}${bits}`;
  const wide = bits > 64;
  const number = Number(exact);
  return {
    value: wide || !Number.isSafeInteger(number) ? exact : number,
    decoded: String(exact),
  };
}

function hex(
  value: unknown,
  size: number | undefined,
  what: string,
): Argument | string {
  const text = String(value).toLowerCase();
  const whole = /^0x([0-9a-f]{2})*$/.test(text);
  if (whole && (size === undefined || text.length === 2 + 2 * size)) {
    return { value: text, decoded: text };
  }
  return `Expected ${what}, found ${shown(value)}`;
}

function shown(value: unknown): string {
  return typeof value === "bigint" ? String(value) : `${JSON.stringify(value)}`;
}
