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
import solc from "solc";
import type { Abi, Hex } from "viem";

/** What it takes to deploy a contract and to call it. */
export interface Contract {
  readonly abi: Abi;
  /** Creation code; constructor arguments follow it. */
  readonly bytecode: Hex;
}

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

interface Compiled {
  readonly abi: Abi;
  readonly evm: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: { readonly object: string };
  };
}

interface Output {
  readonly errors?: readonly {
    readonly severity: string;
    readonly formattedMessage: string;
  }[];
  readonly contracts: Record<string, Record<string, Compiled>>;
}

const compiled = compile();

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
export const MULTICALL3_CODE: Hex = `0x${
  find("Multicall3", "Multicall3").evm.deployedBytecode.object
}`;

function published(
  artefact: { readonly abi: unknown; readonly bytecode: string },
): Contract {
  const code = artefact.bytecode;
  const bytecode = (code.startsWith("0x") ? code : `0x${code}`) as Hex;
  return { abi: artefact.abi as Abi, bytecode };
}

function ours(file: string, name: string = file): Contract {
  const { abi, evm } = find(file, name);
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}

function find(file: string, name: string): Compiled {
  const found = compiled.contracts[`contracts/${file}.sol`]?.[name];
  if (!found) throw new Error(`contracts/${file}.sol has no contract ${name}`);
  return found;
}

function compile(): Output {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(
      FILES.map((file) => [`contracts/${file}.sol`, {
        content: read(import.meta.resolve(`./contracts/${file}.sol`)),
      }]),
    ),
    settings: {
      evmVersion: "prague",
      // The optimiser would take three seconds more of every start.
      optimizer: { enabled: false },
      // Without the hash of its own comments, a contract keeps its bytecode,
      // and the recording its bytes, when only a comment changes.
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: {
        "*": {
          "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"],
        },
      },
    },
  };
  const output: Output = JSON.parse(
    solc.compile(JSON.stringify(input), {
      import: (path: string) => ({ contents: read(import.meta.resolve(path)) }),
    }),
  );
  const errors = output.errors?.filter(({ severity }) => severity === "error");
  if (errors?.length) {
    throw new Error(errors.map((each) => each.formattedMessage).join("\n"));
  }
  return output;
}

function read(url: string): string {
  return Deno.readTextFileSync(new URL(url));
}
