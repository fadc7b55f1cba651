import assert from "node:assert/strict";
import {
  limitsIn,
  proposedEnd,
} from "../../../../connectors/evm/chain/log_limits.ts";

const texts: readonly (readonly [string, object])[] = [
  [
    "You can make eth_getLogs requests with up to a 500 block range. Based " +
    "on your parameters, this block range should work: [0x1a30dfd, 0x1a30ff0]",
    { range: 500 },
  ],
  ["Log response size exceeded. Please reduce query block range.", {}],
  ["query returned more than 10000 results", { results: 10_000 }],
  [
    "query returned more than 10000 results. Try with this block range " +
    "[0x10, 0x1f].",
    { results: 10_000 },
  ],
  ["range 1000000 exceeds limit of 10000", { range: 10_000 }],
  ["eth_getLogs is limited to a 10,000 range", { range: 10_000 }],
  [
    "invalid params: range 9009594 is bigger than range limit 2000",
    { range: 2000 },
  ],
  [
    "Invalid params: the range 55074203 - 55124202 exceeds the range allowed " +
    "for your plan (49999 > 2000).",
    { range: 2000 },
  ],
  ["query exceeds max block range 5000", { range: 5000 }],
  [
    "query exceeds max results 20000, retry with the range 25766988-25775072",
    { results: 20_000 },
  ],
  ["block range too high", {}],
  ["exceed maximum block range: 5000", { range: 5000 }],
  ["Max range: 3000", { range: 3000 }],
  ["eth_getLogs range is too large, max is 1k blocks", { range: 1000 }],
  ["requested too many blocks, maximum is set to 2048", { range: 2048 }],
];

for (const [text, limits] of texts) {
  Deno.test(`limitsIn() reads "${text.slice(0, 60)}"`, () => {
    assert.deepEqual(limitsIn(text), limits);
  });
}

Deno.test("proposedEnd() takes a range that begins where the question does", () => {
  const text = "Try with this block range [0x10, 0x1f].";
  assert.equal(proposedEnd(text, { from: 16, to: 100 }), 31);
  assert.equal(proposedEnd(text, { from: 17, to: 100 }), undefined);
  assert.equal(proposedEnd(text, { from: 16, to: 31 }), undefined);
  assert.equal(
    proposedEnd("max results 20, retry with the range 5-8", {
      from: 5,
      to: 90,
    }),
    8,
  );
  assert.equal(
    proposedEnd("query returned more than 10 results", { from: 5, to: 90 }),
    undefined,
  );
});
