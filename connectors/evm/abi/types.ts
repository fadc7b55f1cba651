/**
 * The types an ABI can name, parsed once so that nothing later reads a type
 * from its text.
 *
 * @module
 */

/**
 * Deepest nesting of arrays and tuples that is accepted. Decoders recurse by
 * type, so this bounds their stack; no published ABI comes near it.
 */
const MAX_DEPTH = 64;

/** An ABI that cannot be read; the message says which part, and the remedy. */
export class AbiError extends Error {
  override readonly name = "AbiError";
}

/** A type of the contract ABI specification. */
export type AbiType =
  | { readonly kind: "uint" | "int"; readonly bits: number }
  | { readonly kind: "address" | "bool" | "bytes" | "string" }
  /** `bytes1` to `bytes32`, and `function`, which is encoded as `bytes24`. */
  | { readonly kind: "fixed_bytes"; readonly size: number }
  /** `length` is null for `T[]`. */
  | {
    readonly kind: "array";
    readonly item: AbiType;
    readonly length: number | null;
  }
  | { readonly kind: "tuple"; readonly components: readonly AbiParameter[] };

/** One input, output or tuple component. */
export interface AbiParameter {
  /** As the ABI spells it; empty when the parameter has no name. */
  readonly name: string;
  /** The type as selectors hash it, such as `(address,uint256)[]`. */
  readonly canonical: string;
  readonly type: AbiType;
}

/** Where a value stands in its ABI: what errors name, and how deep it is. */
export interface AbiPlace {
  readonly label: string;
  readonly depth: number;
}

/** Make the error for a part of an ABI that cannot be read. */
export function unreadable(place: AbiPlace, problem: string): AbiError {
  return new AbiError(`Cannot read ${place.label}: ${problem}`);
}

/** Whether a value is a JSON object, as opposed to a list or null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parse the `inputs`, `outputs` or `components` of an ABI; missing means none.
 *
 * @throws {AbiError} When a parameter is malformed or its type unknown.
 */
export function parseParameters(
  source: unknown,
  place: AbiPlace,
): readonly AbiParameter[] {
  if (source === undefined) return [];
  if (!Array.isArray(source)) {
    throw unreadable(place, "expected a list of parameters");
  }
  return source.map((parameter: unknown, position) =>
    parseParameter(parameter, {
      label: `${place.label}, parameter ${position}`,
      depth: place.depth,
    })
  );
}

function parseParameter(source: unknown, place: AbiPlace): AbiParameter {
  if (!isObject(source) || typeof source.type !== "string") {
    throw unreadable(place, 'expected an object with a "type"');
  }
  const name = source.name ?? "";
  if (typeof name !== "string") {
    throw unreadable(place, `"name" must be text, not ${typeof name}`);
  }
  return { name, ...parseType(source.type, source.components, place) };
}

type Parsed = Pick<AbiParameter, "canonical" | "type">;

function parseType(
  text: string,
  components: unknown,
  place: AbiPlace,
): Parsed {
  const bracket = text.indexOf("[");
  const base = bracket < 0 ? text : text.slice(0, bracket);
  const suffix = bracket < 0 ? "" : text.slice(bracket);
  if (!/^(?:\[\d*\])*$/.test(suffix)) throw unknownType(text, place);

  const lengths = suffix === "" ? [] : suffix.slice(1, -1).split("][");
  const depth = place.depth + lengths.length;
  if (depth >= MAX_DEPTH) {
    throw unreadable(place, `types nest deeper than ${MAX_DEPTH} levels`);
  }
  let { canonical, type } = base === "tuple"
    ? parseTuple(components, { label: place.label, depth: depth + 1 })
    : parseElementary(base, place);
  for (const digits of lengths) {
    const length = digits === "" ? null : Number(digits);
    if (length !== null && !Number.isSafeInteger(length)) {
      throw unreadable(place, `array length "${digits}" is too large`);
    }
    type = { kind: "array", item: type, length };
    canonical += `[${length ?? ""}]`;
  }
  return { canonical, type };
}

function parseTuple(source: unknown, place: AbiPlace): Parsed {
  if (source === undefined) {
    throw unreadable(place, 'a "tuple" needs "components"');
  }
  const components = parseParameters(source, place);
  const canonical = components.map((each) => each.canonical).join(",");
  return { canonical: `(${canonical})`, type: { kind: "tuple", components } };
}

function parseElementary(base: string, place: AbiPlace): Parsed {
  switch (base) {
    case "address":
    case "bool":
    case "bytes":
    case "string":
      return { canonical: base, type: { kind: base } };
    case "function":
      return { canonical: base, type: { kind: "fixed_bytes", size: 24 } };
    case "uint":
    case "int":
      return { canonical: `${base}256`, type: { kind: base, bits: 256 } };
  }
  const [, family, digits] = /^(u?int|bytes)([1-9]\d*)$/.exec(base) ?? [];
  const width = Number(digits);
  if (family === "bytes" && width <= 32) {
    return { canonical: base, type: { kind: "fixed_bytes", size: width } };
  }
  const integer = family === "uint" || family === "int" ? family : undefined;
  if (integer && width <= 256 && width % 8 === 0) {
    return { canonical: base, type: { kind: integer, bits: width } };
  }
  throw unknownType(base, place);
}

function unknownType(text: string, place: AbiPlace): AbiError {
  return unreadable(
    place,
    `unknown type "${text}"; use address, bool, string, bytes, bytes1 to ` +
      "bytes32, uint8 to uint256, int8 to int256, tuple, or arrays of them",
  );
}
