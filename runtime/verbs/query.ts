/**
 * `query`: ask a spec's database.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import { offeredConnection } from "./offered.ts";
import type { Verb } from "./verb.ts";

/** Run SQL on the database of a spec. */
export const queryVerb: Verb = (program, context) => {
  const { terminal } = context;
  program
    .command("query")
    .summary("run SQL on a pipeline's database")
    .description(
      "run one SQL statement on the ClickHouse of a pipeline, embedded or not",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .argument("<sql>", "the statement, in quotes")
    .option("--connection <name>", "of several databases, this one")
    .addOption(
      new Option("--format <format>", "how to print the result")
        .choices(["table", "json", "csv"]).default("table" as const),
    )
    .addHelpText(
      "after",
      "\nExample:\n  deno task query pipelines/quickstart.yaml " +
        '"SELECT max(number) FROM blocks"',
    )
    .action(async (file, sql, { connection: name, format }) => {
      const wanted = { offer: "query", name } as const;
      const found = offeredConnection(file, wanted, context);
      const text = await interruptible(async (signal) => {
        await using open = await openConnection(found.connection, {
          ...found,
          terminal,
          signal,
        });
        return await open.client.query?.(sql, { format, signal });
      });
      // Statements that return nothing print nothing.
      const result = text?.trimEnd();
      if (result) terminal.print(result);
    });
};
