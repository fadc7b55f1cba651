/**
 * Runs the inline tests of a spec: its transforms, without sources, sinks
 * and connections.
 *
 * @module
 */
import type { Emit, OpenTransform, TransformContext } from "../component.ts";
import type { Reject } from "../errors.ts";
import type { Row, UnitInfo, Value } from "../row.ts";
import { systemClock } from "../run/clock.ts";
import { createLogger } from "../run/log.ts";
import { Metrics } from "../run/metrics.ts";
import type { Diagnostic, Span } from "./diagnostics.ts";
import { describeDifference } from "./difference.ts";
import { errorsName } from "./draft.ts";
import {
  portName,
  type Spec,
  type SpecTest,
  type TransformStage,
} from "./spec.ts";

/** How one test ended. */
export interface TestResult {
  readonly name: string;
  /** Empty when it passed. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A rejected row and the stage that rejected it. */
export interface TestReject extends Reject {
  readonly stage: string;
}

/** Rows by {@linkcode portName}. */
export type RowsByPort = ReadonlyMap<string, readonly Row[]>;

/** Run every test of a spec. */
export async function runSpecTests(spec: Spec): Promise<TestResult[]> {
  const results: TestResult[] = [];
  for (const test of spec.tests) {
    const diagnostics = await runTest(test, spec);
    results.push({ name: test.name, diagnostics });
  }
  return results;
}

/** The unit that the rows of a test belong to. */
const unit: UnitInfo = {
  number: 1,
  id: "0x01",
  time: 0,
  op: "insert",
  version: 1,
};

async function runTest(test: SpecTest, spec: Spec): Promise<Diagnostic[]> {
  const rows = new Map<string, Row[]>();
  for (const { port, rows: given } of test.given) {
    rows.set(portName(port), [...rows.get(portName(port)) ?? [], ...given]);
  }
  const rejects: TestReject[] = [];
  for (const stage of spec.stages) {
    if (stage.kind !== "transform") continue;
    const failure = await runTransform(stage, { spec, rows, rejects });
    if (failure === undefined) continue;
    const [first] = test.expect;
    return [{
      ...first?.span ?? nowhere(spec),
      message: `Test "${test.name}" fails: "${stage.name}" cannot run`,
      hint: failure,
      severity: "error",
    }];
  }
  rows.set(errorsName, rejects.map(errorRow));
  return test.expect.flatMap((expected) => {
    const got = rows.get(portName(expected.port)) ?? [];
    const difference = describeDifference(expected, { got, rows, rejects });
    if (!difference) return [];
    return [{
      ...expected.span ?? nowhere(spec),
      message: `Test "${test.name}" fails: ${difference.message}`,
      hint: undefined,
      severity: "error" as const,
      details: difference.details,
    }];
  });
}

interface Running {
  readonly spec: Spec;
  readonly rows: Map<string, Row[]>;
  readonly rejects: TestReject[];
}

/** Run one transform; returns why it could not. */
async function runTransform(
  stage: TransformStage,
  { rejects, rows, spec }: Running,
): Promise<string | undefined> {
  const input = stage.inputs.flatMap((port) => rows.get(portName(port)) ?? []);
  const into = (port: string) => {
    const name = portName({ stage: stage.name, port });
    const known = rows.get(name) ?? [];
    rows.set(name, known);
    return known;
  };
  if (input.length === 0) return undefined;
  const emit: Emit = Object.assign(
    (port: string, row: Row) => void into(port).push(row),
    {
      reject: (row: Row, reason: string) =>
        void rejects.push({ stage: stage.name, row, reason }),
    },
  );
  const stop = new AbortController();
  let open: OpenTransform | undefined;
  try {
    const context = contextOf(stage, { spec, signal: stop.signal });
    open = await stage.definition.open(stage.config, context);
    await open?.apply(input, emit, unit);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    stop.abort();
    await open?.[Symbol.asyncDispose]?.();
  }
}

function contextOf(
  stage: TransformStage,
  { signal, spec }: { readonly spec: Spec; readonly signal: AbortSignal },
): TransformContext {
  return {
    name: stage.name,
    pipeline: spec.name,
    folder: spec.folder,
    signal,
    log: createLogger({ level: "error", secrets: [], write: () => {} }),
    metrics: new Metrics(),
    clock: systemClock,
    input: stage.input,
    // Tests reach no network.
    connections: {},
  };
}

function errorRow({ reason, row, stage }: TestReject): Row {
  return {
    time: unit.time,
    stage,
    reason,
    block_number: unit.number,
    block_hash: unit.id,
    row: row as Value,
  };
}

function nowhere({ file }: Spec): Span {
  return { file, line: 1, column: 1, length: 1, source: "" };
}
