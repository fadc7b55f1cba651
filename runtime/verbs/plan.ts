/**
 * `plan`: say what a spec will do, without doing it.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { planOf } from "../plan/plan.ts";
import { planText } from "../plan/plan_text.ts";
import { loadSpec, type Verb } from "./verb.ts";

/** Say what a spec will do. */
export const planVerb: Verb = (program, context) => {
  program
    .command("plan")
    .summary("say what a pipeline will do")
    .description(
      "say what a pipeline will do: its defaults, columns, calls, " +
        "statements and guarantees; nothing is opened",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .addOption(
      new Option("--format <format>", "how to print it")
        .choices(["text", "json"]).default("text"),
    )
    .action(async (file, { format }) => {
      const plan = planOf(await loadSpec(file, context));
      context.terminal.print(
        format === "json" ? JSON.stringify(plan, plain, 2) : planText(plan),
      );
    });
};

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
