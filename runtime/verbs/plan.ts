/**
 * `plan`: say what a spec will do, without doing it.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import type { Range } from "../plan/forecast.ts";
import { planOf } from "../plan/plan.ts";
import { planText } from "../plan/plan_text.ts";
import { type Usage, usedTariffs } from "../plan/usage.ts";
import { usageFile } from "../budget/sqlite_ledger.ts";
import { systemClock } from "../run/clock.ts";
import type { Spec } from "../spec/spec.ts";
import { blockNumber } from "./block_number.ts";
import { hasUsageFile, ledgerOf } from "./open_ledger.ts";
import { Exit, loadSpec, type Verb, type VerbContext } from "./verb.ts";

/** Say what a spec will do. */
export const planVerb: Verb = (program, context) => {
  program
    .command("plan")
    .summary("say what a pipeline will do")
    .description(
      "say what a pipeline will do: its defaults, columns, calls, " +
        "statements and guarantees; nothing is opened. With a range also " +
        "what that costs and when it ends, with what is used already of the " +
        "accounts: the ledger is read for it, and no provider is asked",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .addOption(
      new Option("--format <format>", "how to print it")
        .choices(["text", "json"]).default("text"),
    )
    .option("--from <block>", "forecast a range: its first block", blockNumber)
    .option("--to <block>", "its last block, inclusive", blockNumber)
    .action(async (file, { format, from, to }) => {
      const range = rangeOf({ from, to }, context);
      const spec = await loadSpec(file, context);
      const usage = range && await usageOf(spec, context);
      const plan = planOf(spec, range, { usage });
      context.terminal.print(
        format === "json" ? JSON.stringify(plan, plain, 2) : planText(plan),
      );
    });
};

function rangeOf(
  { from, to }: {
    readonly from: number | undefined;
    readonly to: number | undefined;
  },
  { terminal }: VerbContext,
): Range | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined && from <= to) {
    return { from, to, start: systemClock.now() };
  }
  terminal.note(
    "error: A forecast needs both --from and --to, and a range that ends " +
      "behind its start",
  );
  throw new Exit(2);
}

/** What is used already; undefined when no process has shared anything. */
async function usageOf(
  spec: Spec,
  { terminal }: VerbContext,
): Promise<Usage | undefined> {
  if (spec.state === undefined && !await hasUsageFile()) return undefined;
  const from = spec.state ? `connection ${spec.state.connection}` : usageFile;
  try {
    await using ledger = await ledgerOf(spec, { terminal, readOnly: true });
    return { from, tariffs: await usedTariffs(spec, ledger) };
  } catch (error) {
    // A forecast from full budgets is better than none, and says so.
    const unknown = error instanceof Error ? error.message : String(error);
    return { from, unknown, tariffs: new Map() };
  }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
