/** What decodes and what does not, held against viem (see abi_decoder.ts). */
import assert from "node:assert/strict";
import { parseAbi } from "../../../../connectors/evm/abi/abi.ts";
import {
  compileFunction,
  compileParameters,
} from "../../../../connectors/evm/abi/decoder.ts";
import { DecodeError } from "../../../../connectors/evm/abi/input.ts";
import { type JsonParameter, ourAbi, word } from "./cases.ts";
import { attempt, viemCall } from "./oracle.ts";

const ADDRESS = "7a250d5630b4cf539739df2c5dacb4c659f2488d";

/** Decode words as the arguments of a function, by us and by viem. */
function decodeBoth(parameters: readonly JsonParameter[], digits: string) {
  const [call] = ourAbi({ parameters, values: [] }).functions;
  const input = call!.selector + digits;
  const ours = attempt(() => compileFunction(call!).decode(input));
  return {
    ours: ours instanceof DecodeError ? ours.reason : ours,
    viem: viemCall({ parameters }, input),
  };
}

function one(
  type: string,
  components?: readonly JsonParameter[],
): JsonParameter[] {
  const parameter = { name: "a", type, indexed: false };
  return [components ? { ...parameter, components } : parameter];
}

Deno.test("decode() agrees with viem on values out of range", () => {
  const top = (1n << 256n) - 1n;
  const cases: [type: string, value: bigint | string, decoded?: unknown][] = [
    ["address", "ff".repeat(12) + ADDRESS, `0x${ADDRESS}`],
    ["bool", 1n, true],
    ["bool", 0n, false],
    ["bool", 2n],
    ["bool", 1n << 255n],
    ["uint8", 256n, "256"],
    ["uint8", (1n << 53n) - 1n, "9007199254740991"],
    ["uint8", 1n << 53n],
    ["uint48", top],
    ["uint56", 1n << 56n, "72057594037927936"],
    ["uint56", top, `${top}`],
    ["uint160", 1n << 160n, `${1n << 160n}`],
    ["int8", 255n, "255"],
    ["int8", -1n, "-1"],
    ["int8", -(1n << 53n) + 1n, "-9007199254740991"],
    ["int48", -(1n << 53n)],
    ["int48", 1n << 53n],
    ["int56", -(1n << 53n), "-9007199254740992"],
    ["int56", -(1n << 64n) - 1n, "-18446744073709551617"],
    ["int128", -1n, "-1"],
    ["int256", 1n << 255n, `${-(1n << 255n)}`],
    ["int256", (1n << 255n) - 1n, `${(1n << 255n) - 1n}`],
    ["bytes4", "12345678" + "ff".repeat(28), "0x12345678"],
    ["function", "ab".repeat(24) + "ff".repeat(8), "0x" + "ab".repeat(24)],
  ];
  for (const [type, value, decoded] of cases) {
    const digits = typeof value === "string" ? value : word(value);
    const { ours, viem } = decodeBoth(one(type), digits);
    const message = `${type} ${value}`;
    if (decoded === undefined) assert.equal(typeof ours, "string", message);
    else assert.deepEqual(ours, { a: decoded }, message);
    if (type === "function") assert.equal(viem, undefined);
    else assert.deepEqual(typeof ours === "string" ? undefined : ours, viem);
  }
});

