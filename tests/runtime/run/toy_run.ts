/**
 * Runs of toy specs, with a state file that outlives them.
 *
 * @module
 */
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline, type SinkResult } from "../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import type { Spec } from "../../../runtime/spec/spec.ts";

const log = createLogger({
  level: "error",
  secrets: [],
  write: () => {},
});

/** A state file that is removed at the end. */
export async function stateFile(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-state-" });
  return {
    path: `${folder}/state.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Run a spec with the state in a file. */
export async function run(
  spec: Spec,
  path: string,
  options: { to?: number; from?: number; drain?: AbortSignal } = {},
): Promise<readonly SinkResult[]> {
  await using state = openSqliteState(path, { clock: systemClock });
  return await runPipeline(spec, {
    state,
    clock: systemClock,
    log,
    metrics: new Metrics(),
    drain: options.drain ?? new AbortController().signal,
    from: options.from,
    to: options.to,
  });
}
