/**
 * `reset`: forget cursors on purpose.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import { memoryOf } from "../run/memory.ts";
import { openState } from "./open_state.ts";
import { refuseShared } from "./shared_positions.ts";
import { loadSpec, type Verb } from "./verb.ts";

/** Forget where sinks stand, so that the next run starts over. */
export const resetVerb: Verb = (program, context) => {
  program
    .command("reset")
    .description("forget cursors on purpose: the next run starts over")
    .argument("<spec>", "YAML file of the pipeline")
    .option("--sink <name>", "only this sink")
    .option("--source <name>", "only this source and the sinks behind it")
    .action(async (file, { sink, source }) => {
      const spec = await loadSpec(file, context);
      refuseShared(spec, {
        action: `reset "${spec.name}"`,
        remedy: "move it there while no process runs, or name another one " +
          "in the spec to begin anew",
      });
      await using opened = await openState(spec, context);
      const state = opened.store;
      const owner = await state.acquire();
      if (owner) {
        throw new UserError(
          `Cannot reset "${spec.name}": process ${owner.pid} on ` +
            `${owner.host} runs it; stop it first`,
        );
      }
      const known = await state.cursors();
      const named = known.filter((cursor) =>
        (sink === undefined || cursor.sink === sink) &&
        (source === undefined || cursor.source === source)
      );
      if (named.length === 0 && (sink ?? source) !== undefined) {
        const names = known.map((cursor) => cursor.sink).join(", ");
        throw new UserError(
          `"${spec.name}" has no cursor of "${sink ?? source}"` +
            (names ? `; sinks with a cursor: ${names}` : ""),
        );
      }
      await state.reset({
        ...(sink === undefined ? {} : { sink }),
        ...(source === undefined ? {} : { source }),
      });
      if (source !== undefined) {
        await state.reset({ source: memoryOf(source) });
      }
      for (const { sink } of named) context.terminal.print(`Reset ${sink}`);
      context.terminal.note(
        "What the sinks have stored stays where it is: a store that merges " +
          "by key takes the rows again, a file has to be moved away",
      );
    });
};
