/**
 * Makes rows anew whose transform has learnt since: what sinks that merge by
 * key have stored is replaced in place.
 *
 * The blocks are read from the chain again. Each is taken back as it was made,
 * then inserted as it is made now, both as later versions of the same keys.
 *
 * @module
 */
import type { OpenContext, OpenSource, SourceUnit } from "../component.ts";
import { UserError } from "../errors.ts";
import type { SinkStage, SourceStage, Spec } from "../spec/spec.ts";
import { openConnections } from "./connections.ts";
import type { UnitEvent } from "./events.ts";
import { Flow, type FlowTransform } from "./flow.ts";
import { holdLease } from "./lease.ts";
import { SourceMemory } from "./memory.ts";
import { PatientState } from "./patient_state.ts";
import type { RunOptions } from "./pipeline.ts";
import { replacingVersions } from "./reader.ts";
import {
  neededBy,
  type Opening,
  openSink,
  openTransforms,
  own,
} from "./source_run.ts";
import type { Cursor } from "./state.ts";
import { TimeKeeper } from "./time_used.ts";
import { Writer } from "./writer.ts";

/** What was made anew. */
export interface Redecoded {
  /** Units that were read again. */
  readonly units: number;
  /** Rows that were written, retractions included, by sink. */
  readonly sinks: readonly { readonly name: string; readonly rows: number }[];
  /** Sinks behind such a transform that cannot replace rows. */
  readonly skipped: readonly string[];
}

/** Options of {@linkcode redecode}. */
export type RedecodeOptions = Omit<RunOptions, "dryRun" | "started">;

/**
 * Make rows anew that would be others now.
 *
 * @returns undefined when it was told to end before it began.
 * @throws {UserError} when nothing is stored yet, or nothing could change.
 */
export async function redecode(
  spec: Spec,
  given: RedecodeOptions,
): Promise<Redecoded | undefined> {
  const failure = new AbortController();
  const stop = failure.signal;
  await using lease = await holdLease(spec.name, {
    ...given,
    stop,
    failed: (error) => failure.abort(error),
  });
  if (!lease) return undefined;
  const state = new PatientState(given.state, { ...given, stop });
  const options = { ...given, state };
  const cursors = new Map(
    (await state.cursors()).map((cursor) => [cursor.sink, cursor]),
  );
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
  if (!clients) return undefined;
  resources.use(clients);
  const time = new TimeKeeper(options);
  const opening = {
    ...{ clients, context, cursors, failure, lease, resources, time },
  };
  const results: Redecoded[] = [];
  for (const stage of spec.stages) {
    if (stage.kind !== "source" || stage.definition.shared) continue;
    results.push(
      await redecodeSource(spec, stage, { ...options, ...opening }),
    );
  }
  return {
    units: results.reduce((sum, { units }) => sum + units, 0),
    sinks: results.flatMap(({ sinks }) => sinks),
    skipped: results.flatMap(({ skipped }) => skipped),
  };
}

async function redecodeSource(
  spec: Spec,
  stage: SourceStage,
  options: RedecodeOptions & Opening,
): Promise<Redecoded> {
  const { context, clients, cursors, metrics, resources } = options;
  const sinks = spec.stages.filter((one): one is SinkStage =>
    one.kind === "sink" && one.source === stage.name
  );
  const transforms = await openTransforms(neededBy(spec, sinks), options);
  const behind = sinks.filter((sink) => learns(sink, transforms));
  const merging = behind.filter(({ definition }) => definition.merges);
  const skipped = behind.filter((one) => !merging.includes(one))
    .map(({ name }) => name);
  const none = { units: 0, sinks: [], skipped };
  if (merging.length === 0) return none;

  const stored = merging.map(({ name }) => cursors.get(name)?.at?.number ?? -1);
  const to = Math.min(options.to ?? Infinity, ...stored);
  const range = { from: options.from ?? 0, to };
  const numbers = new Set<number>();
  for (const { open } of transforms) {
    for (const one of await open.outdated?.(range) ?? []) numbers.add(one);
  }
  if (numbers.size === 0) return none;

  const source: OpenSource = own(
    resources,
    await stage.definition.open(stage.config, {
      ...context(stage.name),
      connection: clients.get(stage.connection),
      used: stage.used,
      needed: stage.needed,
      memory: new SourceMemory(stage.name, options),
    }),
  );
  const writers: Writer[] = [];
  for (const sink of merging) {
    writers.push(await openReplacing(spec, sink, options));
  }
  const flow = new Flow({
    source: stage.name,
    transforms,
    writers,
    // What is rejected now was rejected then.
    errorsRead: true,
    elsewhere: () => Promise.resolve(),
    metrics,
  });
  const units = await replace(source, {
    ...options,
    flow,
    stage,
    numbers: [...numbers].sort((a, b) => a - b),
  });
  await Promise.all(writers.map((writer) => writer.drain()));
  return {
    units,
    sinks: merging.map(({ name }) => ({
      name,
      rows: metrics.total("sluice_sink_rows_total", { sink: name }),
    })),
    skipped,
  };
}

