/**
 * Runs a checked spec: opens what it names, moves units from its sources to
 * its sinks, closes everything again.
 *
 * @module
 */
import type {
  Head,
  OpenContext,
  OpenSink,
  OpenSource,
  OpenTransform,
} from "../component.ts";
import { UserError } from "../errors.ts";
import type { UnitInfo } from "../row.ts";
import type {
  Deliver,
  SinkStage,
  SourceStage,
  Spec,
  TransformStage,
} from "../spec/spec.ts";
import type { Clock } from "./clock.ts";
import { openStage } from "./opening.ts";
import { openConnections } from "./connections.ts";
import { errorRow, Flow, readsErrors, type StageReject } from "./flow.ts";
import { Lane } from "./lane.ts";
import { eventsAndHeads } from "./heads.ts";
import { holdLease, type Lease } from "./lease.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { PatientState } from "./patient_state.ts";
import { Reader } from "./reader.ts";
import { openCursors } from "./resume.ts";
import { SharedReader } from "./shared_reader.ts";
import type { Cursor, StateStore } from "./state.ts";
import { Writer } from "./writer.ts";

/** How often the journal is pruned, ms. */
const pruneEvery = 10_000;

/** What a run works with. */
export interface RunOptions {
  readonly state: StateStore;
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
  const clients = await openConnections(spec, { ...options, context, stop });
  if (!clients) {
    stop.throwIfAborted();
    return [];
  }
  resources.use(clients);
  const opening: Opening = { clients, context, lease, resources };
  const runs: SourceRun[] = [];
  for (const stage of spec.stages) {
    if (stage.kind !== "source") continue;
    runs.push(
      await openRun(spec, stage, { ...options, ...opening, cursors, failure }),
    );
  }
  try {
    await Promise.all(runs.map((run) => runSource(run, { ...options, stop })));
  } catch (error) {
    failure.abort(error);
    const writers = runs.flatMap(({ writers }) => writers);
    await Promise.allSettled(writers.map((writer) => writer.drain()));
    throw failure.signal.reason;
  }
  return runs.flatMap(({ writers }) => writers)
    .map((writer) => resultOf(writer, options.metrics));
}

interface Opening {
  readonly clients: { get(name: string | undefined): unknown };
  readonly context: (name: string) => OpenContext;
  readonly lease: Lease;
  readonly resources: AsyncDisposableStack;
}

interface SourceRun {
  readonly reader: Reader | SharedReader;
  readonly lanes: readonly Lane[];
  readonly writers: readonly Writer[];
  readonly stage: SourceStage;
}

/** Open a source with every stage that its rows reach. */
async function openRun(
  spec: Spec,
  stage: SourceStage,
  options: RunOptions & Opening & {
    readonly cursors: ReadonlyMap<string, Cursor>;
    readonly failure: AbortController;
  },
): Promise<SourceRun> {
  const { context, clients, cursors, failure, lease } = options;
  const { metrics, resources, state } = options;
  const source: OpenSource = own(
    resources,
    await stage.definition.open(stage.config, {
      ...context(stage.name),
      connection: clients.get(stage.connection),
      used: stage.used,
    }),
  );
  const reader = readerOf(stage, { ...options, source });
  const { shared = false } = stage.definition;
  const sinks = spec.stages.filter((one): one is SinkStage =>
    one.kind === "sink" && one.source === stage.name
  );
  const writers: Writer[] = [];
  const reject = async (rejects: readonly StageReject[], unit: UnitInfo) => {
    const readers = writers.filter(readsErrors);
    const [first] = rejects;
    if (readers.length === 0 && first) {
      throw new UserError(
        `Sink "${first.stage}" rejected a row of block ${unit.number}: ` +
          `${first.reason}; add a sink with "from: errors" to keep such ` +
          "rows and go on",
      );
    }
    const rows = rejects.map((one) => errorRow(unit, one));
    for (const reader of readers) await reader.extra(rows, unit);
  };
  for (const sink of sinks) {
    const cursor = cursors.get(sink.name);
    if (!cursor) throw new Error(`Sink "${sink.name}" has no cursor`);
    writers.push(
      new Writer({
        pipeline: spec.name,
        stage: sink,
        sink: options.dryRun ? countingSink : own(
          resources,
          await openSink(sink, cursor, { ...options, shared }),
        ),
        cursor,
        shared,
        hold: () => lease.hold(),
        save: async (cursor) => {
          await state.saveCursor(cursor);
          // What a dry run has counted is still to be read by another run.
          if (reader instanceof SharedReader && !options.dryRun) {
            reader.acknowledge(
              Math.min(...writers.map(({ stored }) => stored)),
            );
          }
        },
        rejected: (rejects, unit) =>
          reject(rejects.map((one) => ({ ...one, stage: sink.name })), unit),
        failed: (error) => failure.abort(error),
        clock: options.clock,
        log: options.log,
        metrics,
        signal: failure.signal,
      }),
    );
  }
  const lanes: Lane[] = [];
  for (const [deliver, group] of byDeliver(writers)) {
    const transforms = [];
    for (const one of neededBy(spec, group)) {
      const open: OpenTransform = await one.definition.open(one.config, {
        ...context(one.name),
        connection: clients.get(one.connection),
        input: one.input,
      });
      transforms.push({ stage: one, open: own(resources, open) });
    }
    lanes.push(
      new Lane(
        deliver,
        new Flow({
          source: stage.name,
          transforms,
          writers: group,
          errorsRead: writers.some(readsErrors),
          elsewhere: reject,
          metrics,
        }),
      ),
    );
  }
  return { reader, lanes, writers, stage };
}

