/**
 * Transactions that succeed and that no decoder can quite explain, and the
 * two newest kinds of transaction.
 *
 * @module
 */
import { concatHex, type Hex, zeroAddress } from "viem";
import { ADDRESSES } from "../addresses.ts";
import { TOKEN, WALLET } from "../contracts.ts";
import { type Delegation, type Draft, encode, invoke } from "../draft.ts";
import {
  type Activity,
  addressOf,
  BATCHER,
  DELEGATOR,
  SPONSOR,
  type World,
} from "../world.ts";

// Where rollups send their blobs is an address without code.
const INBOX = "0xff00000000000000000000000000000000031337";

// Prague takes nine blobs a block (EIP-7691).
const MOST_BLOBS = 9;

/** Calldata that fits no ABI, or not quite. */
export const oddities: readonly Activity[] = [
  {
    name: "unknown selector to an account",
    weight: 14,
    draft: (world) => ({
      from: world.trader(),
      to: world.receiver(),
      data: world.random.bytes(4 + 32 * world.random.below(4)),
    }),
  },
  {
    // WETH9 takes any call that it does not know for a deposit.
    name: "unknown selector to WETH",
    weight: 6,
    draft: (world) => ({
      from: world.trader(),
      to: ADDRESSES.weth,
      value: world.random.amount(12, 14),
      data: world.random.bytes(world.random.between(1, 40)),
    }),
  },
  {
    name: "fewer than four bytes",
    weight: 6,
    draft: (world) => ({
      from: world.trader(),
      to: addressOf(world.trader()),
      data: world.random.bytes(world.random.between(1, 3)),
    }),
  },
  {
    name: "known selector, malformed arguments",
    weight: 8,
    draft: (world) => ({
      from: world.trader(),
      to: world.receiver(),
      data: concatHex([
        world.random.pick<Hex>(["0xa9059cbb", "0x38ed1739", "0xac9650d8"]),
        world.random.bytes(world.random.between(1, 100)),
      ]),
    }),
  },
  {
    name: "trailing bytes",
    weight: 8,
    draft: (world) => {
      const args = [world.receiver(), world.random.amount(4, 5)];
      return {
        from: world.trader(),
        to: ADDRESSES.usd,
        data: concatHex([
          encode(TOKEN.abi, "transfer", args),
          world.random.bytes(world.random.between(1, 32)),
        ]),
      };
    },
  },
];

/** Draft a transaction that carries one to nine blobs (EIP-4844). */
export function postBlobs(world: World): Draft {
  const { random } = world;
  const blobs = Array.from(
    { length: random.between(1, MOST_BLOBS) },
    // 01 is the version of a KZG commitment's hash.
    () => concatHex(["0x01", random.bytes(31)]),
  );
  const data = random.chance(30) ? random.bytes(36) : "0x";
  return { from: BATCHER, to: INBOX, data, envelope: "blob", blobs };
}

/** The life of a delegation (EIP-7702), one draft after the other. */
export const delegations: readonly ((world: World) => Draft)[] = [
  (world) => ({
    ...execute(world),
    ...delegation({ authority: DELEGATOR, to: ADDRESSES.wallet }),
  }),
  execute,
  () => ({
    ...ping(),
    ...delegation(
      { authority: DELEGATOR, to: ADDRESSES.wallet },
      { authority: DELEGATOR, to: ADDRESSES.vault_v1, stale: true },
    ),
  }),
  execute,
  ping,
  () => ({
    ...ping(),
    ...delegation({ authority: DELEGATOR, to: zeroAddress }),
  }),
];

function delegation(
  ...list: readonly Delegation[]
): Pick<Draft, "envelope" | "delegations"> {
  return { envelope: "delegation", delegations: list };
}

function ping(): Draft {
  const to = addressOf(DELEGATOR);
  return invoke(SPONSOR, { to, abi: WALLET.abi, name: "ping", args: [] });
}

/** Two calls at once, from and to the account itself. */
function execute(world: World): Draft {
  const to = addressOf(world.trader());
  const amount = world.random.amount(4, 6);
  return invoke(DELEGATOR, {
    to: addressOf(DELEGATOR),
    abi: WALLET.abi,
    name: "execute",
    args: [[
      { target: to, value: world.random.amount(12, 14), data: "0x" },
      {
        target: ADDRESSES.usd,
        value: 0n,
        data: encode(TOKEN.abi, "mint", [to, amount]),
      },
    ]],
  });
}
