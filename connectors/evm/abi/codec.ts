/**
 * Compile types into closures that read them: what a type costs to look at is
 * paid once, not for every value.
 *
 * @module
 */
import { type AbiInput, DecodeError } from "./input.ts";
import type { AbiParameter, AbiType } from "./types.ts";

/** A decoded value, in the form of a `json` column. */
export type AbiValue =
  | string
  | boolean
  | readonly AbiValue[]
  | { readonly [name: string]: AbiValue };

/** Read the value whose head is at `at`; its offsets count from `base`. */
export type Read<Value = AbiValue> = (
  input: AbiInput,
  at: number,
  base: number,
) => Value;

/** How a type lies in the data, and how to read it. */
export interface Codec {
  readonly read: Read;
  /** Whether the head is one offset, to a tail elsewhere. */
  readonly dynamic: boolean;
  /** Bytes of the head, a multiple of 32. */
  readonly size: number;
  /** Bytes from the head's start that must exist; `read` does not check. */
  readonly need: number;
  /** Words to spend before `read`: those of the head, and no less than one. */
  readonly cost: number;
}

/** A value within a frame: `at` counts from the frame's start. */
export interface Field {
  readonly at: number;
  readonly read: Read;
}

/** Values one after the other: arguments, or the components of a tuple. */
export interface Frame extends Omit<Codec, "read" | "dynamic"> {
  readonly fields: readonly Field[];
}

const WORD = { dynamic: false, size: 32, need: 32, cost: 1 };
const OFFSET = { ...WORD, dynamic: true };

/**
 * The head of a dynamic value ends before the data does: viem moves there when
 * it is back from the tail. It matters to an offset of 0 in the last word.
 */
const OFFSET_NEED = 33;

/** Compile a type. */
export function compileType(type: AbiType): Codec {
  switch (type.kind) {
    case "uint":
      return { ...WORD, read: type.bits > 48 ? readUint : readSmallUint };
    case "int":
      return { ...WORD, read: type.bits > 48 ? readInt : readSmallInt };
    case "address":
      return { ...WORD, read: readAddress };
    case "bool":
      return { ...WORD, read: readBool };
    case "fixed_bytes":
      return compileFixedBytes(type.size);
    case "bytes":
      return { ...OFFSET, read: readBytes };
    case "string":
      return { ...OFFSET, read: readString };
    case "tuple":
      return compileTuple(type.components);
    case "array":
      return compileArray(compileType(type.item), type.length);
  }
}

/** Compile an indexed parameter: one word, a hash unless it is a value. */
export function compileTopic(type: AbiType): Read {
  switch (type.kind) {
    case "array":
    case "bytes":
    case "string":
    case "tuple":
      return readHash;
    default:
      return compileType(type).read;
  }
}

/**
 * Lay values out one after the other; `empty` is the need of a value without
 * bytes, such as `uint256[0]`: viem moves to it in some places.
 */
export function layOut(codecs: readonly Codec[], empty: 0 | 1): Frame {
  const fields: Field[] = [];
  let [size, need, cost] = [0, 0, 0];
  for (const codec of codecs) {
    fields.push({ at: size, read: codec.read });
    const own = codec.need || empty;
    if (own > 0) need = Math.max(need, size + own);
    if (codec.dynamic) need = Math.max(need, OFFSET_NEED);
    size = bounded(size + codec.size);
    cost = bounded(cost + codec.cost);
  }
  return { fields, size, need, cost: Math.max(cost, 1) };
}

/** Read fields into an object; `keys` are theirs, each once. */
export function compileRecord(
  keys: readonly string[],
  fields: readonly Field[],
): Read<{ readonly [name: string]: AbiValue }> {
  type Values = Record<string, AbiValue>;
  // Setting "__proto__" would set the prototype where Deno was told to have it
  // (--unstable-unsafe-proto); not if it already is a property of the object.
  const blank: Values = Object.fromEntries(keys.map((key) => [key, ""]));
  const create = keys.includes("__proto__")
    ? (): Values => ({ ...blank })
    : (): Values => ({});
  const entries = fields.map((field, i) => ({ ...field, key: keys[i] ?? "" }));

  return (input, at, base) => {
    const record = create();
    let key = "";
    try {
      for (const entry of entries) {
        key = entry.key;
        record[key] = entry.read(input, at + entry.at, base);
      }
    } catch (error) {
      throw error instanceof DecodeError ? error.within(key) : error;
    }
    return record;
  };
}

