/**
 * The contracts of the local chain: ours compiled from `contracts/`, Uniswap
 * V2 and WETH9 as their packages publish them, byte for byte.
 *
 * @module
 */
import weth9 from "canonical-weth/build/contracts/WETH9.json" with {
  type: "json",
};
import factory from "@uniswap/v2-core/build/UniswapV2Factory.json" with {
  type: "json",
};
import pair from "@uniswap/v2-core/build/UniswapV2Pair.json" with {
  type: "json",
};
import router from "@uniswap/v2-periphery/build/UniswapV2Router02.json" with {
  type: "json",
};
import type { Abi, Hex } from "viem";
import { compile, type Contract } from "./solidity.ts";

export type { Contract } from "./solidity.ts";

const FILES = [
  "Collectible",
  "Items",
  "Multicall3",
  "Refusal",
  "Token",
  "Vault",
  "Wallet",
  "Workbench",
];

const compiled = compile(FILES);

/** ERC-20 with a name, a symbol and decimals of one's own. */
export const TOKEN = ours("Token");
/** ERC-721. */
export const COLLECTIBLE = ours("Collectible");
/** ERC-1155. */
export const ITEMS = ours("Items");
/** `multicall(bytes[])`, odd events and every way to fail. */
export const WORKBENCH = ours("Workbench");
/** The first version behind the proxy. */
export const VAULT = ours("Vault", "Vault");
/** The second version behind the proxy. */
export const VAULT_V2 = ours("Vault", "VaultV2");
/** The ERC-1967 proxy of the vault. */
export const VAULT_PROXY = ours("Vault", "VaultProxy");
/** What accounts delegate to under EIP-7702. */
export const WALLET = ours("Wallet");
/** A contract whose constructor reverts. */
export const REFUSAL = ours("Refusal");
/** Wrapped ether, as on mainnet. */
export const WETH9: Contract = published(weth9);
/** Makes the pairs. */
export const UNISWAP_FACTORY: Contract = published(factory);
/** One pair; the factory deploys it. */
export const UNISWAP_PAIR: Contract = published(pair);
/** What traders call. */
export const UNISWAP_ROUTER: Contract = published(router);
/** Several reads in one call. */
export const MULTICALL3 = ours("Multicall3");
/** What stands at Multicall3's usual address from the first block on. */
export const MULTICALL3_CODE: Hex = compiled.deployed(
  "Multicall3",
  "Multicall3",
);

function published(
  artefact: { readonly abi: unknown; readonly bytecode: string },
): Contract {
  const code = artefact.bytecode;
  const bytecode = (code.startsWith("0x") ? code : `0x${code}`) as Hex;
  return { abi: artefact.abi as Abi, bytecode };
}

function ours(file: string, name: string = file): Contract {
  return compiled.contract(file, name);
}