/** Whether a sink reads, through any stages, a transform that learns. */
function learns(
  { inputs }: Pick<SinkStage, "inputs">,
  transforms: readonly FlowTransform[],
): boolean {
  return inputs.some(({ stage }) => {
    const found = transforms.find((one) => one.stage.name === stage);
    if (!found) return false;
    return found.open.outdated !== undefined || learns(found.stage, transforms);
  });
}

async function openReplacing(
  spec: Spec,
  stage: SinkStage,
  options: RedecodeOptions & Opening,
): Promise<Writer> {
  const { cursors, failure, lease, resources } = options;
  const cursor = cursors.get(stage.name);
  if (!cursor) throw new UserError(`Sink "${stage.name}" has stored nothing`);
  const sink = own(
    resources,
    await openSink(stage, cursor, { ...options, shared: true }),
  );
  return new Writer({
    ...options,
    pipeline: spec.name,
    stage,
    sink,
    // Units come in no order here, and the sink's place stays what it is.
    shared: true,
    cursor: { ...cursor, pending: undefined } satisfies Cursor,
    hold: () => lease.hold(),
    save: () => Promise.resolve(),
    rejected: () => Promise.resolve(),
    failed: (error) => failure.abort(error),
    signal: failure.signal,
  });
}

/** Read units again, each run of neighbours at once. */
async function replace(
  source: OpenSource,
  options: RedecodeOptions & Opening & {
    readonly flow: Flow;
    readonly stage: SourceStage;
    readonly numbers: readonly number[];
  },
): Promise<number> {
  const { clock, cursors, drain, failure, flow, log, numbers } = options;
  const { stage, state } = options;
  const signal = AbortSignal.any([drain, failure.signal]);
  const open = new Map<number, string>();
  let newest = Math.max(0, ...[...cursors.values()].map(({ seq }) => seq));
  for (const { id, number, op, seq } of await state.journal(stage.name)) {
    if (op === "insert") open.set(number, id);
    else open.delete(number);
    newest = Math.max(newest, seq);
  }
  // A final unit has the version behind the last sequence.
  const version = Math.max(clock.now(), newest + replacingVersions - 2);
  let count = 0;
  for (const { first, last } of neighbours(numbers)) {
    const units = source.read({
      after: { number: first - 1, id: "" },
      from: undefined,
      to: last,
      signal,
      onHead: () => {},
    });
    for await (const unit of units) {
      if (unit === "fork") break;
      const known = open.get(unit.number);
      if (known !== undefined && known !== unit.id) {
        log.info("Block was replaced since; the next run takes it back", {
          block: unit.number,
        });
        continue;
      }
      await flow.process(eventOf(unit, { op: "retract", version }));
      await flow.process(eventOf(unit, { op: "insert", version: version + 1 }));
      count++;
    }
    if (signal.aborted) break;
  }
  return count;
}

function eventOf(
  { id, number, parent, rows, time }: SourceUnit,
  event: Pick<UnitEvent, "op" | "version">,
): UnitEvent {
  const stored = () => Promise.resolve(rows);
  return { ...event, id, number, parent, time, seq: 0, rows: stored, stored };
}

/** Numbers in ascending order as ranges without gaps. */
function neighbours(
  numbers: readonly number[],
): { readonly first: number; readonly last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last.last + 1 === number) last.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges;
}
