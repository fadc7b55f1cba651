/**
 * Sources that follow another one: they get the rows of its units as far as
 * they read them, and their own rows travel with the same units, through one
 * journal and under one cursor.
 *
 * @module
 */
import type { OpenSource, ReadOptions, SourceUnit } from "../component.ts";
import type { Row } from "../row.ts";
import { portName, type SourceStage } from "../spec/spec.ts";
import { type FlowTransform, gather, transformRows } from "./flow.ts";
import type { UnitRows } from "./state.ts";

/** What following a source needs. */
export interface FollowOptions {
  /** The source that makes the units, by its name. */
  readonly root: string;
  /** The source that follows. */
  readonly stage: SourceStage;
  /** Transforms between the two, in topological order. */
  readonly transforms: readonly FlowTransform[];
  /** Open the follower on what it reads. */
  open(upstream: OpenSource): Promise<OpenSource> | OpenSource;
}

/** Let a source follow another one; the result yields the rows of both. */
export async function follow(
  base: OpenSource,
  options: FollowOptions,
): Promise<OpenSource> {
  const { root, stage, transforms } = options;
  const { inputs, name } = stage;
  /** Units that the follower has got and not given back yet. */
  let waiting: SourceUnit[] = [];

  async function* upstream(read: ReadOptions) {
    for await (const unit of base.read(read)) {
      if (unit !== "fork") waiting.push(unit);
      yield unit === "fork"
        ? unit
        : { ...unit, rows: await rowsFor(unit) } satisfies SourceUnit;
    }
  }

  /** The rows of a unit by the fields that name them. */
  async function rowsFor(unit: SourceUnit): Promise<UnitRows> {
    const { id, number, time } = unit;
    const outputs = await transformRows(unit.rows, {
      source: root,
      transforms,
      unit: { id, number, time, op: "insert", version: 0 },
      // The flow to the sinks meets them again, and reports them.
      reject: () => {},
    });
    const rows: Record<string, readonly Row[]> = {};
    for (const field of new Set(inputs.map(({ field }) => field))) {
      const ports = inputs.filter((input) => input.field === field);
      rows[field] = gather(outputs, ports);
    }
    return rows;
  }

  const identify = async (number: number, signal?: AbortSignal) =>
    await base.identify?.(number, signal);
  const follower = await options.open({ identify, read: upstream });
  return {
    async *read(read) {
      waiting = [];
      for await (const unit of follower.read(read)) {
        if (unit === "fork") {
          yield unit;
          continue;
        }
        const whole = waiting.shift();
        if (whole?.number !== unit.number || whole.id !== unit.id) {
          throw new Error(`"${name}" lost a unit of "${root}"`);
        }
        const own = Object.entries(unit.rows).map(([port, rows]) =>
          [portName({ stage: name, port }), rows] as const
        );
        yield {
          ...whole,
          rows: { ...whole.rows, ...Object.fromEntries(own) },
          bytes: whole.bytes + unit.bytes,
        };
      }
    },
    identify,
    async [Symbol.asyncDispose]() {
      await follower[Symbol.asyncDispose]?.();
      await base[Symbol.asyncDispose]?.();
    },
  };
}
