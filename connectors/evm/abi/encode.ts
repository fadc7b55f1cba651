/**
 * Encode decoded values again: of several signatures that decode the same
 * bytes, the right one gives these bytes back.
 *
 * @module
 */
import type { AbiValue } from "./codec.ts";
import type { AbiArguments } from "./decoder.ts";
import type { AbiParameter, AbiType } from "./types.ts";

const WORD_DIGITS = 64;

/** Decimal numbers with fewer digits are exact as a number. */
const EXACT_DIGITS = 16;

const utf8 = new TextEncoder();

/** The names under which arguments are kept, in the order of parameters. */
export function argumentKeys(parameters: readonly AbiParameter[]): string[] {
  const names = parameters.map((parameter) => parameter.name);
  // Positions are digits, and so never collide with the names that are kept.
  return names.map((name, position) => {
    const unique = names.indexOf(name) === names.lastIndexOf(name);
    return unique && !/^\d*$/.test(name) ? name : String(position);
  });
}

/** Arguments in the order of their parameters. */
export function argumentList(
  parameters: readonly AbiParameter[],
  args: AbiArguments,
): AbiValue[] {
  return argumentKeys(parameters).map((key) => args[key] ?? "");
}

/** Components of a decoded tuple in their order. */
export function componentList(
  components: readonly AbiParameter[],
  value: AbiValue,
): readonly AbiValue[] {
  if (Array.isArray(value)) return value;
  const record = value as { readonly [name: string]: AbiValue };
  return components.map(({ name }) => record[name] ?? "");
}

/** Encode values as the contract ABI specification has it, without `0x`. */
export function encodeValues(
  types: readonly AbiType[],
  values: readonly AbiValue[],
): string {
  let size = 0;
  for (const type of types) size += headSize(type);
  let head = "";
  let tail = "";
  types.forEach((type, index) => {
    const text = encode(type, values[index] ?? "");
    if (isDynamic(type)) {
      head += word(size + tail.length / 2);
      tail += text;
    } else head += text;
  });
  return head + tail;
}

/** The topic of an indexed value; undefined where the topic is a hash. */
export function encodeTopic(
  type: AbiType,
  value: AbiValue,
): string | undefined {
  switch (type.kind) {
    case "array":
    case "bytes":
    case "string":
    case "tuple":
      return undefined;
    default:
      return encode(type, value);
  }
}

function encode(type: AbiType, value: AbiValue): string {
  switch (type.kind) {
    case "uint":
    case "int":
      return integer(String(value));
    case "bool":
      return word(value ? 1 : 0);
    case "address":
      return String(value).slice(2).padStart(WORD_DIGITS, "0");
    case "fixed_bytes":
      return String(value).slice(2).padEnd(WORD_DIGITS, "0");
    case "bytes":
      return tail(String(value).slice(2));
    case "string":
      return tail(utf8.encode(String(value)).toHex());
    case "tuple":
      return encodeValues(
        type.components.map((each) => each.type),
        componentList(type.components, value),
      );
    case "array": {
      const items = value as readonly AbiValue[];
      const text = encodeValues(items.map(() => type.item), items);
      return type.length === null ? word(items.length) + text : text;
    }
  }
}

/** `bytes` and `string`: a length, and the bytes filled up to whole words. */
function tail(digits: string): string {
  const whole = Math.ceil(digits.length / WORD_DIGITS) * WORD_DIGITS;
  return word(digits.length / 2) + digits.padEnd(whole, "0");
}

function word(value: number | bigint): string {
  return value.toString(16).padStart(WORD_DIGITS, "0");
}

/** A decimal number, as a two's complement where it is negative. */
function integer(text: string): string {
  // A number takes a tenth of the time, and nearly all are small.
  if (text.length < EXACT_DIGITS && !text.startsWith("-")) {
    return word(Number(text));
  }
  return word(BigInt.asUintN(256, BigInt(text)));
}

// Types are few and asked for by the million.
const dynamic = new WeakMap<AbiType, boolean>();

function isDynamic(type: AbiType): boolean {
  let known = dynamic.get(type);
  if (known === undefined) {
    known = hasTail(type);
    dynamic.set(type, known);
  }
  return known;
}

function hasTail(type: AbiType): boolean {
  switch (type.kind) {
    case "bytes":
    case "string":
      return true;
    case "array":
      return type.length === null || isDynamic(type.item);
    case "tuple":
      return type.components.some((each) => isDynamic(each.type));
    default:
      return false;
  }
}

function headSize(type: AbiType): number {
  if (isDynamic(type)) return 32;
  switch (type.kind) {
    case "array":
      return (type.length ?? 0) * headSize(type.item);
    case "tuple":
      return type.components.reduce(
        (size, each) => size + headSize(each.type),
        0,
      );
    default:
      return 32;
  }
}

/** Words of a head, and in which one the first offset is. */
export function headLayout(
  types: readonly AbiType[],
): { readonly words: number; readonly dynamicAt: number | undefined } {
  let words = 0;
  let dynamicAt: number | undefined;
  for (const type of types) {
    if (isDynamic(type)) dynamicAt ??= words;
    words += headSize(type) / 32;
  }
  return { words, dynamicAt };
}
