/**
 * What is read: functions of contracts and the columns that they fill.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import {
  type Config,
  type Field,
  fields,
  optional,
  type Place,
} from "../../../runtime/component.ts";
import { type AbiFunction, parseAbi } from "../abi/abi.ts";
import { AbiError } from "../abi/types.ts";

const readMembers = {
  function: fields.string(
    "Human-readable, or the name of a function of the file",
  ),
  file: optional(fields.file("JSON file with the ABI, relative to the spec")),
  columns: optional(fields.list(
    fields.string("Column"),
    "Names of the columns, in the order of the outputs",
  )),
  explode: optional(
    fields.boolean("A list becomes a row an item, a struct a column a member"),
    false,
  ),
  args: optional(fields.map(
    fields.any("Value"),
    "Arguments of this function alone, by name",
  )),
  gas: optional(fields.integer("Gas that it uses, about", { min: 1 })),
};

/** A function to read, as a spec has it. */
export interface WrittenRead
  extends Omit<Config<typeof readMembers>, "function" | "file"> {
  readonly abi: AbiFunction;
}

const whole = fields.object(readMembers, "Function with more about it");

/** A function: human-readable, or an object with more about it. */
export const readField: Field<WrittenRead> = {
  doc: "Function, human-readable: latestAnswer() returns (int256)",
  required: true,
  schema: {
    anyOf: [
      { type: "string", examples: ["decimals() returns (uint8)"] },
      whole.schema,
    ],
  },
  noun: "function",
  read(value, place) {
    if (typeof value === "string") {
      const abi = functionOf(value, undefined, place);
      return abi && {
        abi,
        explode: false,
        columns: undefined,
        args: undefined,
        gas: undefined,
      };
    }
    const config = whole.read(value, place);
    if (!config) return undefined;
    const { file, function: text, ...rest } = config;
    const abi = functionOf(text, file, place);
    return abi && { ...rest, abi };
  },
};

/** The function that is meant; what is wrong with it is reported. */
function functionOf(
  text: string,
  file: string | undefined,
  place: Place,
): AbiFunction | undefined {
  try {
    const found = file === undefined
      ? parseAbi([text]).functions
      : named(text, parseAbi(textOf(file, place)).functions);
    const [abi, ...others] = found;
    if (!abi) {
      return file === undefined
        ? place.report("Expected a function", HOW)
        : place.at("function").report(
          `"${file}" has no function "${text}"`,
          functionsHint(file, place),
        );
    }
    if (others.length > 0) {
      return place.at("function").report(
        `"${file}" has several functions "${text}"`,
        `name one: ${found.map(({ signature }) => signature).join(", ")}`,
      );
    }
    if (abi.outputs.length > 0) return abi;
    return place.report(`Function "${abi.name}" returns nothing`, HOW);
  } catch (error) {
    if (error instanceof AbiError) return place.report(error.message, HOW);
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return place.at("file").report(
      `Cannot find ABI file "${file}"`,
      "files are relative to the folder of the spec",
    );
  }
}

const HOW = "write it like latestAnswer() returns (int256)";

/** So many names are a help. */
const mostShown = 20;

function functionsHint(file: string, place: Place): string {
  const names = parseAbi(textOf(file, place)).functions
    .filter(({ outputs }) => outputs.length > 0).map(({ name }) => name);
  const shown = [...new Set(names)].slice(0, mostShown);
  return `functions: ${shown.join(", ")}${
    shown.length < names.length ? ", …" : ""
  }`;
}

function textOf(file: string, { folder }: Place): string {
  return Deno.readTextFileSync(isAbsolute(file) ? file : join(folder, file));
}

function named(text: string, functions: readonly AbiFunction[]) {
  const signature = text.replace(/\s/g, "");
  return functions.filter((one) =>
    one.name === text || one.signature === signature
  );
}
