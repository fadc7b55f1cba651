/**
 * Runs a checked spec: opens what it names, moves units from its sources to
 * its sinks, closes everything again.
 *
 * @module
 */
import type { Head, OpenContext } from "../component.ts";
import type { Spec } from "../spec/spec.ts";
import type { Clock } from "./clock.ts";
import { openConnections } from "./connections.ts";
import { readsErrors } from "./flow.ts";
import { eventsAndHeads } from "./heads.ts";
import { holdLease } from "./lease.ts";
import type { LedgerStore } from "../budget/ledger_store.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { PatientState } from "./patient_state.ts";
import { Reader } from "./reader.ts";
import { openCursors } from "./resume.ts";
import { SharedReader } from "./shared_reader.ts";
import { openRun, type SourceRun } from "./source_run.ts";
import type { Cursor, StateStore } from "./state.ts";
import { type SourceTime, TimeKeeper, type TimeUsed } from "./time_used.ts";
import type { Writer } from "./writer.ts";

/** How often the journal is pruned, ms. */
const pruneEvery = 10_000;

/** What a run works with. */
export interface RunOptions {
  readonly state: StateStore;
  /** Opens the budgets that processes share; absent: this one is alone. */
  readonly ledger?: (() => Promise<LedgerStore>) | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** First position on a first run, instead of the spec's `start`. */
  readonly from?: number | undefined;
  /** Last position, inclusive; absent: follow for ever. */
  readonly to?: number | undefined;
  /** Count what would be written; open no sink. */
  readonly dryRun?: boolean;
  /** Aborted to drain: what was read is stored, then the run ends. */
  readonly drain: AbortSignal;
  /** Called with every source when it starts. */
  readonly started?: (source: RunningSource) => void;
}

/** What a progress line can say about a source. */
export interface RunningSource {
  readonly name: string;
  readonly to: number | undefined;
  readonly head: Head | undefined;
  readonly at: number | undefined;
  /** Where its time went so far. */
  readonly time: TimeUsed;
}

/** Where a sink stands when the run ends. */
export interface SinkResult {
  readonly name: string;
  readonly type: string;
  readonly rows: number;
  readonly bytes: number;
  readonly cursor: Cursor;
}

/**
 * Run a spec until its range is done, it is told to drain, or it fails.
 *
 * @throws {UserError} when something outside of Sluice is wrong.
 * @throws {FencedError} when another process has taken over.
 */
export async function runPipeline(
  spec: Spec,
  given: RunOptions,
): Promise<readonly SinkResult[]> {
  const failure = new AbortController();
  const stop = failure.signal;
  await using lease = await holdLease(spec.name, {
    ...given,
    stop,
    failed: (error) => failure.abort(error),
  });
  if (!lease) return [];
  const state = new PatientState(given.state, { ...given, stop });
  const options = { ...given, state };

  const cursors = await openCursors(spec, options);
  await using resources = new AsyncDisposableStack();
  const context = (name: string): OpenContext => ({
    name,
    pipeline: spec.name,
    folder: spec.folder,
    signal: stop,
    log: options.log.with({ stage: name }),
    metrics: options.metrics,
    clock: options.clock,
  });
  const time = new TimeKeeper(options);
  const clients = await openConnections(spec, {
    ...options,
    context,
    stop,
    waits: (cause) => time.calls(cause),
  });
  if (!clients) {
    stop.throwIfAborted();
    return [];
  }
  resources.use(clients);
  const opening = { clients, context, cursors, failure, lease, resources };
  const runs: SourceRun[] = [];
  for (const stage of spec.stages) {
    if (stage.kind !== "source" || stage.follows !== undefined) continue;
    runs.push(
      await openRun(spec, stage, { ...options, ...opening, time }),
    );
  }
  try {
    await Promise.all(runs.map((run) => runSource(run, { ...options, stop })));
  } catch (error) {
    failure.abort(error);
    const writers = runs.flatMap(({ writers }) => writers);
    await Promise.allSettled(
      writers.map((writer) => writer.drain({ cut: true })),
    );
    throw failure.signal.reason;
  }
  return runs.flatMap(({ writers }) => writers)
    .map((writer) => resultOf(writer, options.metrics));
}

/** Move units until the source ends or the run is told to drain. */
async function runSource(
  run: SourceRun,
  options: RunOptions & { readonly stop: AbortSignal },
): Promise<void> {
  const { lanes, reader, stage, time, writers } = run;
  const { clock, metrics } = options;
  const source = stage.name;
  const units = metrics.counter("sluice_source_units_total", { source });
  const at = metrics.gauge("sluice_source_position", { source });
  options.started?.({
    name: source,
    to: options.to,
    get head() {
      return reader.head;
    },
    get at() {
      return reader.tip?.number;
    },
    get time() {
      return time.used;
    },
  });
  const signal = AbortSignal.any([options.drain, options.stop]);
  const events = reader instanceof SharedReader
    ? reader.events({ signal })
    : eventsAndHeads(reader, {
      sinks: writers.map(({ cursor }) => cursor),
      from: options.from,
      to: options.to,
      signal,
    });
  const prune = async () => {
    if (!(reader instanceof Reader)) return;
    await reader.prune(acknowledged(writers));
    const limit = Math.min(reader.final, lowest(writers));
    for (const memory of run.memories) await memory.compact(limit);
  };
  let pruned = clock.now();
  time.starts();
  for await (const event of events) {
    time.works();
    if (event !== "head") {
      for (const lane of lanes) await lane.push(event);
      units.add();
      at.set(event.number);
    }
    for (const lane of lanes) await lane.release(reader.head);
    if (clock.now() - pruned > pruneEvery) {
      await prune();
      pruned = clock.now();
    }
    if (options.drain.aborted) break;
    time.reads();
  }
  // A drain may also write to the sinks that read what others reject.
  const [errorSinks, others] = [
    writers.filter(readsErrors),
    writers.filter((writer) => !readsErrors(writer)),
  ];
  const cut = options.drain.aborted;
  await drainAll(others, { cut, time });
  await drainAll(errorSinks, { cut, time });
  await prune();
}

/** Write what is queued; the time belongs to who takes longest. */
async function drainAll(
  writers: readonly Writer[],
  { cut, time }: { readonly cut: boolean; readonly time: SourceTime },
): Promise<void> {
  const left = new Set(writers.map(({ stage }) => stage.name));
  const next = () => {
    const [sink] = left;
    if (sink !== undefined) time.waitsFor(sink);
  };
  next();
  await Promise.all(writers.map(async (writer) => {
    await writer.drain({ cut });
    left.delete(writer.stage.name);
    next();
  }));
}

function acknowledged(writers: readonly Writer[]): number {
  return Math.min(...writers.map(({ cursor }) => cursor.seq));
}

/** The last unit that every sink has. */
function lowest(writers: readonly Writer[]): number {
  return Math.min(...writers.map(({ cursor }) => cursor.at?.number ?? -1));
}

function resultOf({ cursor, stage }: Writer, metrics: Metrics): SinkResult {
  const labels = { sink: stage.name };
  return {
    name: stage.name,
    type: stage.definition.type,
    rows: metrics.total("sluice_sink_rows_total", labels),
    bytes: metrics.total("sluice_sink_bytes_total", labels),
    cursor,
  };
}
