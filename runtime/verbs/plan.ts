/**
 * `plan`: say what a spec will do, without doing it.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import type { Range } from "../plan/forecast.ts";
import { planOf } from "../plan/plan.ts";
import { planText } from "../plan/plan_text.ts";
import { systemClock } from "../run/clock.ts";
import { blockNumber } from "./block_number.ts";
import { Exit, loadSpec, type Verb, type VerbContext } from "./verb.ts";

/** Say what a spec will do. */
export const planVerb: Verb = (program, context) => {
  program
    .command("plan")
    .summary("say what a pipeline will do")
    .description(
      "say what a pipeline will do: its defaults, columns, calls, " +
        "statements and guarantees, and what a range costs; nothing is opened",
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
      const plan = planOf(await loadSpec(file, context), range);
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

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
