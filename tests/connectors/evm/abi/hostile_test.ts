/** Data made to hang, flood or confuse a decoder. */
import assert from "node:assert/strict";
import process from "node:process";
import { parseAbi } from "../../../../connectors/evm/abi/abi.ts";
import { compileParameters } from "../../../../connectors/evm/abi/decoder.ts";
import { DecodeError } from "../../../../connectors/evm/abi/input.ts";
import { word } from "./cases.ts";
import { attempt } from "./oracle.ts";

/**
 * Far above the few milliseconds that any input takes, also on a machine that
 * is busy, and far below what data takes that expands without a bound.
 */
const SLOW_MS = 1_000;

const EXPANDS = /Data decodes into more than 2 times itself$/;

function compile(type: string, components?: readonly object[]) {
  const inputs = [{ name: "a", type, components }];
  const [call] = parseAbi([{ name: "f", inputs }]).functions;
  return compileParameters(call!.inputs);
}

/** Decode against the clock of the CPU, for the machine has other work too. */
function decode({ decode }: ReturnType<typeof compile>, digits: string) {
  let best = Infinity;
  for (let tries = 0; tries < 5 && best > SLOW_MS; tries++) {
    const start = process.cpuUsage();
    attempt(() => decode(`0x${digits}`));
    best = Math.min(best, process.cpuUsage(start).user / 1_000);
  }
  assert(best <= SLOW_MS, `Took ${best} ms`);
  return attempt(() => decode(`0x${digits}`));
}

function assertExpands(result: unknown): void {
  assert(result instanceof DecodeError);
  assert.match(result.reason, EXPANDS);
}

/** An array whose items are all at one place, with the item behind it. */
function shared(count: number, item: string): string {
  return word(32) + word(count) + word(32 * count).repeat(count) + item;
}

const maxSafe = Number.MAX_SAFE_INTEGER;

Deno.test("decode() refuses items without bytes in great number", () => {
  const pair = [{ name: "x", type: "uint256[0]" }, {
    name: "y",
    type: "uint256[0][7]",
  }];
  for (const count of [1_000, 2 ** 32, maxSafe]) {
    const list = word(32) + word(count) + word(0);
    assertExpands(decode(compile("uint256[0][]"), list));
    assertExpands(decode(compile("tuple[]", []), list));
    assertExpands(decode(compile("tuple[]", pair), list));
    assertExpands(decode(compile("uint256[0][][]"), shared(4, list.slice(64))));
    assertExpands(decode(compile(`uint256[0][${count}]`), word(0)));
    assertExpands(decode(compile(`tuple[${count}]`, []), word(0)));
    assertExpands(decode(compile(`uint256[0][${count}][${count}]`), word(0)));
    assertExpands(
      decode(compile(`string[0][${count}]`), word(32) + word(0) + word(0)),
    );
  }
});

Deno.test("decode() refuses lengths and types beyond the data", () => {
  for (const count of [2, 2 ** 32, maxSafe]) {
    const list = word(32) + word(count) + word(1);
    for (const type of ["uint256[]", "uint8[2][]", "string[]", "bytes[2][]"]) {
      assert(decode(compile(type), list) instanceof DecodeError);
    }
    assert(
      decode(compile(`uint256[${count}]`), word(1)) instanceof DecodeError,
    );
    assert(decode(compile(`string[${count}]`), list) instanceof DecodeError);
    const nested = `uint8[${count}]` + `[${maxSafe}]`.repeat(60);
    assert(decode(compile(nested), list) instanceof DecodeError);
  }
});

