/**
 * `graph`: draw a spec.
 *
 * @module
 */
import { mermaid } from "../plan/mermaid.ts";
import { loadSpec, type Verb } from "./verb.ts";

/** Draw a spec as a Mermaid flowchart. */
export const graphVerb: Verb = (program, context) => {
  program
    .command("graph")
    .summary("draw a pipeline as a Mermaid flowchart")
    .description(
      "draw a pipeline as a Mermaid flowchart: sources are stadiums, " +
        "transforms boxes, sinks cylinders, rejected rows dotted",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .action(async (file) => {
      context.terminal.print(mermaid(await loadSpec(file, context)));
    });
};
