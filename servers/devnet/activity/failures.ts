/**
 * Transactions that fail, one for each way to fail.
 *
 * @module
 */
import { type Hex, maxUint256 } from "viem";
import { ADDRESSES } from "../addresses.ts";
import { COLLECTIBLE, REFUSAL, TOKEN, WORKBENCH } from "../contracts.ts";
import { deploy, type Draft, encode, invoke } from "../draft.ts";
import { type Activity, addressOf, type World } from "../world.ts";
import { router } from "./exchange.ts";

const { usd, gold, yen, weth } = ADDRESSES;

/** Reverts with every kind of reason, no gas, no contract, no such function. */
export const failures: readonly Activity[] = [
  failing(
    "custom error of a token",
    8,
    (world) => token(world, "transfer", [world.receiver(), maxUint256]),
  ),
  // In dollars: setup.ts lets traders spend each other's gold.
  failing(
    "transferFrom without allowance",
    5,
    (world) =>
      invoke(world.trader(), {
        to: usd,
        abi: TOKEN.abi,
        name: "transferFrom",
        args: [addressOf(world.trader()), world.receiver(), 1n],
      }),
  ),
  failing("somebody else's collectible", 4, (world) =>
    invoke(world.trader(), {
      to: ADDRESSES.collectible,
      abi: COLLECTIBLE.abi,
      name: "transferFrom",
      args: [
        ADDRESSES.workbench,
        addressOf(world.trader()),
        BigInt(world.random.between(1, 10)),
      ],
    })),
  failing("swap that came too late", 6, (world) => {
    const from = world.trader();
    const late = BigInt(world.now - 1000);
    const args = [0n, [weth, usd], addressOf(from), late];
    return { ...router(from, "swapExactETHForTokens", args), value: 1n };
  }),
  failing("swap with a price that is gone", 6, (world) => {
    const from = world.trader();
    const to = addressOf(from);
    return router(from, "swapExactTokensForTokens", [
      world.random.amount(5, 6),
      maxUint256,
      [usd, gold],
      to,
      world.deadline(),
    ]);
  }),
  failing("swap without a pair", 4, (world) => {
    const from = world.trader();
    return router(from, "swapExactTokensForTokens", [
      1n,
      0n,
      [usd, yen],
      addressOf(from),
      world.deadline(),
    ]);
  }),
  failing(
    "custom error",
    4,
    (world) => workbench(world, "refuse", [BigInt(world.random.below(100))]),
  ),
  failing(
    "reason",
    4,
    (world) => workbench(world, "fail", ["Workbench: not today"]),
  ),
  failing("division by zero", 3, (world) => workbench(world, "crash", [0n])),
  failing("out of gas", 5, (world) => ({
    ...workbench(world, "grind", [10_000_000n]),
    gas: BigInt(world.random.between(60, 200)) * 1000n,
  })),
  failing(
    "multicall with a bad call",
    5,
    (world) =>
      workbench(world, "multicall", [[
        encode(WORKBENCH.abi, "whisper", [1n]),
        encode(WORKBENCH.abi, "fail", ["Workbench: the second call"]),
      ]]),
  ),
  failing("ether to a contract that takes none", 4, (world) => ({
    from: world.trader(),
    to: world.random.pick([usd, gold, ADDRESSES.workbench]),
    value: world.random.amount(12, 14),
  })),
  failing("unknown function", 6, (world) => ({
    from: world.trader(),
    to: world.random.pick([usd, gold, ADDRESSES.router, ADDRESSES.items]),
    data: world.random.bytes(4 + 32 * world.random.below(4)),
  })),
  failing("truncated arguments", 6, (world) => {
    const draft = token(world, "transfer", [world.receiver(), 1n]);
    const digits = 2 + 2 * world.random.between(5, 60);
    return { ...draft, data: (draft.data ?? "0x").slice(0, digits) as Hex };
  }),
  failing("address with dirty upper bytes", 3, (world) => ({
    from: world.trader(),
    to: usd,
    data: `0xa9059cbb${"ff".repeat(32)}${"00".repeat(31)}01`,
  })),
  failing(
    "creation that reverts",
    6,
    (world) => deploy(world.trader(), REFUSAL, ["Refusal: never"]),
  ),
  failing("creation with an invalid opcode", 3, (world) => ({
    from: world.trader(),
    to: null,
    data: "0xfe",
    gas: 100_000n,
  })),
  // EIP-3541: the code 0xef, which this creation code returns, is reserved.
  failing("creation of reserved code", 2, (world) => ({
    from: world.trader(),
    to: null,
    data: "0x60ef60005360016000f3",
    gas: 100_000n,
  })),
];

function failing(
  name: string,
  weight: number,
  draft: (world: World) => Draft,
): Activity {
  return {
    name: `failure: ${name}`,
    weight,
    draft: (world) => ({ ...draft(world), fails: true }),
  };
}

function token(world: World, name: string, args: readonly unknown[]): Draft {
  const to = world.random.pick([usd, gold]);
  return invoke(world.trader(), { to, abi: TOKEN.abi, name, args });
}

function workbench(
  world: World,
  name: string,
  args: readonly unknown[],
): Draft {
  const { abi } = WORKBENCH;
  return invoke(world.trader(), { to: ADDRESSES.workbench, abi, name, args });
}
