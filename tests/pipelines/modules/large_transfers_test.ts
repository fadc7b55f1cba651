import assert from "node:assert/strict";
import {
  type Transfer,
  transform,
} from "../../../pipelines/modules/large_transfers.ts";

const usdc = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";
const context = { unit: { number: 1, id: "0x01", time: 0 } };

function transfer(value: bigint, token = usdc): Transfer {
  return {
    block_number: 1,
    transaction_hash: `0x${"1".repeat(64)}`,
    token_address: token,
    from_address: `0x${"2".repeat(40)}`,
    to_address: `0x${"3".repeat(40)}`,
    value,
  };
}

Deno.test("transform() keeps a million units and more", () => {
  const million = 10n ** 12n;
  assert.equal(transform(transfer(million - 1n), context), null);
  assert.deepEqual(transform(transfer(million), context), {
    ...transfer(million),
    digits: 7,
  });
});

Deno.test("transform() takes 18 decimals for a token it does not know", () => {
  const other = `0x${"4".repeat(40)}`;
  assert.equal(transform(transfer(10n ** 12n, other), context), null);
  const all = transform(transfer(2n ** 256n - 1n, other), context);
  assert.equal((all as { digits: number }).digits, 60);
});
