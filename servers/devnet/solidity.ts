/**
 * Compiles contracts.
 *
 * @module
 */
import solc from "solc";
import type { Abi, Hex } from "viem";

/** What it takes to deploy a contract and to call it. */
export interface Contract {
  readonly abi: Abi;
  /** Creation code; constructor arguments follow it. */
  readonly bytecode: Hex;
}

/** Compiled files. */
export interface Compilation {
  contract(file: string, name: string): Contract;
  /** The code that stands at the address of a deployed contract. */
  deployed(file: string, name: string): Hex;
}

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

/** Compile files of `contracts/` for machines of some rules. */
export function compile(
  files: readonly string[],
  evmVersion = "prague",
): Compilation {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(
      files.map((file) => [`contracts/${file}.sol`, {
        content: read(import.meta.resolve(`./contracts/${file}.sol`)),
      }]),
    ),
    settings: {
      evmVersion,
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
  const find = (file: string, name: string): Compiled => {
    const found = output.contracts[`contracts/${file}.sol`]?.[name];
    if (found) return found;
    throw new Error(`contracts/${file}.sol has no contract ${name}`);
  };
  return {
    contract(file, name) {
      const { abi, evm } = find(file, name);
      return { abi, bytecode: `0x${evm.bytecode.object}` };
    },
    deployed: (file, name) =>
      `0x${find(file, name).evm.deployedBytecode.object}`,
  };
}

function read(url: string): string {
  return Deno.readTextFileSync(new URL(url));
}
