import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { types } from "cassandra-driver";
import fc from "fast-check";
import { readValues } from "../../../connectors/scylla/rows.ts";
import { Output, putColumn } from "../../../connectors/scylla/values.ts";
import { plainJson } from "../../../runtime/component.ts";
import {
  type ColumnType,
  scalarTypes,
  type Value,
} from "../../../runtime/row.ts";
import { arbitraryValue } from "../../contracts/arbitrary_rows.ts";

function bytesOf(type: ColumnType, value: Value): Buffer | null {
  const out = new Output();
  putColumn({ name: "x", type, nullable: true, doc: "" })(out, value);
  const [bytes = null] = readValues(out.copy(), { start: 0, count: 1 });
  return bytes;
}

/** What the protocol's documentation says: two's complement, big-endian. */
function signed(bytes: Buffer): bigint {
  const value = BigInt(`0x${bytes.toString("hex")}`);
  return BigInt.asIntN(bytes.length * 8, value);
}

for (const type of ["uint256", "int256"] as const) {
  Deno.test(`Output writes ${type} as the shortest varint`, () => {
    const limits = [0n, 1n, -1n, 127n, 128n, -128n, -129n, 255n, 2n ** 63n];
    const values = type === "uint256"
      ? fc.bigInt(0n, 2n ** 256n - 1n)
      : fc.bigInt(-(2n ** 255n), 2n ** 255n - 1n);
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...limits), values), (value) => {
        const bytes = bytesOf(type, value);
        assert(bytes);
        assert.equal(signed(bytes), value);
        // One byte fewer would be another number.
        const short = bytes.subarray(1);
        assert(short.length === 0 || signed(short) !== value);
        // As Java's BigInteger, by the driver's own implementation.
        const driver = types.Integer.fromString(String(value));
        assert.deepEqual(bytes, types.Integer.toBuffer(driver));
      }),
    );
  });
}

for (
  const type of ["uint8", "uint32", "uint64", "int64", "timestamp"] as const
) {
  Deno.test(`Output writes ${type} as 64 bits`, () => {
    const fitting = arbitraryValue(type).filter((value) =>
      typeof value !== "bigint" || value < 2n ** 63n
    );
    fc.assert(
      fc.property(fitting, (value) => {
        const bytes = bytesOf(type, value);
        assert.equal(bytes?.length, 8);
        assert.equal(bytes && signed(bytes), BigInt(value as number | bigint));
      }),
    );
  });
}

for (const type of ["string", "bytes", "hash", "address"] as const) {
  Deno.test(`Output writes ${type} as UTF-8`, () => {
    fc.assert(
      fc.property(arbitraryValue(type), (value) => {
        assert.equal(bytesOf(type, value)?.toString(), value);
      }),
    );
  });
}

Deno.test("Output writes text of any length and script", () => {
  for (const text of ["", "a".repeat(79), "ü".repeat(81), "💎".repeat(3e5)]) {
    assert.equal(bytesOf("string", text)?.toString(), text);
  }
});

Deno.test("Output writes json as text", () => {
  fc.assert(
    fc.property(arbitraryValue("json"), (value) => {
      assert.equal(bytesOf("json", value)?.toString(), plainJson(value));
    }),
  );
});

Deno.test("Output writes a null as no bytes, and an empty list as a list", () => {
  assert.equal(bytesOf("list<uint256>", null), null);
  assert.deepEqual(bytesOf("list<uint256>", []), Buffer.alloc(4));
});

Deno.test("Output writes lists of every type, item by item", () => {
  for (const type of scalarTypes) {
    const fitting = fc.array(
      arbitraryValue(type).filter((value) =>
        type !== "uint64" || typeof value !== "bigint" || value < 2n ** 63n
      ),
    );
    fc.assert(
      fc.property(fitting, (values) => {
        const bytes = bytesOf(`list<${type}>`, values);
        assert(bytes);
        assert.equal(bytes.readInt32BE(0), values.length);
        const items = readValues(bytes, { start: 4, count: values.length });
        assert.deepEqual(items, values.map((one) => bytesOf(type, one)));
      }),
      { numRuns: 20 },
    );
  }
});

Deno.test("putColumn() says which column cannot hold a value", () => {
  const put = (type: ColumnType, value: Value) =>
    putColumn({ name: "x", type, doc: "" })(new Output(), value);
  assert.throws(() => put("uint64", 2n ** 63n), {
    name: "ValueError",
    message: `Column "x" takes numbers up to 2^63 - 1, not ${2n ** 63n}`,
  });
  assert.throws(() => put("string", null), {
    message: 'Column "x" has no value',
  });
  assert.throws(() => put("list<string>", [null]), {
    message: 'Column "x" has a list with a null',
  });
});
