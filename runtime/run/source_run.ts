/**
 * Opens a source with everything that its rows reach: transforms, lanes,
 * sinks with their writers.
 *
 * @module
 */
import type {
  OpenContext,
  OpenSink,
  OpenSource,
  OpenTransform,
} from "../component.ts";
import { UserError } from "../errors.ts";
import type { UnitInfo } from "../row.ts";
import {
  type Deliver,
  portName,
  type SinkStage,
  type SourceStage,
  type Spec,
  type TransformStage,
} from "../spec/spec.ts";
import {
  errorRow,
  Flow,
  type FlowTransform,
  readsErrors,
  type StageReject,
} from "./flow.ts";
import { follow } from "./following.ts";
import { Lane } from "./lane.ts";
import type { Lease } from "./lease.ts";
import { SourceMemory } from "./memory.ts";
import { openStage } from "./opening.ts";
import type { RunOptions } from "./pipeline.ts";
import { Reader } from "./reader.ts";
import { type Reading, readingOf } from "./reading.ts";
import { SharedReader } from "./shared_reader.ts";
import type { Cursor } from "./state.ts";
import type { SourceTime, TimeKeeper } from "./time_used.ts";
import { Writer } from "./writer.ts";

/** What opening stages needs besides the options of a run. */
export interface Opening {
  readonly clients: { get(name: string | undefined): unknown };
  readonly context: (name: string) => OpenContext;
  readonly lease: Lease;
  readonly resources: AsyncDisposableStack;
  readonly cursors: ReadonlyMap<string, Cursor>;
  /** Aborted with the reason when a stage fails. */
  readonly failure: AbortController;
  readonly time: TimeKeeper;
}

/** A source and what it feeds, all open. */
export interface SourceRun {
  readonly reader: Reader | SharedReader;
  readonly lanes: readonly Lane[];
  readonly writers: readonly Writer[];
  readonly stage: SourceStage;
  /** Of the source and of those that follow it. */
  readonly memories: readonly SourceMemory[];
  readonly time: SourceTime;
}

