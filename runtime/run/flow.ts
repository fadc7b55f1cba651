/**
 * Carries a unit's rows through the transforms to the sinks' writers.
 *
 * @module
 */
import type { Emit, OpenTransform } from "../component.ts";
import { type Reject, UserError } from "../errors.ts";
import type { Row, UnitInfo } from "../row.ts";
import { type Port, type TransformStage } from "../spec/spec.ts";
import type { UnitEvent } from "./events.ts";
import type { Counter, Metrics } from "./metrics.ts";
import type { UnitRows } from "./state.ts";
import type { Writer } from "./writer.ts";

/** A transform that is ready. */
export interface FlowTransform {
  readonly stage: TransformStage;
  readonly open: OpenTransform;
}

/** What a flow works with. */
export interface FlowOptions {
  /** The source's name. */
  readonly source: string;
  /** In topological order. */
  readonly transforms: readonly FlowTransform[];
  readonly writers: readonly Writer[];
  /** Whether some sink, here or in another lane, reads `errors`. */
  readonly errorsRead: boolean;
  /** Takes what sinks here reject when `errors` is read in another lane. */
  elsewhere(rejects: readonly StageReject[], unit: UnitInfo): Promise<void>;
  readonly metrics: Metrics;
}

/** Rows by stage and port. */
export type Outputs = Map<string, readonly Row[]>;

/** A rejected row and the stage that rejected it. */
export interface StageReject extends Reject {
  readonly stage: string;
}

/** The stages between a source and some of its sinks. */
export class Flow {
  readonly #options: FlowOptions;
  readonly #rejected: (stage: string) => Counter;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#rejected = (stage) =>
      options.metrics.counter("sluice_rejected_rows_total", { stage });
  }

  /** Take an event to every sink that does not have it yet. */
  async process(event: UnitEvent): Promise<void> {
    await this.#process(event, this.#options.writers);
  }

  /**
   * Take an event that has to wait to the sinks whose store may have it all
   * the same: a crash has cut off the write that it was in. Once it is
   * written again, it can be retracted.
   */
  async repeat(event: UnitEvent): Promise<void> {
    const { writers } = this.#options;
    await this.#process(event, writers.filter((one) => one.repeats(event)));
  }

  async #process(event: UnitEvent, among: readonly Writer[]): Promise<void> {
    const takers = among.filter((one) => one.wants(event));
    if (takers.length === 0) return;

    const { source: stage } = this.#options;
    const rejects: StageReject[] = event.rejects?.map((reject) => ({
      stage,
      ...reject,
    })) ?? [];
    const outputs = await this.#transform(event, await event.rows(), rejects);
    // Before any sink has the unit: who mends it must find it again.
    this.#checkRejects(event, rejects);
    const [last, first] = partition(takers, readsErrors);
    const refused: StageReject[] = [];
    for (const writer of first) {
      const { inputs, name } = writer.stage;
      await writer.push(event, gather(outputs, inputs), (reject) => {
        const one = { stage: name, ...reject };
        this.#checkRejects(event, [one]);
        refused.push(one);
      });
    }
    rejects.push(...refused);
    const { elsewhere, writers } = this.#options;
    if (refused.length > 0 && !writers.some(readsErrors)) {
      const [writer] = first;
      if (writer) await elsewhere(refused, writer.info(event));
    }
    // What the other stages rejected is complete only now.
    for (const writer of last) {
      const rows = rejects.map((reject) => errorRow(event, reject));
      await writer.push(event, rows, ({ reason }) => {
        throw new Error(`Cannot write a rejected row: ${reason}`);
      });
    }
  }

  async #transform(
    event: UnitEvent,
    rows: UnitRows,
    rejects: StageReject[],
  ): Promise<Outputs> {
    const { id, number, op, part = 0, time, version } = event;
    return await transformRows(rows, {
      ...this.#options,
      unit: { id, number, op, part, time, version },
      reject: (reject) => rejects.push(reject),
    });
  }

  #checkRejects(event: UnitEvent, rejects: readonly StageReject[]): void {
    for (const { stage } of rejects) this.#rejected(stage).add();
    const [first] = rejects;
    if (!first || this.#options.errorsRead) return;
    throw new UserError(
      `Stage "${first.stage}" rejected a row of block ${event.number}: ` +
        `${first.reason}; add a sink with "from: errors" to keep such rows ` +
        "and go on",
    );
  }
}

/** What taking rows through transforms needs. */
export interface TransformOptions {
  /** The source's name. */
  readonly source: string;
  /** In topological order. */
  readonly transforms: readonly FlowTransform[];
  readonly unit: UnitInfo;
  reject(reject: StageReject): void;
}

/** Take the rows of a unit through transforms. */
export async function transformRows(
  rows: UnitRows,
  { reject, source, transforms, unit }: TransformOptions,
): Promise<Outputs> {
  const outputs: Outputs = new Map();
  for (const [port, of] of Object.entries(rows)) {
    // Those of a source that follows this one come under its own name.
    const own = port.includes(".") ? port : key({ stage: source, port });
    outputs.set(own, of);
  }
  for (const { open, stage } of transforms) {
    const input = gather(outputs, stage.inputs);
    const made = new Map<string, Row[]>();
    for (const port of Object.keys(stage.outputs)) {
      const into: Row[] = [];
      made.set(port, into);
      outputs.set(key({ stage: stage.name, port }), into);
    }
    if (input.length === 0) continue;
    await open.apply(input, emitter(stage, made, reject), unit);
  }
  return outputs;
}

/** Whether a writer's sink reads the rejected rows. */
export function readsErrors({ stage }: Pick<Writer, "stage">): boolean {
  return stage.inputs.some(({ stage }) => stage === "errors");
}

/** A rejected row as the `errors` port has it. */
export function errorRow(
  unit: Pick<UnitInfo, "id" | "number" | "time">,
  { reason, row, stage }: StageReject,
): Row {
  return {
    time: unit.time,
    stage,
    reason,
    block_number: unit.number,
    block_hash: unit.id,
    row,
  };
}

function emitter(
  stage: TransformStage,
  made: ReadonlyMap<string, Row[]>,
  rejected: (reject: StageReject) => void,
): Emit {
  const emit = (port: string, row: Row) => {
    const into = made.get(port);
    if (!into) throw new Error(`"${stage.name}" has no output "${port}"`);
    into.push(row);
  };
  emit.reject = (row: Row, reason: string) => {
    rejected({ stage: stage.name, row, reason });
  };
  return emit;
}

/** The rows of several ports. */
export function gather(
  outputs: Outputs,
  inputs: readonly Port[],
): readonly Row[] {
  const [only] = inputs;
  if (inputs.length === 1 && only) return outputs.get(key(only)) ?? [];
  return inputs.flatMap((port) => outputs.get(key(port)) ?? []);
}

function key({ port, stage }: Port): string {
  return `${stage}.${port}`;
}

function partition<T>(
  items: readonly T[],
  test: (item: T) => boolean,
): [T[], T[]] {
  const yes: T[] = [];
  const no: T[] = [];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
}
