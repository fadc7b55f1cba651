/**
 * Where everything is on the local chain. The addresses follow from the
 * deployer and the order of deployment; `setup.ts` refuses to go on if one of
 * them is wrong. No imports, so that anything may read it.
 *
 * @module
 */

/** The local chain's id. */
export const CHAIN_ID = 31337;

/** Contract addresses, in lower case. */
export const ADDRESSES = {
  /** WETH9. */
  weth: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
  /** UniswapV2Factory. */
  factory: "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512",
  /** UniswapV2Router02. */
  router: "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0",
  /** ERC-20 "Devnet Dollar", DUSD, 6 decimals. */
  usd: "0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9",
  /** ERC-20 "Devnet Gold", DGLD, 18 decimals. */
  gold: "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9",
  /** ERC-20 "Devnet Yen", DJPY, no decimals. */
  yen: "0x5fc8d32690cc91d4c39d9d3abcbd16989f875707",
  /** ERC-721 "Devnet Collectible", DCOL. */
  collectible: "0x0165878a594ca255338adfa4d48449f69242eb8f",
  /** ERC-1155. */
  items: "0xa513e6e4b8f2a923d98304ec87f64353c4d5c853",
  /** Workbench: `multicall(bytes[])`, odd events, every way to fail. */
  workbench: "0x2279b7a0a67db372996a5fab50d91eaa73d2ebe6",
  /** Wallet: the code that accounts delegate to (EIP-7702). */
  wallet: "0x8a791620dd6260079bf849dc5567adc3f2fdc318",
  /** The first code of the vault. */
  vault_v1: "0x610178da211fef7d417bc0e6fed39f05609ad788",
  /** Vault: an ERC-1967 proxy, upgraded once. */
  vault: "0xb7f8bc63bbcad18155201308c8f3540b07f84f5e",
  /** The second code of the vault. */
  vault_v2: "0xa51c1fc2f0d1a1b8494ed1fe312d7c3a78ed91c0",
  /** UniswapV2Pair of DUSD and WETH. */
  usd_weth: "0xdedc0d7fcdfe17a09d69a34112ee8a1621bd83e0",
  /** UniswapV2Pair of DGLD and WETH. */
  gold_weth: "0x5946fba4d718494c604b8122df6074130f524f27",
  /** UniswapV2Pair of DUSD and DGLD. */
  usd_gold: "0x0ae19c8ec0c46412197552784d36a6296aa1f1ef",
  /** Multicall3, where every chain has it; there from the first block on. */
  multicall3: "0xca11bde05977b3631167028862be2a173976ca11",
} as const;
