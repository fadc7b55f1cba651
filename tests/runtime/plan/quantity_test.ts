/** @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  countText,
  durationText,
  sizeText,
} from "../../../runtime/plan/quantity.ts";
import { parseDuration, parseSize } from "../../../runtime/spec/units.ts";

Deno.test("sizeText() takes the largest unit that divides the bytes", () => {
  assert.equal(sizeText(16 * 1024 ** 2), "16MiB");
  assert.equal(sizeText(1_000_000), "1MB");
  assert.equal(sizeText(1536), "1536B");
  assert.equal(sizeText(0), "0B");
});

Deno.test("durationText() takes the largest unit that divides the time", () => {
  assert.equal(durationText(500), "500ms");
  assert.equal(durationText(2000), "2s");
  assert.equal(durationText(90_000), "90s");
  assert.equal(durationText(7 * 86_400_000), "7d");
});

Deno.test("sizeText() and durationText() can be read back by a spec", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (amount) => {
    assert.equal(parseSize(sizeText(amount)), amount);
    assert.equal(parseDuration(durationText(amount)), amount);
  }));
});

Deno.test("countText() writes what toLocaleString() does", () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (count) => {
    assert.equal(countText(count), count.toLocaleString("en"));
  }));
});
