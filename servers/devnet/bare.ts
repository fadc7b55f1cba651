/**
 * An empty chain for tests, and the contracts that they deploy: prints one
 * line of JSON, `{ url, contracts }`, and lives until its input ends.
 *
 * @module
 */
import { startAnvil } from "./anvil.ts";
import { compile } from "./solidity.ts";

const FILE = "Proxies";

const NAMES = [
  "First",
  "Second",
  "LogicProxy",
  "BeaconsProxy",
  "Beacon",
  "Diamond",
];

async function main(): Promise<void> {
  await using anvil = await startAnvil({ port: 0, genesis: 1_767_225_600 });
  const compiled = compile([FILE]);
  const contracts = Object.fromEntries(
    NAMES.map((name) => [name, compiled.contract(FILE, name).bytecode]),
  );
  // deno-lint-ignore no-console -- whoever started it reads it
  console.log(JSON.stringify({ url: anvil.url, contracts }));
  for await (const _ of Deno.stdin.readable) {
    // Nothing is said: the end is what counts.
  }
}

if (import.meta.main) {
  await main();
  // The deadline of anvil's start would keep the process for as long.
  Deno.exit(0);
}
