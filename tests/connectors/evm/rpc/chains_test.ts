import assert from "node:assert/strict";
import {
  isSettled,
  SETTLED_MS,
} from "../../../../connectors/evm/rpc/chains.ts";
import { hasSharedData, recordedBlocks } from "../mainnet_blocks.ts";

const DAY_MS = 86_400_000;

Deno.test("isSettled() knows nothing of chains that are somebody's own", () => {
  const unit = { number: 0, now: Date.UTC(2100, 0) };
  assert.equal(isSettled(1337, unit), false);
  assert.equal(isSettled(undefined, unit), false);
  assert.equal(isSettled(1, unit), true);
});

Deno.test("isSettled() knows when chains without empty slots made a block", () => {
  // The chains' block and instant of the Granite upgrade.
  const granite = 1_726_070_401_000;
  for (const [chain, number] of [[10, 125_235_812], [8453, 19_640_527]]) {
    const at = (ms: number) =>
      isSettled(chain, { number: number!, now: granite + ms });
    assert.equal(at(SETTLED_MS - 4000), false);
    assert.equal(at(SETTLED_MS + 4000), true);
  }
});

Deno.test({
  name: "isSettled() knows within a week when Ethereum made a block",
  ignore: !hasSharedData(),
  fn() {
    for (const { block } of recordedBlocks()) {
      const number = Number(block.number);
      // Only blocks of slots: proof of work had no pace.
      if (number < 17_000_000) continue;
      const made = Number(block.timestamp) * 1000;
      const at = (ms: number) => isSettled(1, { number, now: made + ms });
      assert.equal(at(SETTLED_MS - 7 * DAY_MS), false, block.number);
      assert.equal(at(SETTLED_MS + 7 * DAY_MS), true, block.number);
    }
  },
});
