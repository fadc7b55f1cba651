/**
 * `status`: where each sink stands.
 *
 * @module
 */
import Table from "cli-table3";
import { systemClock } from "../run/clock.ts";
import { openSqliteState } from "../run/sqlite_state.ts";
import { stateFile } from "../run/state.ts";
import type { Cursor } from "../run/state.ts";
import type { SinkStage } from "../spec/spec.ts";
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
      const cursors = await storedCursors(spec.name);
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

async function storedCursors(pipeline: string): Promise<readonly Cursor[]> {
  const path = stateFile(pipeline);
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  await using state = openSqliteState(path, {
    clock: systemClock,
    readOnly: true,
  });
  return await state.cursors();
}