/** Open a source with every stage that its rows reach. */
export async function openRun(
  spec: Spec,
  stage: SourceStage,
  options: RunOptions & Opening,
): Promise<SourceRun> {
  const { context, clients, resources } = options;
  const memories: SourceMemory[] = [];
  const open = (one: SourceStage, upstream?: OpenSource) => {
    const memory = new SourceMemory(one.name, options);
    memories.push(memory);
    return one.definition.open(one.config, {
      ...context(one.name),
      connection: clients.get(one.connection),
      used: one.used,
      memory,
      needed: one.needed,
      ...upstream ? { upstream } : {},
    });
  };
  let source: OpenSource = await open(stage);
  const followers = spec.stages.filter((one): one is SourceStage =>
    one.kind === "source" && one.follows === stage.name && one.used.size > 0
  );
  for (const follower of followers) {
    source = await follow(source, {
      root: stage.name,
      stage: follower,
      transforms: await openTransforms(neededBy(spec, [follower]), options),
      open: (upstream) => open(follower, upstream),
    });
  }
  own(resources, source);
  const reading = readingOf({
    root: stage,
    followers,
    transforms: neededBy(spec, followers),
  });
  const reader = readerOf(stage, {
    ...options,
    source,
    reading,
    ports: [stage, ...followers].flatMap((one) =>
      [...one.used.keys()].map((port) =>
        one === stage ? port : portName({ stage: one.name, port })
      )
    ),
  });
  const time = options.time.source(
    stage.name,
    () => reader.head !== undefined,
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
  const sinks = spec.stages.filter((one): one is SinkStage =>
    one.kind === "sink" && one.source === stage.name
  );
  for (const sink of sinks) {
    writers.push(
      await openWriter(sink, {
        ...options,
        full: (sink) => sink ? time.waitsFor(sink) : time.works(),
        pipeline: spec.name,
        shared: stage.definition.shared ?? false,
        reject,
        saved: () => {
          // What a dry run has counted is still to be read by another run.
          if (!(reader instanceof SharedReader) || options.dryRun) return;
          reader.acknowledge(Math.min(...writers.map(({ stored }) => stored)));
        },
      }),
    );
  }
  const lanes: Lane[] = [];
  for (const [deliver, group] of byDeliver(writers)) {
    const flow = new Flow({
      source: stage.name,
      transforms: await openTransforms(
        neededBy(spec, group.map(({ stage }) => stage)),
        options,
      ),
      writers: group,
      errorsRead: writers.some(readsErrors),
      elsewhere: reject,
      metrics: options.metrics,
    });
    lanes.push(new Lane(deliver, flow));
  }
  return { reader, lanes, writers, stage, memories, time };
}

/** What the writer of a sink needs besides. */
interface WriterParts extends RunOptions, Opening {
  readonly pipeline: string;
  readonly shared: boolean;
  /** This sink's queue is full; undefined: it has room again. */
  full(sink: string | undefined): void;
  reject(rejects: readonly StageReject[], unit: UnitInfo): Promise<void>;
  /** A cursor of one of the writers has been saved. */
  saved(): void;
}

async function openWriter(
  sink: SinkStage,
  options: WriterParts,
): Promise<Writer> {
  const { cursors, failure, lease, reject, resources, saved, state } = options;
  const cursor = cursors.get(sink.name);
  if (!cursor) throw new Error(`Sink "${sink.name}" has no cursor`);
  return new Writer({
    ...options,
    stage: sink,
    sink: options.dryRun
      ? countingSink
      : own(resources, await openSink(sink, cursor, options)),
    cursor,
    hold: () => lease.hold(),
    save: async (cursor) => {
      await state.saveCursor(cursor);
      saved();
    },
    rejected: (rejects, unit) =>
      reject(rejects.map((one) => ({ ...one, stage: sink.name })), unit),
    failed: (error) => failure.abort(error),
    signal: failure.signal,
  });
}

/** Open transforms, in the order of their stages. */
export async function openTransforms(
  stages: readonly TransformStage[],
  { clients, context, resources }: Opening,
): Promise<FlowTransform[]> {
  const transforms: FlowTransform[] = [];
  for (const stage of stages) {
    const open: OpenTransform = await stage.definition.open(stage.config, {
      ...context(stage.name),
      connections: clientsOf(stage, clients),
      input: stage.input,
    });
    transforms.push({ stage, open: own(resources, open) });
  }
  return transforms;
}

function clientsOf(
  { connections }: TransformStage,
  clients: Opening["clients"],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(connections).map(([field, name]) => [
      field,
      clients.get(name),
    ]),
  );
}

function readerOf(
  { definition, name }: SourceStage,
  options: RunOptions & {
    readonly source: OpenSource;
    readonly ports: readonly string[];
    readonly reading: Reading;
  },
): Reader | SharedReader {
  if (definition.shared) return new SharedReader({ ...options, name });
  return new Reader({
    ...options,
    name,
    reorgs: definition.reorgs,
  });
}

/** What opening a sink needs. */
export type SinkParts =
  & Pick<RunOptions, "clock" | "drain" | "log">
  & Pick<Opening, "clients" | "context" | "failure">
  & { readonly shared: boolean };

/** Open a sink; what passes with time is tried again. */
export async function openSink(
  stage: SinkStage,
  cursor: Cursor,
  options: SinkParts,
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

/** The transforms that these stages read, in order. */
export function neededBy(
  { stages }: Spec,
  readers: readonly (SinkStage | SourceStage)[],
): TransformStage[] {
  const inputs = readers.flatMap(({ inputs }) => [...inputs]);
  const needed = new Set(inputs.map(({ stage }) => stage));
  // Whoever reads what is rejected reads it of all of them.
  const all = needed.has("errors");
  for (const stage of stages.toReversed()) {
    if (stage.kind === "sink" || !all && !needed.has(stage.name)) continue;
    needed.add(stage.name);
    for (const input of stage.inputs) needed.add(input.stage);
  }
  return stages.filter((stage): stage is TransformStage =>
    stage.kind === "transform" && needed.has(stage.name)
  );
}

/** Have a resource closed at the end. */
export function own<T extends { [Symbol.asyncDispose]?(): Promise<void> }>(
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
