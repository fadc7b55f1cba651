/**
 * Uniswap V2 through its router, every kind of call it has.
 *
 * @module
 */
import { type Address, parseEther } from "viem";
import { ADDRESSES } from "../addresses.ts";
import { UNISWAP_ROUTER } from "../contracts.ts";
import { type Draft, invoke } from "../draft.ts";
import { type Activity, addressOf, type World } from "../world.ts";

const { weth, usd, gold } = ADDRESSES;

/** The traders who own the first liquidity, by pair. */
export const PROVIDERS = { usd_weth: 1, gold_weth: 2, usd_gold: 3 } as const;

// A swap over three pairs takes less than half of it.
const ROUTER_GAS = 700_000n;

const NO_LIMIT = 2n ** 128n;

// Powers of ten of what a trader swaps: a small part of the pools.
const SIZE: Record<Address, readonly [low: number, high: number]> = {
  [weth]: [13, 15],
  [usd]: [5, 6],
  [gold]: [13, 15],
};

const TOKEN_PATHS: readonly (readonly Address[])[] = [
  [usd, gold],
  [gold, usd],
  [weth, usd],
  [gold, weth],
  [usd, weth, gold],
  [gold, usd, weth],
];

const FROM_ETHER: readonly (readonly Address[])[] = [
  [weth, usd],
  [weth, gold],
  [weth, usd, gold],
];

const TO_ETHER: readonly (readonly Address[])[] = [
  [usd, weth],
  [gold, weth],
  [usd, gold, weth],
];

/** Swaps and liquidity. */
export const exchange: readonly Activity[] = [
  exactInput("swapExactTokensForTokens", 50),
  exactInput("swapExactTokensForTokensSupportingFeeOnTransferTokens", 10),
  {
    name: "swapTokensForExactTokens",
    weight: 25,
    draft: (world) => {
      const from = world.trader();
      const path = world.random.pick(TOKEN_PATHS);
      const out = size(world, path.at(-1));
      return router(from, "swapTokensForExactTokens", [
        out,
        NO_LIMIT,
        ...tail(world, { from, path }),
      ]);
    },
  },
  etherInput("swapExactETHForTokens", 45),
  etherInput("swapExactETHForTokensSupportingFeeOnTransferTokens", 8),
  {
    name: "swapETHForExactTokens",
    weight: 20,
    draft: (world) => {
      const from = world.trader();
      const path = world.random.pick(FROM_ETHER);
      const out = size(world, path.at(-1));
      // The router gives back what it does not need.
      return {
        ...router(from, "swapETHForExactTokens", [
          out,
          ...tail(world, { from, path }),
        ]),
        value: parseEther("5"),
      };
    },
  },
  etherOutput("swapExactTokensForETH", 40),
  etherOutput("swapExactTokensForETHSupportingFeeOnTransferTokens", 8),
  {
    name: "swapTokensForExactETH",
    weight: 20,
    draft: (world) => {
      const from = world.trader();
      const path = world.random.pick(TO_ETHER);
      return router(from, "swapTokensForExactETH", [
        size(world, weth),
        NO_LIMIT,
        ...tail(world, { from, path }),
      ]);
    },
  },
  {
    name: "addLiquidity",
    weight: 15,
    draft: (world) => {
      const from = world.trader();
      const usdAmount = size(world, usd);
      const goldAmount = size(world, gold);
      return addLiquidity(from, {
        amounts: [usdAmount, goldAmount],
        deadline: world.deadline(),
      });
    },
  },
  {
    name: "addLiquidityETH",
    weight: 15,
    draft: (world) => {
      const from = world.trader();
      const token = world.random.pick([usd, gold]);
      return addLiquidityETH(from, {
        token,
        amount: size(world, token),
        value: parseEther("1"),
        deadline: world.deadline(),
      });
    },
  },
  {
    name: "removeLiquidity",
    weight: 12,
    draft: (world) => {
      const from = PROVIDERS.usd_gold;
      return router(from, "removeLiquidity", [
        usd,
        gold,
        world.random.amount(10, 11),
        0n,
        0n,
        addressOf(from),
        world.deadline(),
      ]);
    },
  },
  {
    name: "removeLiquidityETH",
    weight: 12,
    draft: (world) => {
      const [from, token, power] = world.random.pick(
        [
          [PROVIDERS.usd_weth, usd, 10],
          [PROVIDERS.gold_weth, gold, 16],
        ] as const,
      );
      return router(from, "removeLiquidityETH", [
        token,
        world.random.amount(power, power),
        0n,
        0n,
        addressOf(from),
        world.deadline(),
      ]);
    },
  },
];

/** Draft a call of the router. */
export function router(
  from: number,
  name: string,
  args: readonly unknown[],
): Draft {
  const { abi } = UNISWAP_ROUTER;
  const to = ADDRESSES.router;
  return invoke(from, { to, abi, name, args, gas: ROUTER_GAS });
}

/** Draft liquidity for the pair of DUSD and DGLD. */
export function addLiquidity(
  from: number,
  { amounts, deadline }: {
    readonly amounts: readonly [usd: bigint, gold: bigint];
    readonly deadline: bigint;
  },
): Draft {
  const to = addressOf(from);
  const args = [usd, gold, ...amounts, 0n, 0n, to, deadline];
  return router(from, "addLiquidity", args);
}

/** Draft liquidity for the pair of a token and WETH. */
export function addLiquidityETH(
  from: number,
  { token, amount, value, deadline }: {
    readonly token: Address;
    readonly amount: bigint;
    readonly value: bigint;
    readonly deadline: bigint;
  },
): Draft {
  const args = [token, amount, 0n, 0n, addressOf(from), deadline];
  return { ...router(from, "addLiquidityETH", args), value };
}

function exactInput(name: string, weight: number): Activity {
  return {
    name,
    weight,
    draft: (world) => {
      const from = world.trader();
      const path = world.random.pick(TOKEN_PATHS);
      const amount = size(world, path[0]);
      return router(from, name, [amount, 0n, ...tail(world, { from, path })]);
    },
  };
}

function etherInput(name: string, weight: number): Activity {
  return {
    name,
    weight,
    draft: (world) => {
      const from = world.trader();
      const path = world.random.pick(FROM_ETHER);
      const value = size(world, weth);
      const args = [0n, ...tail(world, { from, path })];
      return { ...router(from, name, args), value };
    },
  };
}

function etherOutput(name: string, weight: number): Activity {
  return {
    name,
    weight,
    draft: (world) => {
      const from = world.trader();
      const path = world.random.pick(TO_ETHER);
      const amount = size(world, path[0]);
      return router(from, name, [amount, 0n, ...tail(world, { from, path })]);
    },
  };
}

/** The arguments that all swaps end with. */
function tail(
  world: World,
  { from, path }: { from: number; path: readonly Address[] },
): unknown[] {
  const to = world.random.chance(10) ? world.trader() : from;
  return [path, addressOf(to), world.deadline()];
}

function size(world: World, token: Address = weth): bigint {
  const [low, high] = SIZE[token] ?? [0, 0];
  return world.random.amount(low, high);
}
