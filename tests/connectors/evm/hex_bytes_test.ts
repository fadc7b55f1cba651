import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Constant, HexBytes } from "../../../connectors/evm/hex_bytes.ts";

const utf8 = new TextEncoder();

const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'09afAFgx"`/:@é'), maxLength: 40 }),
);

Deno.test("HexBytes.areDigits() tells lowercase digits wherever they stand", () => {
  fc.assert(fc.property(
    texts,
    fc.nat({ max: 50 }),
    fc.nat({ max: 50 }),
    fc.nat({ max: 3 }),
    (text, from, length, offset) => {
      const whole = utf8.encode(" ".repeat(offset) + text);
      const hex = new HexBytes(whole.subarray(offset));
      const bytes = whole.subarray(offset + from, offset + from + length);
      assert.equal(
        hex.areDigits(from, from + length),
        from + length <= whole.length - offset &&
          /^[0-9a-f]*$/.test(new TextDecoder("latin1").decode(bytes)),
      );
    },
  ));
});

Deno.test("HexBytes.endOfDigits() goes as far as there are digits", () => {
  fc.assert(fc.property(texts, fc.nat({ max: 40 }), (text, from) => {
    const bytes = utf8.encode(text);
    const rest = new TextDecoder("latin1").decode(bytes.subarray(from));
    const [digits = ""] = /^[0-9a-f]*/.exec(rest) ?? [];
    assert.equal(new HexBytes(bytes).endOfDigits(from), from + digits.length);
  }));
});

Deno.test("HexBytes.number() reads what a number holds exactly", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 52 - 1 }), (number) => {
    const digits = number.toString(16);
    const hex = new HexBytes(utf8.encode(`0x${digits}`));
    assert.equal(hex.number(2, 2 + digits.length), number);
  }));
  const hex = new HexBytes(utf8.encode("1".repeat(20)));
  assert.equal(hex.number(0, 13), 0x1111111111111);
  assert.equal(hex.number(0, 14), -1);
  assert.equal(hex.number(3, 3), -1);
});

Deno.test("HexBytes.has() compares every byte of a text", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary-ascii", maxLength: 20 }),
    fc.nat({ max: 5 }),
    fc.nat({ max: 20 }),
    (text, from, changed) => {
      const bytes = utf8.encode(" ".repeat(from) + text);
      const constant = new Constant(text);
      assert.ok(new HexBytes(bytes).has(constant, from));
      assert.ok(!new HexBytes(bytes).has(new Constant(`${text}x`), from));
      if (changed >= text.length) return;
      bytes[from + changed] = (bytes[from + changed] ?? 0) ^ 1;
      assert.ok(!new HexBytes(bytes).has(constant, from));
    },
  ));
});

Deno.test("HexBytes.areSame() compares every byte of two places", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 20 }),
    fc.nat({ max: 19 }),
    (text, changed) => {
      const bytes = utf8.encode(`${text}-${text}`);
      const { length } = text;
      assert.ok(new HexBytes(bytes).areSame(0, length + 1, length));
      const place = changed % length;
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      assert.ok(!new HexBytes(bytes).areSame(0, length + 1, length));
    },
  ));
});

Deno.test("HexBytes.text() gives what stands there", () => {
  const hex = new HexBytes(utf8.encode('{"a":"0x12"}'));
  assert.equal(hex.text(6, 10), "0x12");
  assert.equal(hex.at(0), "{".charCodeAt(0));
  assert.equal(hex.at(12), undefined);
});
