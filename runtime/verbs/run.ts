/**
 * `run`: check a spec and run it.
 *
 * @module
 */
import type { Command } from "@commander-js/extra-typings";
import { systemClock } from "../run/clock.ts";
import { Metrics } from "../run/metrics.ts";
import {
  type RunningSource,
  runPipeline,
  type SinkResult,
} from "../run/pipeline.ts";
import { ProgressReporter } from "../run/progress.ts";
import { listenToSignals } from "../run/signals.ts";
import { sumOf } from "../run/time_used.ts";
import type { Spec } from "../spec/spec.ts";
import { blockNumber } from "./block_number.ts";
import { ledgerOf } from "./open_ledger.ts";
import { awaitState } from "./open_state.ts";
import { refuseShared } from "./shared_positions.ts";
import { terminalLogger } from "./terminal.ts";
import { loadSpec, type Verb, type VerbContext } from "./verb.ts";

/** The shell's own code for a program that Ctrl-C ended. */
const stoppedCode = 130;

/** Options of `run` as they were typed. */
interface Typed {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly until?: number | undefined;
  readonly dryRun?: true | undefined;
  readonly verbose?: true | undefined;
}

/** Check and run one or more specs. */
export const runVerb: Verb = (program: Command, context) => {
  program
    .command("run")
    .description("check, connect and run pipelines")
    .argument("<spec...>", "YAML files of the pipelines")
    .option("--from <block>", "first block of a first run", blockNumber)
    .option("--to <block>", "last block; the run ends there", blockNumber)
    .option("--until <block>", "the same as --to", blockNumber)
    .option("--dry-run", "count what would be written, write nothing")
    .option("--verbose", "log more")
    .action(async (files, options) => {
      const specs: Spec[] = [];
      for (const file of files) specs.push(await loadSpec(file, context));
      await runAll(specs, options, context);
    });
};

async function runAll(
  specs: readonly Spec[],
  typed: Typed,
  context: VerbContext,
): Promise<void> {
  const { terminal } = context;
  using signals = listenToSignals({
    draining: () =>
      terminal.note("Draining; press Ctrl-C again to stop at once"),
    // Whatever is half done is done again by the next run.
    stopping: () => Deno.exit(stoppedCode),
  });
  const outcomes = await Promise.allSettled(
    specs.map((spec) => runOne(spec, typed, { ...context, signals })),
  );
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}

async function runOne(
  spec: Spec,
  typed: Typed,
  context: VerbContext & {
    readonly signals: ReturnType<typeof listenToSignals>;
  },
): Promise<readonly SinkResult[]> {
  const { signals, terminal } = context;
  const { dryRun = false, from, verbose } = typed;
  if (from !== undefined || (typed.to ?? typed.until) !== undefined) {
    refuseShared(spec, {
      action: `run a range of "${spec.name}"`,
      remedy: "run it without --from and --to",
    });
  }
  const log = terminalLogger(terminal, {
    level: verbose ? "debug" : "info",
    secrets: spec.secrets,
  });
  const metrics = new Metrics();
  await using state = await awaitState(spec, {
    terminal,
    log,
    ending: signals.drain,
    forget: dryRun,
  });
  if (!state) return [];
  // Loaded while the first answers are on their way.
  const closing = import("./summary.ts");
  const began = performance.now();
  const sources: RunningSource[] = [];
  let results: readonly SinkResult[];
  {
    using progress = new ProgressReporter({
      metrics,
      log,
      line: terminal.interactive ? terminal.renew : undefined,
    });
    results = await runPipeline(spec, {
      state: state.store,
      ledger: dryRun
        ? undefined
        : () => ledgerOf(spec, { terminal, readOnly: false }),
      clock: systemClock,
      log,
      metrics,
      from,
      to: typed.to ?? typed.until,
      dryRun,
      drain: signals.drain,
      started: (source) => {
        sources.push(source);
        progress.add(source);
      },
    });
  }
  const seconds = (performance.now() - began) / 1000;
  const npx = context.env("npm_command") === "exec";
  const time = sumOf(sources.map(({ time }) => time));
  const { summary } = await closing;
  terminal.print(
    summary(spec, { results, metrics, seconds, dryRun, npx, time }),
  );
  return results;
}
