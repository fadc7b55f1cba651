/**
 * An empty chain for tests of contract state: prints one line of JSON with
 * where it is and the contracts that a test may put there, and lives until its
 * input ends.
 *
 * @module
 */
import factory from "@uniswap/v2-core/build/UniswapV2Factory.json" with {
  type: "json",
};
import { parseArgs } from "node:util";
import { startAnvil } from "./anvil.ts";
import { compile } from "./solidity.ts";

const STATE = [
  "Answers",
  "Feed",
  "SilentFeed",
  "MortalFeed",
  "WordToken",
  "Pool",
  "PriceOracle",
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "chain-id": { type: "string", default: "31337" },
      hardfork: { type: "string", default: "prague" },
      states: { type: "string", default: "256" },
    },
  });
  await using node = await startAnvil({
    port: 0,
    genesis: 1_700_000_000,
    chainId: Number(values["chain-id"]),
    hardfork: values.hardfork,
    states: Number(values.states),
  });
  // For rules under which a contract can be destroyed, those of before Cancun
  // (EIP-6780); later machines know this code as well.
  const compiled = compile(["State", "Multicall3", "Token"], "paris");
  const line = {
    url: node.url,
    code: {
      ...Object.fromEntries(
        STATE.map((name) => [name, compiled.deployed("State", name)]),
      ),
      Multicall3: compiled.deployed("Multicall3", "Multicall3"),
    },
    creation: {
      Token: compiled.contract("Token", "Token").bytecode,
      Factory: `0x${factory.bytecode.replace(/^0x/, "")}`,
    },
  };
  // deno-lint-ignore no-console -- whoever started it reads it
  console.log(JSON.stringify(line));
  for await (const _ of Deno.stdin.readable) {
    // Nothing is said: the end is what counts.
  }
}

if (import.meta.main) {
  await main();
  // The deadline of anvil's start would keep the process for as long.
  Deno.exit(0);
}