Deno.test("decode() agrees with viem on where data ends", () => {
  const string = word(32) + word(5) + "68656c6c6f";
  const empty = { type: "uint256[0]", name: "z", indexed: false };
  const cases: [
    parameters: readonly JsonParameter[],
    digits: string,
    decoded?: unknown,
  ][] = [
    [[], "", {}],
    [[], "ff", {}],
    [one("uint256"), ""],
    [one("uint256"), "00".repeat(31)],
    [one("uint256"), word(1) + "ffff", { a: "1" }],
    [[...one("bool"), ...one("bytes4")], word(1) + "12345678", {
      0: true,
      1: "0x12345678",
    }],
    [[...one("bool"), ...one("bytes4")], word(1) + "123456"],
    [one("bytes4"), "12345678"],
    [one("string"), string, { a: "hello" }],
    [one("string"), string.slice(0, -2)],
    [one("string"), word(31) + word(0)],
    [one("string"), word(33) + word(0)],
    [one("string"), word(0), undefined],
    [one("string"), word(0) + "00", { a: "" }],
    [one("bytes"), word(32) + word((1n << 53n) - 1n)],
    [one("bytes"), word(32) + word(1n << 53n)],
    [one("bytes"), word(-32)],
    [one("bytes[]"), word(32) + word(1n << 32n)],
    [one("uint8[]"), word(32) + word(2) + word(1)],
    [one("uint8[]"), word(32) + word(0), { a: [] }],
    [one("uint8[2]"), word(32) + word(0), { a: ["32", "0"] }],
    [one("uint8[2]"), word(32)],
    [one(`uint8[${2 ** 40}]`), word(32)],
    [one("string[0]"), word(1n << 40n) + "00", { a: [] }],
    [one("string[0]"), word(1n << 53n) + "00"],
    [one("uint256[0]"), word(9), { a: [] }],
    [one("uint256[0]"), ""],
    [one("tuple", []), word(9), { a: [] }],
    // viem moves to each component of a dynamic tuple, even an empty one.
    [
      one("tuple", [...one("uint8"), ...one("string"), empty]),
      word(32) + word(0) + word(0),
    ],
  ];
  for (const [parameters, digits, decoded] of cases) {
    const { ours, viem } = decodeBoth(parameters, digits);
    const message = `${parameters[0]?.type} 0x${digits}: ${ours}`;
    assert.deepEqual(
      typeof ours === "string" ? undefined : ours,
      viem,
      message,
    );
    assert.deepEqual(viem, decoded, message);
  }
});

Deno.test("decode() refuses data whose last argument is missing", () => {
  const parameters = ["uint256", "string", "uint256"]
    .map((type, i) => ({ name: `p${i}`, type, indexed: false }));
  const { ours, viem } = decodeBoth(parameters, word(0) + word(0));
  assert.equal(ours, "Data ends 32 bytes before its values do");
  // What viem returns for p2 is the offset that p1 is at.
  assert.deepEqual(viem, { p0: "0", p1: "", p2: "0" });
});

Deno.test("decode() refuses what is not canonical hex, unlike viem", () => {
  const { functions: [call] } = parseAbi("f(uint8 a)");
  const decoder = compileFunction(call!);
  const reasonOf = (input: string) => {
    const result = attempt(() => decoder.decode(input));
    assert(result instanceof DecodeError, input);
    return result.reason;
  };
  const hex = "Data is not hex: expected an even number of digits " +
    "0 to 9, a to f";
  assert.equal(reasonOf(""), "Calldata is shorter than a selector");
  assert.equal(reasonOf("0x"), "Calldata is shorter than a selector");
  assert.equal(reasonOf("0x1234567"), "Calldata is shorter than a selector");
  assert.equal(reasonOf("123456789" + word(1)), reasonOf(""));
  assert.equal(reasonOf(call!.selector + word(1) + "0"), hex);
  assert.equal(reasonOf(call!.selector + word("zz")), hex);
  assert.equal(reasonOf(call!.selector + word(" 1")), hex);
  assert.equal(reasonOf(call!.selector + word(1) + "é".repeat(2)), hex);
  const values = compileParameters(call!.inputs);
  assert.throws(() => values.decode(word(1)), {
    name: "DecodeError",
    message: 'Data does not start with "0x"',
  });
});

Deno.test("decode() makes uppercase hex lowercase", () => {
  const { functions: [call] } = parseAbi("f(address a, bytes b)");
  const input = call!.selector +
    (word(ADDRESS) + word(64) + word(2) + "abcd").toUpperCase();
  const args = compileFunction(call!).decode(input);
  assert.deepEqual(args, { a: `0x${ADDRESS}`, b: "0xabcd" });
});

Deno.test("decode() reads text as viem does", () => {
  for (
    const bytes of [
      "ff41",
      "efbbbf41",
      "c3a9",
      "f09f9880",
      "f09f98",
      "eda080",
      "00",
      "22275c",
      "e280a8",
    ]
  ) {
    const size = word(bytes.length / 2);
    const digits = word(32) + size + bytes;
    const { ours, viem } = decodeBoth(one("string"), digits);
    assert.deepEqual(ours, viem);
    assert.equal(typeof viem?.a, "string");
  }
});
