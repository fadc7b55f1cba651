/**
 * Play the scenario on a node, block by block.
 *
 * @module
 */
import type { Hex } from "viem";
import { ADDRESSES } from "./addresses.ts";
import type { Block, Chain } from "./chain.ts";
import { MULTICALL3_CODE } from "./contracts.ts";
import { type Planned, scenario, SEED } from "./scenario.ts";
import { Signer } from "./signer.ts";
import { addressOf, BATCHER, World } from "./world.ts";

/** A block that was just made. */
export interface Played {
  readonly block: Block;
  readonly planned: readonly Planned[];
  /** The same transactions, signed. */
  readonly signed: readonly Hex[];
}

// Who gets the tips.
const BENEFICIARY = "0xbeefbeefbeefbeefbeefbeefbeefbeefbeefbeef";

/**
 * Make one block after the other, for ever; each is made when it is asked for.
 * The clock gives the time of a block, in seconds, by its height.
 */
export async function* play(
  chain: Chain,
  clock: (height: number) => number,
): AsyncGenerator<Played> {
  await chain.calls([
    ["anvil_setCode", [ADDRESSES.multicall3, MULTICALL3_CODE]],
    ["anvil_setCoinbase", [BENEFICIARY]],
    // Then anvil takes this account's blob transactions without their blobs.
    // With blobs it would show them, and proofs, in the block's JSON, 262 kB
    // each, which no node of a real chain does.
    ["anvil_impersonateAccount", [addressOf(BATCHER)]],
  ]);
  const world = new World(SEED);
  const signer = new Signer();
  const blocks = scenario(world);
  for (let height = 1;; height++) {
    // Before the drafts are made: they have deadlines.
    world.now = clock(height);
    const { value: planned } = blocks.next();
    const signed: Hex[] = [];
    // One after the other: the order of signing is the order of the nonces.
    for (const { draft, terms } of planned) {
      signed.push(await signer.sign(draft, terms));
    }
    const block = await chain.mine(signed, world.now);
    world.baseFee = BigInt(block.baseFeePerGas);
    yield { block, planned, signed };
  }
}

/**
 * Replace the last blocks by others with the same transactions, except that
 * each block's last one comes a block later.
 */
export async function reorg(
  chain: Chain,
  last: readonly Played[],
): Promise<void> {
  const end = last.length - 1;
  const moved = last.flatMap(({ signed }, index) =>
    signed.map((raw, position) => {
      const late = position === signed.length - 1 && index < end;
      return [raw, late ? index + 1 : index];
    })
  );
  await chain.call("anvil_reorg", [last.length, moved]);
}
