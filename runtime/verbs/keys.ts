/**
 * `keys`: what each key may spend and how it is doing.
 *
 * @module
 */
import Table from "cli-table3";
import type { KeyReport } from "../component.ts";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import { offeredConnection } from "./offered.ts";
import { Exit, type Verb } from "./verb.ts";

/** Show the keys of a connection. */
export const keysVerb: Verb = (program, context) => {
  const { terminal } = context;
  program
    .command("keys")
    .summary("show keys, their accounts and limits")
    .description(
      "show every key of a connection: the account that pays, its limits " +
        "and, with --test, whether it works",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .option("--connection <name>", "of several chains, this one")
    .option("--test", "ask with each key, at the price of two calls")
    .option("--json", "print JSON instead of a table")
    .action(async (file, { connection: name, json, test = false }) => {
      const wanted = { offer: "keys", name } as const;
      const found = offeredConnection(file, wanted, context);
      const keys = await interruptible(async (signal) => {
        await using open = await openConnection(found.connection, {
          ...found,
          terminal,
          signal,
        });
        return await open.client.keys?.({ test, signal });
      }) ?? [];
      terminal.print(json ? JSON.stringify(keys) : tableOf(keys, test));
      const works = ({ state }: KeyReport) => state === "open";
      if (test && !keys.every(works)) throw new Exit(1);
    });
};

function tableOf(keys: readonly KeyReport[], tested: boolean): string {
  const more = tested ? ["latency", "head", "chain"] : [];
  const table = new Table({
    head: ["name", "key", "account", "plan", "state", ...more, "limits"],
    style: { head: [], border: [] },
  });
  for (const { group, key, limits, name, plan, state, test } of keys) {
    table.push([
      name,
      key,
      group,
      plan ?? "",
      state,
      ...tested ? testCells(test) : [],
      limits.map(({ left, limit, used }) =>
        used === 0 ? limit : `${limit}: ${used} used, ${left} left`
      ).join("\n"),
    ]);
  }
  return table.toString();
}

function testCells(test: KeyReport["test"]): readonly string[] {
  if (test === undefined) return ["", "", ""];
  const { chainId, head, latency } = test;
  return [`${Math.round(latency)} ms`, `${head}`, `${chainId ?? ""}`];
}
