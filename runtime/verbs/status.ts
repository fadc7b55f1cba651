/**
 * `status`: where each sink stands.
 *
 * @module
 */
import Table from "cli-table3";
import type { SinkStage } from "../spec/spec.ts";
import { lookAtState } from "./open_state.ts";
import { type SharedPositions, sharedPositions } from "./shared_positions.ts";
import { loadSpec, type Verb } from "./verb.ts";

/** Show where each sink stands. */
export const statusVerb: Verb = (program, context) => {
  program
    .command("status")
    .description("show where each sink stands")
    .argument("<spec>", "YAML file of the pipeline")
    .option("--json", "print JSON instead of a table")
    .action(async (file, { json }) => {
      const spec = await loadSpec(file, context);
      const shared = sharedPositions(spec);
      if (shared.length > 0) {
        context.terminal.print(
          json ? JSON.stringify(shared) : shared.map(sharedLine).join("\n"),
        );
        return;
      }
      await using state = await lookAtState(spec, context);
      const cursors = await state?.store.cursors() ?? [];
      const sinks = spec.stages.filter((stage): stage is SinkStage =>
        stage.kind === "sink"
      );
      const rows = sinks.map(({ name, source }) => {
        const at = cursors.find(({ sink }) => sink === name)?.at;
        return { sink: name, source, block: at?.number, hash: at?.id };
      });
      if (json) {
        context.terminal.print(JSON.stringify(rows));
        return;
      }
      const table = new Table({
        head: ["sink", "source", "block", "hash"],
        style: { head: [], border: [] },
      });
      for (const { sink, source, block, hash } of rows) {
        table.push([sink, source, block ?? "not started", hash ?? ""]);
      }
      context.terminal.print(table.toString());
    });
};

function sharedLine({ keeper, source }: SharedPositions): string {
  return `${source}: ${keeper} keeps what its sinks have stored`;
}
