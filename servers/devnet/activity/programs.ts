/**
 * Contracts of other kinds: multicalls, a proxy, and people's own tokens.
 *
 * @module
 */
import { keccak256, stringToHex, toHex } from "viem";
import { ADDRESSES } from "../addresses.ts";
import { MULTICALL3, TOKEN, VAULT_V2, WETH9, WORKBENCH } from "../contracts.ts";
import { deploy, type Draft, encode, invoke } from "../draft.ts";
import { type Activity, addressOf, BATCHER, type World } from "../world.ts";

const LABELS = ["hot", "cold", "exchange", "bridge — old", "", "金庫"];

/** What the users of other contracts do. */
export const programs: readonly Activity[] = [
  workbench("store", 20, (world) => [key(world), world.random.amount(0, 20)]),
  workbench("label", 14, (world) => [
    addressOf(world.trader()),
    world.random.pick(LABELS),
  ]),
  workbench("quote", 14, quote),
  workbench("whisper", 6, (world) => [world.random.amount(0, 30)]),
  workbench("multicall", 30, (world) => [inner(world)]),
  workbench("multicall", 8, (world) => [[
    ...inner(world),
    encode(WORKBENCH.abi, "multicall", [inner(world)]),
  ]], "multicall in a multicall"),
  {
    name: "Multicall3.aggregate3",
    weight: 18,
    draft: (world) =>
      invoke(world.trader(), {
        to: ADDRESSES.multicall3,
        abi: MULTICALL3.abi,
        name: "aggregate3",
        args: [aggregated(world)],
      }),
  },
  {
    name: "vault deposit",
    weight: 20,
    draft: (world) => {
      const from = world.trader();
      const value = world.random.amount(14, 16);
      credit(world, from, value);
      return { ...vault(from, "deposit", []), value };
    },
  },
  {
    name: "vault withdraw",
    weight: 12,
    draft: (world) => {
      const from = world.trader();
      const amount = (world.vault.get(from) ?? 0n) / 3n;
      credit(world, from, -amount);
      return vault(from, "withdraw", [amount]);
    },
  },
  {
    name: "vault depositFor",
    weight: 8,
    draft: (world) => {
      const from = world.trader();
      const value = world.random.amount(14, 16);
      // The first code of the vault has no such function.
      if (!world.upgraded) {
        credit(world, from, value);
        return { ...vault(from, "deposit", []), value };
      }
      const to = world.trader();
      credit(world, to, value);
      return { ...vault(from, "depositFor", [addressOf(to)]), value };
    },
  },
  {
    name: "token deployment",
    weight: 14,
    draft: (world) => {
      const number = world.random.between(100, 999);
      const draft = deploy(world.trader(), TOKEN, [
        `Coin ${number}`,
        `C${number}`,
        world.random.pick([0, 6, 8, 18]),
      ]);
      return { ...draft, gas: 2_000_000n };
    },
  },
];

/** Draft a call that does nothing but use gas. */
export function grind(size: bigint): Draft {
  return invoke(BATCHER, {
    to: ADDRESSES.workbench,
    abi: WORKBENCH.abi,
    name: "grind",
    args: [size],
  });
}

/** Draft the upgrade of the vault to its second code. */
export function upgradeVault(from: number): Draft {
  return vault(from, "upgradeToAndCall", [ADDRESSES.vault_v2, "0x"]);
}

function workbench(
  name: string,
  weight: number,
  args: (world: World) => readonly unknown[],
  title: string = `workbench ${name}`,
): Activity {
  return {
    name: title,
    weight,
    draft: (world) =>
      invoke(world.trader(), {
        to: ADDRESSES.workbench,
        abi: WORKBENCH.abi,
        name,
        args: args(world),
      }),
  };
}

function vault(from: number, name: string, args: readonly unknown[]): Draft {
  return invoke(from, { to: ADDRESSES.vault, abi: VAULT_V2.abi, name, args });
}

function credit(world: World, account: number, amount: bigint): void {
  world.vault.set(account, (world.vault.get(account) ?? 0n) + amount);
}

function key(world: World): string {
  return keccak256(toHex(world.random.below(1000)));
}

function quote(world: World): readonly unknown[] {
  const amounts = Array.from(
    { length: world.random.below(4) },
    () => world.random.amount(0, 20),
  );
  const spread = world.random.amount(0, 10);
  return [
    key(world),
    {
      maker: addressOf(world.trader()),
      amounts,
      note: stringToHex(world.random.pick(LABELS)),
    },
    world.random.chance(50) ? spread : -spread,
  ];
}

/** Two to five encoded calls of the workbench. */
function inner(world: World): readonly string[] {
  const choices = [
    () => ["store", [key(world), world.random.amount(0, 20)]],
    () => ["label", [addressOf(world.trader()), world.random.pick(LABELS)]],
    () => ["quote", quote(world)],
  ] as const;
  return Array.from({ length: world.random.between(2, 5) }, () => {
    const [name, args] = world.random.pick(choices)();
    return encode(WORKBENCH.abi, String(name), args as readonly unknown[]);
  });
}

/** Calls of three contracts; the last may fail, and now and then does. */
function aggregated(world: World): readonly unknown[] {
  const stored = [key(world), world.random.amount(0, 20)];
  const spent = world.random.chance(40) ? 1n : 0n;
  const to = addressOf(world.trader());
  return [
    {
      target: ADDRESSES.workbench,
      allowFailure: false,
      callData: encode(WORKBENCH.abi, "store", stored),
    },
    {
      target: ADDRESSES.usd,
      allowFailure: false,
      callData: encode(TOKEN.abi, "mint", [to, world.random.amount(4, 6)]),
    },
    {
      target: ADDRESSES.weth,
      allowFailure: true,
      callData: encode(WETH9.abi, "transfer", [to, spent]),
    },
  ];
}
