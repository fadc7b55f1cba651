/**
 * From what a function returns to the values of columns.
 *
 * @module
 */
import type { ColumnType, Value } from "../../../runtime/component.ts";
import type { AbiValue } from "../abi/codec.ts";
import { DecodeError } from "../abi/input.ts";
import type { AbiParameter, AbiType } from "../abi/types.ts";

// What a list or a text may take, as a guess: the packing learns.
const LIST_BYTES = 1024;
const TEXT_BYTES = 96;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The column type of a value. */
export function columnTypeOf(type: AbiType): ColumnType {
  switch (type.kind) {
    case "uint":
      return type.bits <= 8
        ? "uint8"
        : type.bits <= 32
        ? "uint32"
        : type.bits <= 64
        ? "uint64"
        : "uint256";
    case "int":
      return type.bits <= 64 ? "int64" : "int256";
    case "fixed_bytes":
      return type.size === 32 ? "hash" : "bytes";
    case "array":
    case "tuple":
      return "json";
    default:
      return type.kind;
  }
}

/** Bytes that a value may take in an answer. */
export function sizeOf(type: AbiType): number {
  switch (type.kind) {
    case "array":
      return type.length === null
        ? LIST_BYTES
        : Math.min(LIST_BYTES, type.length * sizeOf(type.item));
    case "bytes":
    case "string":
      return TEXT_BYTES;
    case "tuple":
      return type.components.reduce((sum, one) => sum + sizeOf(one.type), 0);
    default:
      return 32;
  }
}

/**
 * Make the function that turns a decoded value into that of its column.
 *
 * @throws {DecodeError} (the function) A whole word is out of its type's
 * range.
 */
export function converter(type: AbiType): (value: AbiValue) => Value {
  if (type.kind !== "uint" && type.kind !== "int") {
    return (value) => value as Value;
  }
  const { bits, kind } = type;
  const wide = columnTypeOf(type).endsWith("256");
  const [low, high] = kind === "uint"
    ? [0n, 2n ** BigInt(bits)]
    : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1)];
  return (value) => {
    const exact = BigInt(String(value));
    if (exact < low || exact >= high) {
      throw new DecodeError(`${exact} is out of the range of ${kind}${bits}`);
    }
    const number = Number(exact);
    return wide || !Number.isSafeInteger(number) ? exact : number;
  };
}

/**
 * The text in a word: tokens of before 2017 (MKR, SAI) return their symbol as
 * `bytes32`, where the standard that came later says `string`.
 */
export function textInWord(
  outputs: readonly AbiParameter[],
  data: string,
): string | undefined {
  const [only] = outputs;
  if (outputs.length !== 1 || only?.type.kind !== "string") return undefined;
  if (data.length !== 66) return undefined;
  const digits = data.slice(2).replace(/(00)+$/, "");
  // Offset 32 of an empty text is no text of 31 zeros and a space.
  if (digits.startsWith("00")) return undefined;
  try {
    return utf8.decode(Uint8Array.fromHex(digits));
  } catch {
    return undefined;
  }
}
