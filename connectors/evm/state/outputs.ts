/**
 * The columns that a function fills, and how its answer becomes their values.
 *
 * @module
 */
import type { Column, Value } from "../../../runtime/component.ts";
import type { AbiValue } from "../abi/codec.ts";
import { compileParameters } from "../abi/decoder.ts";
import { DecodeError } from "../abi/input.ts";
import type { AbiParameter, AbiType } from "../abi/types.ts";
import type { WrittenRead } from "./reads.ts";
import { columnTypeOf, converter, sizeOf, textInWord } from "./values.ts";

/** How the answer of a function fills columns. */
export interface ReadOutputs {
  readonly columns: readonly Column[];
  /** Whether there is a row for each item of a list. */
  readonly list: boolean;
  /** Bytes that it may return. */
  readonly size: number;
  /**
   * The values of the columns, once, or for each item of the list.
   *
   * @throws {DecodeError} The answer is not what the ABI says.
   */
  decode(data: string): readonly (readonly Value[])[];
}

/** A value within what was returned. */
interface Part {
  readonly name: string;
  readonly type: AbiType;
  /** What an ABI says of it. */
  readonly what: string;
  take(value: AbiValue): AbiValue;
}

/** Compile the outputs of a read; `name` is that of its first column. */
export function compileOutputs(name: string, read: WrittenRead): ReadOutputs {
  const { outputs } = read.abi;
  // Without names the decoder gives positions, whatever the ABI calls them.
  const decoder = compileParameters(
    outputs.map((output) => ({ ...output, name: "" })),
  );
  const list = listOf(read);
  const parts = partsOf(name, read);
  const names = read.columns ?? parts.map((part) => part.name);
  const values = parts.map(({ take, type }) => ({
    take,
    convert: converter(type),
  }));
  const fill = (value: AbiValue) =>
    values.map(({ convert, take }) => convert(take(value)));
  const text = (data: string) => {
    const text = textInWord(outputs, data);
    return text === undefined ? undefined : [[text]];
  };
  return {
    columns: [
      ...list
        ? [{
          name: `${name}_index`,
          type: "uint32" as const,
          nullable: true,
          doc: `Place in the list of ${read.abi.name}`,
        }]
        : [],
      ...parts.map(({ type, what }, index) => ({
        name: names[index] ?? `${name}_${index}`,
        type: columnTypeOf(type),
        nullable: true,
        doc: what,
      })),
    ],
    list: list !== undefined,
    size: outputs.reduce((sum, { type }) => sum + sizeOf(type), 0),
    decode(data) {
      const old = text(data);
      if (old) return old;
      if (data === "0x") throw new DecodeError("nothing was returned");
      const decoded = decoder.decode(data);
      if (!list) return [fill(decoded)];
      const items = decoded["0"] as readonly AbiValue[];
      return items.map((item, index) => [index, ...fill([item])]);
    },
  };
}

/** The list whose items become rows. */
function listOf({ abi: { outputs }, explode }: WrittenRead) {
  const [only] = outputs;
  return explode && outputs.length === 1 && only?.type.kind === "array"
    ? only.type
    : undefined;
}

/** How many columns its values have, for a check of their names. */
export function partCount(name: string, read: WrittenRead): number {
  return partsOf(name, read).length;
}

function partsOf(name: string, read: WrittenRead): readonly Part[] {
  const { abi: { name: of, outputs }, explode } = read;
  const [only] = outputs;
  const type = listOf(read)?.item ?? only?.type;
  const at = (index: number) => (value: AbiValue) =>
    (value as Readonly<Record<number, AbiValue>>)[index] ?? "";
  if (outputs.length !== 1 || !type) {
    return outputs.map((output, index) =>
      partOf(output, { of, index, name, take: at(index) })
    );
  }
  const first = at(0);
  if (!explode || type.kind !== "tuple") {
    const what = only?.canonical ?? "";
    return [{ name, type, what: `${of}: ${what}`, take: first }];
  }
  const { components } = type;
  const byName = isNamed(components);
  return components.map((component, index) =>
    partOf(component, {
      ...{ of, index, name },
      take: (value) =>
        (first(value) as Readonly<Record<string, AbiValue>>)[
          byName ? component.name : index
        ] ?? "",
    })
  );
}

function partOf(
  { canonical, name: own, type }: AbiParameter,
  { index, name, of, take }: {
    readonly of: string;
    readonly index: number;
    readonly name: string;
    readonly take: Part["take"];
  },
): Part {
  return {
    // Solidity's authors write `_reserve0` so that it is no state variable.
    name: own.replace(/^_+/, "") || `${name}_${index}`,
    type,
    what: `${of}, output ${index}: ${canonical}`,
    take,
  };
}

/** Whether the decoder makes an object of a struct, or a list. */
function isNamed(components: readonly AbiParameter[]): boolean {
  const names = components.map(({ name }) => name);
  return names.length > 0 && !names.includes("") &&
    new Set(names).size === names.length;
}