function readerOf(
  { definition, name, used }: SourceStage,
  options: RunOptions & { readonly source: OpenSource },
): Reader | SharedReader {
  if (definition.shared) return new SharedReader({ ...options, name });
  return new Reader({
    ...options,
    name,
    ports: [...used.keys()],
    reorgs: definition.reorgs,
  });
}

async function openSink(
  stage: SinkStage,
  cursor: Cursor,
  options: RunOptions & Opening & {
    readonly shared: boolean;
    readonly failure: AbortController;
  },
): Promise<OpenSink<unknown>> {
  const { clients, clock, context, drain, failure, log, shared } = options;
  const open = () =>
    stage.definition.open(stage.config, {
      ...context(stage.name),
      connection: clients.get(stage.connection),
      schema: stage.schema,
      shared,
      state: cursor.state,
      life: cursor.base,
    });
  const signal = AbortSignal.any([drain, failure.signal]);
  return await openStage<OpenSink<unknown>>(open, {
    stage: stage.name,
    clock,
    log,
    signal,
  });
}

/** Move units until the source ends or the run is told to drain. */
async function runSource(
  run: SourceRun,
  options: RunOptions & { readonly stop: AbortSignal },
): Promise<void> {
  const { lanes, reader, stage, writers } = run;
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
    if (reader instanceof Reader) await reader.prune(acknowledged(writers));
  };
  let pruned = clock.now();
  for await (const event of events) {
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
  }
  // A drain may also write to the sinks that read what others reject.
  const [errorSinks, others] = [
    writers.filter(readsErrors),
    writers.filter((writer) => !readsErrors(writer)),
  ];
  await Promise.all(others.map((writer) => writer.drain()));
  await Promise.all(errorSinks.map((writer) => writer.drain()));
  await prune();
}

function acknowledged(writers: readonly Writer[]): number {
  return Math.min(...writers.map(({ cursor }) => cursor.seq));
}

/** The sinks of a source by when they want its units. */
function byDeliver(writers: readonly Writer[]): [Deliver, Writer[]][] {
  const groups = new Map<string, [Deliver, Writer[]]>();
  for (const writer of writers) {
    const { deliver } = writer.stage;
    const key = JSON.stringify(deliver);
    const group = groups.get(key);
    if (group) group[1].push(writer);
    else groups.set(key, [deliver, [writer]]);
  }
  return [...groups.values()];
}

/** The transforms that some of these sinks read, in order. */
function neededBy(spec: Spec, writers: readonly Writer[]): TransformStage[] {
  const needed = new Set<string>();
  const all = writers.some(readsErrors);
  const reads = writers.flatMap(({ stage }) => stage.inputs);
  for (const { stage } of reads) needed.add(stage);
  const transforms = spec.stages.filter((stage): stage is TransformStage =>
    stage.kind === "transform"
  );
  for (const stage of transforms.toReversed()) {
    if (!all && !needed.has(stage.name)) continue;
    needed.add(stage.name);
    for (const input of stage.inputs) needed.add(input.stage);
  }
  return transforms.filter(({ name }) => needed.has(name));
}

function own<T extends { [Symbol.asyncDispose]?(): Promise<void> }>(
  resources: AsyncDisposableStack,
  resource: T,
): T {
  resources.defer(() => resource[Symbol.asyncDispose]?.());
  return resource;
}

/** What a dry run writes to. */
const countingSink: OpenSink<undefined> = {
  encode: () => ({ data: undefined, bytes: 0 }),
  write: () => Promise.resolve(),
};

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
