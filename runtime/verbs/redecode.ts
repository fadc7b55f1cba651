/**
 * `redecode`: make rows anew that could not be decoded when they were stored.
 *
 * @module
 */
import { systemClock } from "../run/clock.ts";
import { Metrics } from "../run/metrics.ts";
import { redecode } from "../run/redecode.ts";
import { blockNumber } from "./block_number.ts";
import { interruptible } from "./interruption.ts";
import { awaitState } from "./open_state.ts";
import { refuseShared } from "./shared_positions.ts";
import { terminalLogger } from "./terminal.ts";
import { loadSpec, type Verb } from "./verb.ts";

/** Replace stored rows that a transform would make otherwise by now. */
export const redecodeVerb: Verb = (program, context) => {
  const { terminal } = context;
  program
    .command("redecode")
    .summary("replace rows that can be decoded by now")
    .description(
      "ask again for what decode stages lacked, read the blocks of what was " +
        "found once more, and replace their rows in sinks that merge by key",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .option("--from <block>", "first block", blockNumber)
    .option("--to <block>", "last block", blockNumber)
    .action(async (file, { from, to }) => {
      const spec = await loadSpec(file, context);
      refuseShared(spec, {
        action: `redecode "${spec.name}"`,
        remedy: "read the topic again with another consumer group",
      });
      const log = terminalLogger(terminal, {
        level: "info",
        secrets: spec.secrets,
      });
      const done = await interruptible(async (drain) => {
        await using state = await awaitState(spec, {
          terminal,
          log,
          ending: drain,
        });
        return state && await redecode(spec, {
          state: state.store,
          clock: systemClock,
          log,
          metrics: new Metrics(),
          from,
          to,
          drain,
        });
      });
      if (!done) return;
      const blocks = done.units === 1 ? "block" : "blocks";
      terminal.print(`Read ${done.units} ${blocks} again`);
      for (const { name, rows } of done.sinks) {
        terminal.print(`${name}: ${rows} rows written`);
      }
      if (done.skipped.length > 0) {
        terminal.note(
          `Cannot replace rows in ${
            done.skipped.join(", ")
          }: only sinks that ` +
            "merge by key can; reset and fill them anew",
        );
      }
    });
};
