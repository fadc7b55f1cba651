/**
 * What the rows in a journal were made for, so that a spec which needs others
 * is noticed.
 *
 * @module
 */
import type { Predicate } from "../spec/predicate.ts";
import type { SourceStage, TransformStage } from "../spec/spec.ts";

/** What is read of a source. */
export interface Reading {
  /**
   * What decides which rows there are and what is in them, as written, of each
   * stage that makes them; the source itself has no name.
   */
  readonly stages: Readonly<Record<string, string>>;
  /** Columns by port. */
  readonly used: Readonly<Record<string, readonly string[]>>;
  /** Rows by port, as text; a port that is left out: all of its rows. */
  readonly needed: Readonly<Record<string, string>>;
}

/** How what is wanted of rows differs from what they were made for. */
export type Difference =
  /** All that is wanted is there. */
  | "none"
  /** What is there is right, but not all of it. */
  | "more"
  /** The rows are others. */
  | "other";

/** The stages that make the rows of a source's units. */
export interface ReadingStages {
  readonly root: SourceStage;
  /** Sources that follow it, and the transforms that they read. */
  readonly followers: readonly SourceStage[];
  readonly transforms: readonly TransformStage[];
}

/** What the stages of a spec read. */
export function readingOf(
  { followers, root, transforms }: ReadingStages,
): Reading {
  const named = [["", root], ...followers.map((one) => [one.name, one])] as [
    string,
    SourceStage,
  ][];
  const ports = named.flatMap(([name, { used }]) =>
    [...used].map(([port, columns]) =>
      [`${name}.${port}`, [...columns].sort()] as const
    )
  );
  const needed = named.flatMap(([name, { needed }]) =>
    [...needed].map(([port, predicate]) =>
      [`${name}.${port}`, textOf(predicate)] as const
    )
  );
  const stages = [
    ["", shapeOf(root)] as const,
    ...[...followers, ...transforms].map((one) =>
      [one.name, shapeOf(one)] as const
    ),
  ];
  return {
    stages: Object.fromEntries(stages.toSorted(byName)),
    used: Object.fromEntries(ports.toSorted(byName)),
    needed: Object.fromEntries(needed.toSorted(byName)),
  };
}

/** Compare what is wanted with what there is; undefined: nobody knows. */
export function differenceOf(
  there: Reading | undefined,
  wanted: Reading,
): Difference {
  if (there === undefined) return "other";
  const stages = Object.entries(wanted.stages);
  const isOther = stages.some(([name, shape]) =>
    (there.stages[name] ?? shape) !== shape
  );
  if (isOther) return "other";
  const hasAll = Object.entries(wanted.used).every(([port, columns]) => {
    const [known, rows] = [there.used[port], there.needed[port]];
    return known !== undefined && columns.every((one) => known.includes(one)) &&
      (rows === undefined || rows === wanted.needed[port]);
  });
  return hasAll ? "none" : "more";
}

/** Whether two readings have just the same. */
export function isSame(a: Reading, b: Reading): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The fields of a stage that decide what rows it makes. */
function shapeOf(
  { definition, inputs, written }: SourceStage | TransformStage,
): string {
  const shaping = definition.kind === "source" ? definition.shaping : undefined;
  const fields = Object.entries(written).filter(([field]) =>
    shaping?.includes(field) ?? true
  );
  const ports = inputs.map(({ port, stage }) => [stage, port]);
  return JSON.stringify([definition.type, fields.toSorted(byName), ports]);
}

function textOf(predicate: Predicate): string {
  const terms = predicate.map((term) =>
    [...term].map(([column, values]) =>
      [column, [...values].map(String).sort()] as const
    ).toSorted(byName)
  );
  return JSON.stringify(terms);
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]) {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
