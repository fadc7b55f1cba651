/**
 * Random ABIs with values for them, for property tests.
 *
 * @module
 */
import fc from "fast-check";
import type { Hex } from "viem";
import { type Abi, parseAbi } from "../../../../connectors/evm/abi/abi.ts";

/** A parameter as JSON ABIs write it. */
export interface JsonParameter {
  readonly name: string;
  readonly type: string;
  readonly indexed: boolean;
  readonly components?: readonly JsonParameter[];
}

/** Parameters of a function and event, values for them, and an ABI of both. */
export interface AbiCase extends AbiItem {
  readonly values: readonly unknown[];
}

/** A function or event; those without a name are called `f`. */
export interface AbiItem {
  readonly name?: string;
  readonly parameters: readonly JsonParameter[];
}

/** Names that are ordinary, missing, repeated, or a trap. */
const names = fc.oneof(
  { weight: 6, arbitrary: fc.nat(99).map((n) => `p${n}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "",
      "to",
      "0",
      "1",
      "__proto__",
      "constructor",
      "toString",
      'qu"ote\\',
      "naïve\u2028",
    ),
  },
);

const elementary = fc.oneof(
  fc.constantFrom("address", "bool"),
  fc.constantFrom("string", "bytes"),
  fc.integer({ min: 1, max: 32 }).map((n) => `uint${8 * n}`),
  fc.integer({ min: 1, max: 32 }).map((n) => `int${8 * n}`),
  fc.integer({ min: 1, max: 32 }).map((n) => `bytes${n}`),
);

type Typed = Omit<JsonParameter, "name" | "indexed">;

/** Types; with `smallest` 0 also those without bytes, which nothing emits. */
function types(smallest: 0 | 1): fc.Arbitrary<Typed> {
  return fc.letrec<{ type: Typed; array: Typed; tuple: Typed }>((tie) => ({
    type: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      { weight: 4, arbitrary: elementary.map((type) => ({ type })) },
      { weight: 2, arbitrary: tie("array") },
      { weight: 2, arbitrary: tie("tuple") },
    ),
    array: fc
      .tuple(tie("type"), fc.constantFrom("[]", `[${smallest}]`, "[2]", "[3]"))
      .map(([item, suffix]) => ({ ...item, type: item.type + suffix })),
    tuple: fc
      .array(fc.tuple(names, tie("type")), {
        minLength: smallest,
        maxLength: 4,
      })
      .map((parts) => ({
        type: "tuple",
        components: parts.map(([name, type]) => ({
          ...type,
          name,
          indexed: false,
        })),
      })),
  })).type;
}

/** Random ABIs with random values for their parameters. */
export function cases(smallest: 0 | 1): fc.Arbitrary<AbiCase> {
  const parameter = fc
    .tuple(names, types(smallest), fc.boolean())
    .map(([name, type, indexed]) => ({ ...type, name, indexed }));
  return fc.array(parameter, { maxLength: 5 }).chain((parameters) =>
    fc.record({
      parameters: fc.constant(parameters),
      values: fc.tuple(...parameters.map(valuesOf)),
    })
  );
}

function valuesOf(parameter: Typed): fc.Arbitrary<unknown> {
  const [, item, length] = /^(.*)\[(\d*)\]$/.exec(parameter.type) ?? [];
  if (item !== undefined) {
    const [minLength, maxLength] = length ? [+length, +length] : [0, 3];
    const items = valuesOf({ ...parameter, type: item });
    return fc.array(items, { minLength, maxLength });
  }
  if (parameter.type === "tuple") {
    return fc.tuple(...(parameter.components ?? []).map(valuesOf));
  }
  return elementaryValues(parameter.type);
}

function elementaryValues(type: string): fc.Arbitrary<unknown> {
  const [, family = "", digits] = /^([a-z]+)(\d*)$/.exec(type) ?? [];
  const bits = BigInt(digits || 0);
  switch (family) {
    case "address":
      return hexOf(20, 20);
    case "bool":
      return fc.boolean();
    case "string":
      return fc.string({ unit: "binary", maxLength: 40 });
    case "bytes":
      return digits ? hexOf(+digits, +digits) : hexOf(0, 70);
    case "uint":
      return fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
    default:
      return fc.bigInt({
        min: -(2n ** (bits - 1n)),
        max: 2n ** (bits - 1n) - 1n,
      });
  }
}

function hexOf(minLength: number, maxLength: number): fc.Arbitrary<Hex> {
  return fc
    .uint8Array({ minLength, maxLength })
    .map((bytes) => `0x${bytes.toHex()}` as const);
}

/** The ABI of a case as ours: function and event `f` of its parameters. */
export function ourAbi({ parameters }: AbiCase): Abi {
  return parseAbi([
    { type: "function", name: "f", inputs: parameters },
    { type: "event", name: "f", inputs: parameters },
  ]);
}

/**
 * Bytes of the head of parameters, what stands before the first tail; 0 when
 * there is no tail, for then viem finds its place in shorter data too.
 */
export function headSize(parameters: readonly JsonParameter[]): number {
  return parameters.some(isDynamic) ? headOfAll(parameters) : 0;
}

function headOfAll(parameters: readonly JsonParameter[]): number {
  return parameters.reduce((sum, each) => sum + headOf(each), 0);
}

function headOf(parameter: JsonParameter): number {
  const { type, components = [] } = parameter;
  if (isDynamic(parameter)) return 32;
  const [, item, length] = /^(.*)\[(\d+)\]$/.exec(type) ?? [];
  if (item !== undefined) {
    return +length! * headOf({ ...parameter, type: item });
  }
  return type === "tuple" ? headOfAll(components) : 32;
}

function isDynamic({ type, components = [] }: JsonParameter): boolean {
  return /^(?:string|bytes)(?![0-9])|\[\]/.test(type) ||
    components.some(isDynamic);
}

/** A word: a number, or hex digits put at its right end. */
export function word(value: bigint | number | string): string {
  const digits = typeof value === "string"
    ? value
    : BigInt.asUintN(256, BigInt(value)).toString(16);
  return digits.padStart(64, "0");
}