Deno.test("decode() bounds what shared tails decode into", () => {
  const long = word(2_000) + "ab".repeat(2_016);
  assertExpands(decode(compile("bytes[]"), shared(2_000, long)));
  assertExpands(decode(compile("string[]"), shared(2_000, long)));
  const numbers = word(64) + word(2).repeat(64);
  assertExpands(decode(compile("uint256[][]"), shared(1_000, numbers)));
  const structs = [{ name: "n", type: "uint256[40]" }, {
    name: "s",
    type: "string",
  }];
  const struct = word(1).repeat(40) + word(0);
  assertExpands(decode(compile("tuple[]", structs), shared(1_000, struct)));
  // A pyramid: ten items, each of the same ten items, …
  let pyramid = word(1) + word(7);
  for (let level = 0; level < 8; level++) {
    pyramid = word(10) + word(320).repeat(10) + pyramid;
  }
  assertExpands(decode(compile("uint8" + "[]".repeat(9)), word(32) + pyramid));
});

Deno.test("decode() follows offsets that lead back no deeper than the type", () => {
  // Every offset and length is 0: each array is at the start, and empty.
  const zeros = word(0).repeat(4);
  const depth = 60;
  assert.deepEqual(decode(compile("uint8" + "[]".repeat(depth)), zeros), {
    a: [],
  });
  // Each offset leads to itself, and is the length of the list as well.
  const selfish = word(32) + word(2) + word(-32) + word(0);
  for (const type of ["uint8", "bytes"]) {
    const decoder = compile(type + "[]".repeat(depth));
    assert(decode(decoder, selfish) instanceof DecodeError);
  }
  // Two items at every level: 2^60 of them, unless somebody counts.
  const twice = (word(0) + word(0)).repeat(2);
  assertExpands(decode(compile("string" + "[2]".repeat(depth)), twice));
  const tuple = (item: object): object => ({
    name: "t",
    type: "tuple[2]",
    components: [item],
  });
  let type: object = { name: "s", type: "string" };
  for (let i = 0; i < 25; i++) type = tuple(type);
  assertExpands(decode(compile("tuple[2]", [type]), twice));
});

Deno.test("decode() compiles wide nested types in no time", () => {
  let type: object = { name: "x", type: "uint256" };
  for (let i = 0; i < 30; i++) {
    type = { name: "t", type: "tuple[2]", components: [type] };
  }
  const start = performance.now();
  assert(decode(compile("tuple", [type]), word(0)) instanceof DecodeError);
  assert(performance.now() - start < 1_000);
});

Deno.test("decode() is through with the largest transaction in no time", () => {
  // 128 KiB: the most that nodes pass on, all of it shared, costly numbers.
  const numbers = word(3_000) + word(-1).repeat(3_000) + word(0).repeat(1_080);
  const decoder = compile("uint256[][]");
  assert(!(decode(decoder, shared(2, numbers)) instanceof DecodeError));
  assertExpands(decode(decoder, shared(9, numbers)));
});

Deno.test("decode() takes tails shared in good faith", () => {
  const text = word(5) + "68656c6c6f".padEnd(64, "0");
  assert.deepEqual(decode(compile("string[]"), shared(3, text)), {
    a: ["hello", "hello", "hello"],
  });
});

Deno.test("decode() takes the largest honest data", () => {
  const count = 4_094;
  const words = word((1n << 256n) - 1n).repeat(count);
  const list = decode(compile("uint256[]"), word(32) + word(count) + words);
  assert(!(list instanceof DecodeError));
  assert(Array.isArray(list.a) && list.a.length === count);
  // A megabyte, after which the small ones must still be right.
  const size = 1 << 20;
  const blob = word(32) + word(size) + "ab".repeat(size);
  const { decode: decodeBlob } = compile("bytes");
  assert.deepEqual(decodeBlob("0x" + blob), { a: "0x" + "ab".repeat(size) });
  assert.deepEqual(decode(compile("bool"), word(1)), { a: true });
  assert(decode(compile("uint8[2]"), word(1)) instanceof DecodeError);
});

Deno.test("decode() refuses data that no block has room for", () => {
  const { decode } = compile("bytes");
  const result = attempt(() => decode("0x" + "00".repeat(33 << 20)));
  assert(result instanceof DecodeError);
  assert.match(result.reason, /^Data has 34603008 bytes, more than/);
  assert.deepEqual(decode("0x" + word(32) + word(0)), { a: "0x" });
});