function compileTuple(components: readonly AbiParameter[]): Codec {
  const codecs = components.map((component) => compileType(component.type));
  const dynamic = codecs.some((codec) => codec.dynamic);
  const frame = layOut(codecs, dynamic ? 1 : 0);
  const names = components.map((component) => component.name);
  const named = names.length > 0 && !names.includes("") &&
    new Set(names).size === names.length;
  const readFields: Read = named
    ? compileRecord(names, frame.fields)
    : compileUnnamed(frame.fields);
  if (!dynamic) return { ...frame, dynamic, read: readFields };

  return {
    ...OFFSET,
    read(input, at, base) {
      const start = input.follow(at, base);
      input.spend(frame.cost);
      input.require(start + frame.need);
      return readFields(input, start, start);
    },
  };
}

function compileUnnamed(fields: readonly Field[]): Read {
  return (input, at, base) =>
    fields.map((field) => field.read(input, at + field.at, base));
}

function compileArray(item: Codec, length: number | null): Codec {
  if (length === null) return { ...OFFSET, read: compileList(item) };
  if (item.dynamic) return { ...OFFSET, read: compileOffsets(item, length) };
  return {
    dynamic: false,
    size: bounded(length * item.size),
    need: length * item.need === 0 ? 0 : needOf(item, length),
    cost: bounded(Math.max(length, 1) * item.cost),
    read: (input, at) => readItems(item, { input, start: at, length }),
  };
}

/** `T[]`: the tail is a length and that many items. */
function compileList(item: Codec): Read {
  return (input, at, base) => {
    const tail = input.follow(at, base);
    const length = input.length(tail);
    const start = tail + 32;
    input.spend(1 + length * item.cost);
    if (length > 0) input.require(start + needOf(item, length));
    return readItems(item, { input, start, length });
  };
}

/** `T[n]` of a dynamic `T`: the tail is n offsets. */
function compileOffsets(item: Codec, length: number): Read {
  if (length === 0) {
    return (input, at) => {
      input.followNowhere(at);
      return [];
    };
  }
  return (input, at, base) => {
    const start = input.follow(at, base);
    input.spend(length);
    input.require(start + needOf(item, length));
    return readItems(item, { input, start, length });
  };
}

/** Bytes that `length` items need, of which there is at least one. */
function needOf(item: Codec, length: number): number {
  const need = (length - 1) * item.size + (item.need || 1);
  return item.dynamic ? Math.max(need, OFFSET_NEED) : need;
}

interface Items {
  readonly input: AbiInput;
  readonly start: number;
  readonly length: number;
}

function readItems(item: Codec, { input, start, length }: Items): AbiValue {
  const items: AbiValue[] = [];
  for (let i = 0; i < length; i++) {
    items.push(item.read(input, start + i * item.size, start));
  }
  return items;
}

function compileFixedBytes(size: number): Codec {
  return { ...WORD, need: size, read: (input, at) => input.hex(at, size) };
}

const readUint: Read = (input, at) => input.uint(at);
const readSmallUint: Read = (input, at) => input.smallUint(at);
const readInt: Read = (input, at) => input.int(at);
const readSmallInt: Read = (input, at) => input.smallInt(at);
const readBool: Read = (input, at) => input.bool(at);
const readAddress: Read = (input, at) => input.hex(at + 12, 20);
const readHash: Read = (input, at) => input.hex(at, 32);

const readBytes = compileTail((input, at, size) => input.hex(at, size));
const readString = compileTail((input, at, size) => input.string(at, size));

/** `bytes` and `string`: the tail is a length and that many bytes. */
function compileTail(
  read: (input: AbiInput, at: number, size: number) => string,
): Read {
  return (input, at, base) => {
    const tail = input.follow(at, base);
    const size = input.length(tail);
    input.spend(1 + size / 32);
    input.require(tail + 32 + size);
    return read(input, tail + 32, size);
  };
}

/** Sizes of absurd types stay comparable: they fit into no data anyway. */
function bounded(size: number): number {
  return Math.min(size, Number.MAX_SAFE_INTEGER);
}
