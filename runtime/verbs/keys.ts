/**
 * `keys`: what each key may spend and how it is doing.
 *
 * @module
 */
import Table from "cli-table3";
import type { KeyReport } from "../component.ts";
import { systemClock } from "../run/clock.ts";
import { Ledger } from "../budget/ledger.ts";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import {
  type OfferedConnection,
  offeredConnection,
  offeredConnections,
} from "./offered.ts";
import { hasUsageFile, openLedger } from "./open_ledger.ts";
import { terminalLogger } from "./terminal.ts";
import { Exit, type Verb, type VerbContext } from "./verb.ts";

/** A key and whose it is. */
interface ReportOfConnection extends KeyReport {
  readonly connection: string;
}

/** Show the keys of the connections. */
export const keysVerb: Verb = (program, context) => {
  const { terminal } = context;
  program
    .command("keys")
    .summary("show keys, their accounts and limits")
    .description(
      "show every key of the connections: the account that pays, what is " +
        "used and left of its limits and, with --test, whether it works",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .option("--connection <name>", "of several connections, this one")
    .option("--test", "ask with each key, at the price of two calls at most")
    .option("--json", "print JSON instead of a table")
    .action(async (file, { connection: name, json, test = false }) => {
      const wanted = { offer: "keys", name, several: true } as const;
      const all = offeredConnections(file, wanted, context);
      const keys = await interruptible(async (signal) => {
        const reports: ReportOfConnection[] = [];
        for (const found of all) {
          await using ledger = await ledgerFor(found, file, context);
          await using open = await openConnection(found.connection, {
            ...{ ...found, ledger, terminal, signal },
          });
          const { name: connection } = found.connection;
          for (const one of await open.client.keys?.({ test, signal }) ?? []) {
            reports.push({ connection, ...one });
          }
        }
        return reports;
      });
      terminal.print(json ? JSON.stringify(keys) : tableOf(keys, test));
      const works = ({ state }: KeyReport) => state === "open";
      if (test && !keys.every(works)) throw new Exit(1);
    });
};

/** What others use; undefined when no process has ever shared anything. */
async function ledgerFor(
  { folder, pipeline, secrets: known, state: name }: OfferedConnection,
  file: string,
  context: VerbContext,
): Promise<Ledger | undefined> {
  if (name === undefined && !await hasUsageFile()) return undefined;
  const state = name === undefined
    ? undefined
    : offeredConnection(file, { offer: "state", name }, context);
  const connection = state?.connection;
  const secrets = [...known, ...state?.secrets ?? []];
  const { terminal } = context;
  const place = { connection, folder, pipeline, secrets, terminal };
  return new Ledger({
    clock: systemClock,
    log: terminalLogger(terminal, { level: "warn", secrets }),
    readOnly: true,
    open: () => openLedger({ ...place, readOnly: true }),
  });
}

function tableOf(
  keys: readonly ReportOfConnection[],
  tested: boolean,
): string {
  const more = tested ? ["latency", "head", "chain"] : [];
  const counted = keys.some(({ day }) => day);
  const several = new Set(keys.map(({ connection }) => connection)).size > 1;
  const limited = keys.some(({ shortcomings }) => shortcomings);
  const table = new Table({
    head: [
      ...several ? ["connection"] : [],
      ...["name", "key", "account", "plan", "state", ...more, "limits"],
      ...counted ? ["last 24 h"] : [],
      ...limited ? ["shortcomings"] : [],
    ],
    style: { head: [], border: [] },
  });
  for (const one of keys) {
    const { connection, day, group, key, limits, name, plan, state, test } =
      one;
    table.push([
      ...several ? [connection] : [],
      name,
      key,
      group,
      plan ?? "",
      state,
      ...tested ? testCells(test) : [],
      limits.map(({ left, limit, used }) =>
        used === 0 ? limit : `${limit}: ${used} used, ${left} left`
      ).join("\n"),
      ...counted ? [dayText(day)] : [],
      ...limited ? [shortcomingsText(one)] : [],
    ]);
  }
  return table.toString();
}

function dayText(day: KeyReport["day"]): string {
  if (!day) return "";
  const { calls, credits } = day;
  const made = `${calls} ${calls === 1 ? "call" : "calls"}`;
  return calls === credits ? made : `${made}, ${credits} credits`;
}

function shortcomingsText({ shortcomings = [] }: KeyReport): string {
  return shortcomings.map(({ until, what }) =>
    `${what}, until ${until.slice(11, 16)} UTC`
  ).join("\n");
}

function testCells(test: KeyReport["test"]): readonly string[] {
  if (test === undefined) return ["", "", ""];
  const { chainId, head, latency } = test;
  return [`${Math.round(latency)} ms`, `${head ?? ""}`, `${chainId ?? ""}`];
}
