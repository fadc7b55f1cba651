/**
 * The first blocks: deployments, balances, allowances, liquidity.
 *
 * @module
 */
import {
  type Address,
  encodePacked,
  getContractAddress,
  keccak256,
  maxUint256,
  parseEther,
  parseUnits,
} from "viem";
import {
  addLiquidity,
  addLiquidityETH,
  PROVIDERS,
} from "./activity/exchange.ts";
import { ITEM_IDS } from "./activity/tokens.ts";
import { ADDRESSES } from "./addresses.ts";
import {
  COLLECTIBLE,
  ITEMS,
  TOKEN,
  UNISWAP_FACTORY,
  UNISWAP_PAIR,
  UNISWAP_ROUTER,
  VAULT,
  VAULT_PROXY,
  VAULT_V2,
  WALLET,
  WETH9,
  WORKBENCH,
} from "./contracts.ts";
import { deploy, type Draft, encode, invoke } from "./draft.ts";
import { addressOf, DEPLOYER, TRADERS, type World } from "./world.ts";

const { weth, factory, router, usd, gold, yen } = ADDRESSES;

// The order of deployment: it makes the addresses.
const ORDER: readonly (keyof typeof ADDRESSES)[] = [
  "weth",
  "factory",
  "router",
  "usd",
  "gold",
  "yen",
  "collectible",
  "items",
  "workbench",
  "wallet",
  "vault_v1",
  "vault",
  "vault_v2",
];

// Making a pair takes 2.6 million.
const PAIR_GAS = 4_000_000n;

/**
 * The blocks that come before all activity.
 *
 * @throws {Error} `addresses.ts` is not what the deployments will make.
 */
export function setup(world: World): readonly (readonly Draft[])[] {
  checkAddresses();
  const owner = addressOf(DEPLOYER);
  const initialize = encode(VAULT.abi, "initialize", [owner]);
  for (const trader of TRADERS) world.collectibles.push(trader);
  return [
    [
      deploy(DEPLOYER, WETH9),
      deploy(DEPLOYER, UNISWAP_FACTORY, [owner]),
      deploy(DEPLOYER, UNISWAP_ROUTER, [factory, weth]),
    ],
    [
      deploy(DEPLOYER, TOKEN, ["Devnet Dollar", "DUSD", 6]),
      deploy(DEPLOYER, TOKEN, ["Devnet Gold", "DGLD", 18]),
      deploy(DEPLOYER, TOKEN, ["Devnet Yen", "DJPY", 0]),
      deploy(DEPLOYER, COLLECTIBLE),
    ],
    [
      deploy(DEPLOYER, ITEMS),
      deploy(DEPLOYER, WORKBENCH),
      deploy(DEPLOYER, WALLET),
    ],
    [
      deploy(DEPLOYER, VAULT),
      deploy(DEPLOYER, VAULT_PROXY, [ADDRESSES.vault_v1, initialize]),
      deploy(DEPLOYER, VAULT_V2),
    ],
    TRADERS.flatMap((trader) => [
      token(DEPLOYER, usd, "mint", [
        addressOf(trader),
        parseUnits("2000000", 6),
      ]),
      token(DEPLOYER, gold, "mint", [addressOf(trader), parseEther("2000")]),
      token(DEPLOYER, yen, "mint", [addressOf(trader), 100_000_000n]),
    ]),
    TRADERS.map((trader) => ({
      ...invoke(trader, {
        to: weth,
        abi: WETH9.abi,
        name: "deposit",
        args: [],
      }),
      value: parseEther("100"),
    })),
    TRADERS.flatMap((trader, index) => [
      ...[weth, usd, gold].map((each) =>
        token(trader, each, "approve", [router, maxUint256])
      ),
      // The next trader may spend this one's gold: see tokens.ts.
      token(trader, gold, "approve", [
        addressOf(TRADERS[(index + 1) % TRADERS.length] ?? trader),
        maxUint256,
      ]),
    ]),
    TRADERS.flatMap((trader) => [
      invoke(trader, {
        to: ADDRESSES.items,
        abi: ITEMS.abi,
        name: "mintBatch",
        args: [addressOf(trader), ITEM_IDS, ITEM_IDS.map(() => 1_000_000n)],
      }),
      invoke(trader, {
        to: ADDRESSES.collectible,
        abi: COLLECTIBLE.abi,
        name: "mint",
        args: [addressOf(trader)],
      }),
    ]),
    liquidity(world),
    Object.entries(PROVIDERS).map(([pair, provider]) =>
      token(provider, ADDRESSES[pair as keyof typeof PROVIDERS], "approve", [
        router,
        maxUint256,
      ])
    ),
  ];
}

/** One ether is 3,000 dollars and 4 gold here. */
function liquidity(world: World): readonly Draft[] {
  // Setup must not be late, whatever the node's clock says.
  const deadline = world.deadline() + 1_000_000n;
  return [
    addLiquidityETH(PROVIDERS.usd_weth, {
      token: usd,
      amount: parseUnits("1500000", 6),
      value: parseEther("500"),
      deadline,
    }),
    addLiquidityETH(PROVIDERS.gold_weth, {
      token: gold,
      amount: parseEther("1200"),
      value: parseEther("300"),
      deadline,
    }),
    addLiquidity(PROVIDERS.usd_gold, {
      amounts: [parseUnits("750000", 6), parseEther("1000")],
      deadline,
    }),
  ].map((draft) => ({ ...draft, gas: PAIR_GAS }));
}

/** Draft a call of an ERC-20, which a pair is as well. */
function token(
  from: number,
  to: Address,
  name: string,
  args: readonly unknown[],
): Draft {
  return invoke(from, { to, abi: TOKEN.abi, name, args });
}

function checkAddresses(): void {
  const from = addressOf(DEPLOYER);
  for (const [nonce, name] of ORDER.entries()) {
    check(name, getContractAddress({ from, nonce: BigInt(nonce) }));
  }
  check("usd_weth", pairOf(usd, weth));
  check("gold_weth", pairOf(gold, weth));
  check("usd_gold", pairOf(usd, gold));
}

function check(name: keyof typeof ADDRESSES, actual: Address): void {
  if (ADDRESSES[name] === actual.toLowerCase()) return;
  throw new Error(`Address of ${name} is ${actual.toLowerCase()}`);
}

/** Where the factory puts a pair: Uniswap V2, `UniswapV2Library.pairFor`. */
function pairOf(one: Address, other: Address): Address {
  const sorted = [one, other].toSorted() as [Address, Address];
  return getContractAddress({
    opcode: "CREATE2",
    from: factory,
    salt: keccak256(encodePacked(["address", "address"], sorted)),
    bytecodeHash: keccak256(UNISWAP_PAIR.bytecode),
  });
}
