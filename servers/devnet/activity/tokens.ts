/**
 * ERC-20, WETH, ERC-721 and ERC-1155, each called directly.
 *
 * @module
 */
import type { Address } from "viem";
import { ADDRESSES } from "../addresses.ts";
import { COLLECTIBLE, ITEMS, TOKEN, WETH9 } from "../contracts.ts";
import { type Draft, invoke } from "../draft.ts";
import { type Activity, addressOf, TRADERS, type World } from "../world.ts";

/** The kinds of item that every trader has a lot of. */
export const ITEM_IDS: readonly bigint[] = [1n, 2n, 3n, 4n, 5n];

interface Fungible {
  readonly address: Address;
  /** Powers of ten of a usual amount. */
  readonly low: number;
  readonly high: number;
}

const FUNGIBLES: readonly Fungible[] = [
  { address: ADDRESSES.usd, low: 4, high: 6 },
  { address: ADDRESSES.gold, low: 13, high: 15 },
  { address: ADDRESSES.yen, low: 0, high: 1 },
];

/** What token holders do. */
export const tokens: readonly Activity[] = [
  {
    name: "ERC-20 transfer",
    weight: 220,
    draft: (world) => {
      const { address, low, high } = world.random.pick(FUNGIBLES);
      const amount = world.random.amount(low, high);
      return token(world.trader(), {
        to: address,
        name: "transfer",
        args: [world.receiver(), amount],
      });
    },
  },
  {
    name: "ERC-20 transferFrom",
    weight: 40,
    // setup.ts lets every trader spend the gold of the one before.
    draft: (world) => {
      const owner = world.random.below(TRADERS.length);
      const spender = (owner + 1) % TRADERS.length;
      const amount = world.random.amount(13, 15);
      return token(traderAt(spender), {
        to: ADDRESSES.gold,
        name: "transferFrom",
        args: [addressOf(traderAt(owner)), world.receiver(), amount],
      });
    },
  },
  {
    name: "ERC-20 approve",
    weight: 40,
    draft: (world) => {
      const amount = world.random.chance(20) ? 0n : world.random.amount(0, 4);
      return token(world.trader(), {
        to: ADDRESSES.yen,
        name: "approve",
        args: [world.receiver(), amount],
      });
    },
  },
  {
    name: "ERC-20 mint",
    weight: 25,
    draft: (world) => {
      const { address, low, high } = world.random.pick(FUNGIBLES);
      const amount = world.random.amount(low, high);
      return token(world.trader(), {
        to: address,
        name: "mint",
        args: [world.receiver(), amount],
      });
    },
  },
  {
    name: "ERC-20 burn",
    weight: 8,
    draft: (world) =>
      token(world.trader(), {
        to: ADDRESSES.yen,
        name: "burn",
        args: [world.random.amount(0, 0)],
      }),
  },
  {
    name: "WETH deposit",
    weight: 30,
    draft: (world) => ({
      ...weth(world.trader(), "deposit", []),
      value: world.random.amount(14, 16),
    }),
  },
  {
    name: "WETH deposit by plain ether",
    weight: 10,
    draft: (world) => ({
      from: world.trader(),
      to: ADDRESSES.weth,
      value: world.random.amount(14, 16),
    }),
  },
  {
    name: "WETH withdraw",
    weight: 25,
    draft: (world) =>
      weth(world.trader(), "withdraw", [world.random.amount(13, 15)]),
  },
  {
    name: "ERC-721 mint",
    weight: 35,
    draft: (world) => {
      const from = world.trader();
      const to = world.random.chance(30) ? world.trader() : from;
      world.collectibles.push(to);
      return collectible(from, "mint", [addressOf(to)]);
    },
  },
  {
    name: "ERC-721 transferFrom",
    weight: 30,
    draft: (world) => handOver(world, "transferFrom"),
  },
  {
    name: "ERC-721 safeTransferFrom",
    weight: 12,
    draft: (world) => handOver(world, "safeTransferFrom"),
  },
  {
    name: "ERC-721 setApprovalForAll",
    weight: 6,
    draft: (world) =>
      collectible(world.trader(), "setApprovalForAll", [
        addressOf(world.trader()),
        world.random.chance(60),
      ]),
  },
  {
    name: "ERC-1155 safeTransferFrom",
    weight: 30,
    draft: (world) => {
      const from = world.trader();
      return item(from, "safeTransferFrom", [
        addressOf(from),
        addressOf(world.trader()),
        world.random.pick(ITEM_IDS),
        BigInt(world.random.between(1, 20)),
        "0x",
      ]);
    },
  },
  {
    name: "ERC-1155 safeBatchTransferFrom",
    weight: 20,
    draft: (world) => {
      const from = world.trader();
      const ids = ITEM_IDS.slice(0, world.random.between(2, ITEM_IDS.length));
      return item(from, "safeBatchTransferFrom", [
        addressOf(from),
        addressOf(world.trader()),
        ids,
        ids.map(() => BigInt(world.random.between(1, 20))),
        world.random.bytes(world.random.below(40)),
      ]);
    },
  },
];

interface TokenCall {
  readonly to: Address;
  readonly name: string;
  readonly args: readonly unknown[];
}

function token(from: number, call: TokenCall): Draft {
  return invoke(from, { abi: TOKEN.abi, ...call });
}

function weth(from: number, name: string, args: readonly unknown[]): Draft {
  return invoke(from, { to: ADDRESSES.weth, abi: WETH9.abi, name, args });
}

function collectible(
  from: number,
  name: string,
  args: readonly unknown[],
): Draft {
  const { abi } = COLLECTIBLE;
  return invoke(from, { to: ADDRESSES.collectible, abi, name, args });
}

function item(from: number, name: string, args: readonly unknown[]): Draft {
  return invoke(from, { to: ADDRESSES.items, abi: ITEMS.abi, name, args });
}

function handOver(world: World, name: string): Draft {
  const index = world.random.below(world.collectibles.length);
  const from = world.collectibles[index] ?? world.trader();
  const to = world.trader();
  world.collectibles[index] = to;
  const args = [addressOf(from), addressOf(to), BigInt(index + 1)];
  // safeTransferFrom has two forms; the types of the arguments choose.
  return collectible(from, name, args);
}

function traderAt(index: number): number {
  return TRADERS[index] ?? 1;
}
