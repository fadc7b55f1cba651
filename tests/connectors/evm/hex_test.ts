import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  address,
  bytes,
  hash,
  HastyReader,
  MalformedError,
  strictReader,
  uint256,
  uint64,
  whole,
} from "../../../connectors/evm/hex.ts";

const quantity = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });

Deno.test("uint64() gives a number up to 2^53 and a bigint above", () => {
  fc.assert(fc.property(quantity(64n), (value) => {
    const read = uint64(`0x${value.toString(16)}`, "field");
    assert.equal(BigInt(read), value);
    const small = value <= BigInt(Number.MAX_SAFE_INTEGER);
    assert.equal(typeof read, small ? "number" : "bigint");
  }));
});

Deno.test("uint64() reads padded and uppercase quantities", () => {
  assert.equal(uint64("0x000000000000000000ff", "field"), 255);
  assert.equal(uint64("0xFF", "field"), 255);
});

Deno.test("uint256() gives every quantity back", () => {
  fc.assert(fc.property(quantity(256n), (value) => {
    assert.equal(uint256(`0x${value.toString(16)}`, "field"), value);
  }));
});

for (
  const value of [
    ...[undefined, null, 1, "", "0x", "0xg", "ff", "0X1", "0x1 ", "0x-1"],
    `0x${"f".repeat(65)}`,
    `0x${"f".repeat(20)} `,
    `0x${"f".repeat(20)}_f`,
  ]
) {
  Deno.test(`uint256() refuses ${JSON.stringify(value)}`, () => {
    assert.throws(() => uint256(value, "field"), MalformedError);
    assert.throws(() => uint64(value, "field"), MalformedError);
  });
}

Deno.test("whole() refuses what no number holds", () => {
  assert.equal(whole("0x1fffffffffffff", "field"), Number.MAX_SAFE_INTEGER);
  assert.throws(() => whole("0x20000000000000", "field"), MalformedError);
});

Deno.test("bytes() gives lowercase hex of whole bytes or throws", () => {
  const text = fc.oneof(
    fc.string(),
    fc.uint8Array().map((bytes) => `0x${bytes.toHex()}`),
    fc.uint8Array().map((bytes) => `0x${bytes.toHex().toUpperCase()}`),
    fc.tuple(fc.uint8Array(), fc.string()).map(([bytes, tail]) =>
      `0x${bytes.toHex()}${tail}`
    ),
  );
  fc.assert(fc.property(text, (value) => {
    const good = /^0x([0-9a-fA-F]{2})*$/.test(value);
    if (good) assert.equal(bytes(value, "field"), value.toLowerCase());
    else assert.throws(() => bytes(value, "field"), MalformedError);
  }));
});

Deno.test("bytes() checks what is longer than a piece", () => {
  const long = `0x${"ab".repeat(200_000)}`;
  assert.equal(bytes(long, "field"), long);
  for (const bad of ["zz", "0x", 'a"']) {
    const value = long.slice(0, -2) + bad;
    assert.throws(() => bytes(value, "field"), MalformedError, bad);
  }
});

Deno.test("hash() and address() hold their lengths", () => {
  const mixed = "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D";
  assert.equal(address(mixed, "to"), mixed.toLowerCase());
  assert.throws(() => address(`${mixed}00`, "to"), /"to" should be 20 bytes/);
  assert.throws(() => hash(mixed, "hash"), /"hash" should be 32 bytes/);
});

Deno.test("strictReader.word() pads to 32 bytes", () => {
  const value = strictReader.word("0x1f", "r");
  assert.equal(value, `0x${"1f".padStart(64, "0")}`);
  assert.throws(() => strictReader.word(`0x1${value.slice(2)}`, "r"));
});

Deno.test("HastyReader agrees with strictReader on any values", () => {
  const digit = fc.constantFrom(...'0123456789abcdefABCDEFxg"é\u{1f600}');
  const value = fc.oneof(
    fc.string({ unit: digit, maxLength: 70 }),
    fc.string({
      unit: fc.constantFrom(..."0123456789abcdef"),
      minLength: 64,
      maxLength: 64,
    }),
    fc.string({ unit: digit, minLength: 40, maxLength: 40 }),
  ).map((text) => `0x${text}`);
  const kind = fc.constantFrom("hash", "word", "address", "bytes");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(kind, value), { maxLength: 8 }),
      (values) => {
        const hasty = new HastyReader();
        const read = (reader: typeof strictReader) =>
          values.map(([kind, value]) => reader[kind](value, "field"));
        let expected: string[] | undefined;
        try {
          expected = read(strictReader);
        } catch {
          // Something among them is wrong.
        }
        let got: string[] | undefined;
        try {
          got = read(hasty);
          if (!hasty.verify()) got = undefined;
        } catch {
          // Seen at once.
        }
        if (got !== undefined) assert.deepEqual(got, expected);
        // What is lowercase already must not need a second reading.
        const plain = expected?.every((text, at) => {
          const [kind, value] = values[at]!;
          return kind === "word" || text === value;
        });
        if (plain) assert.notEqual(got, undefined);
      },
    ),
    { numRuns: 500 },
  );
});
