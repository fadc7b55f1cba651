import assert from "node:assert/strict";
import {
  type Batch,
  defineSink,
  defineSource,
  type Row,
  type SourceUnit,
} from "../../../runtime/component.ts";
import {
  RejectedError,
  RetryableError,
  UserError,
} from "../../../runtime/errors.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import type { Cursor } from "../../../runtime/run/state.ts";
import { errorSchema, type SinkStage } from "../../../runtime/spec/spec.ts";
import { settled } from "../../fixtures/fake_clock.ts";
import { schema, sinkStage, toySpec } from "./toy.ts";

const log = createLogger({ level: "error", secrets: [], write: () => {} });

/** Gives its units and then waits for the drain, as a topic does. */
function topic(units: readonly SourceUnit[]) {
  let total = 0;
  let changed = Promise.withResolvers<void>();
  return {
    /** How many units were acknowledged. */
    get acknowledged() {
      return total;
    },
    /** Resolves when so many are. */
    async until(wanted: number): Promise<void> {
      while (total < wanted) await changed.promise;
    },
    definition: defineSource<Record<never, never>>({
      type: "topic",
      summary: "Units in memory",
      reorgs: false,
      shared: true,
      rejects: true,
      fields: {},
      outputs: () => ({ rows: schema }),
      example: "",
      open: () => ({
        async *read({ signal }) {
          yield* units;
          await new Promise((resolve) =>
            signal.addEventListener("abort", resolve)
          );
        },
        acknowledge(units) {
          total += units;
          changed.resolve();
          changed = Promise.withResolvers();
        },
      }),
    }),
  };
}

/** Limits that no test reaches. */
const day = { rows: 1000, bytes: 1_000_000, every: 86_400_000 };

/** A sink that stores by a hook, two rows a write. */
function store(
  write: (batch: Batch<readonly Row[]>) => Promise<void> | void = () => {},
) {
  return defineSink<Record<never, never>, object, readonly Row[]>({
    type: "store",
    summary: "Rows in memory",
    fields: {},
    batch: () => ({ rows: 2, bytes: 1000, every: 5 }),
    delivery: () => "at least once",
    example: "",
    open: (_, { shared }) => {
      assert.equal(shared, true);
      return {
        encode: (rows) => ({ data: rows, bytes: rows.length * 10 }),
        write: async (batch) => await write(batch),
      };
    },
  });
}

function errorsSink(definition: SinkStage["definition"]): SinkStage {
  return {
    ...sinkStage("rejects", definition),
    inputs: [{ stage: "errors", port: "errors" }],
    schema: errorSchema,
  };
}

const row = (index: number): Row => ({ block: 1, index, hash: "h" });

/** Records of one block, as they come one by one out of a topic. */
function records(count: number, rejected: readonly number[] = []) {
  return Array.from({ length: count }, (_, part): SourceUnit => ({
    number: 1,
    id: "h",
    part,
    version: 5,
    time: 0,
    bytes: 10,
    final: true,
    ...rejected.includes(part)
      ? { rows: {}, rejects: [{ row: { raw: part }, reason: "No JSON" }] }
      : { rows: { rows: [row(part)] } },
  }));
}

async function run(
  source: ReturnType<typeof topic>,
  sinks: readonly SinkStage[],
  options: {
    drain?: AbortSignal;
    dryRun?: boolean;
    metrics?: Metrics;
    saved?: (cursor: Cursor) => void;
  } = {},
) {
  await using state = openSqliteState(":memory:", { clock: systemClock });
  const save = state.saveCursor.bind(state);
  state.saveCursor = async (cursor) => {
    await save(cursor);
    options.saved?.(cursor);
  };
  return await runPipeline(toySpec(source.definition, sinks), {
    state,
    clock: systemClock,
    log,
    metrics: options.metrics ?? new Metrics(),
    dryRun: options.dryRun ?? false,
    drain: options.drain ?? new AbortController().signal,
  });
}

Deno.test("runPipeline() acknowledges what every sink of a shared source has", async () => {
  const source = topic(records(10));
  const drain = new AbortController();
  const gate = Promise.withResolvers<void>();
  const seen: number[] = [];
  const running = run(source, [
    sinkStage("fast", store(() => void seen.push(source.acknowledged))),
    sinkStage("slow", store(() => gate.promise)),
  ], { drain: drain.signal });
  while (seen.length < 5) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.deepEqual(seen, [0, 0, 0, 0, 0]);
  assert.equal(source.acknowledged, 0);
  gate.resolve();
  await source.until(10);
  drain.abort();
  await running;
  assert.equal(source.acknowledged, 10);
});

Deno.test("runPipeline() acknowledges what a drain has stored", async () => {
  const source = topic(records(7));
  const drain = new AbortController();
  const metrics = new Metrics();
  // Nothing is old or large enough to be written before.
  const running = run(source, [
    sinkStage("out", { ...store(), batch: () => day }),
  ], { drain: drain.signal, metrics });
  while (metrics.total("sluice_source_units_total") < 7) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(source.acknowledged, 0);
  drain.abort();
  await running;
  assert.equal(source.acknowledged, 7);
});

Deno.test("runPipeline() acknowledges nothing in a dry run", async () => {
  const source = topic(records(7));
  const drain = new AbortController();
  const metrics = new Metrics();
  const running = run(source, [sinkStage("out", store())], {
    drain: drain.signal,
    dryRun: true,
    metrics,
  });
  while (metrics.total("sluice_sink_rows_total") < 7) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  drain.abort();
  await running;
  assert.equal(source.acknowledged, 0);
});

Deno.test("runPipeline() gives each write of a shared source a token of its own", async () => {
  // Parts of one block begin and end with the same block: were the token
  // made of that, a store would drop all writes but the first.
  const source = topic(records(12));
  const drain = new AbortController();
  const tokens: string[] = [];
  const running = run(source, [
    sinkStage(
      "out",
      store(({ token }) => {
        tokens.push(token);
        if (tokens.length === 3) throw new RetryableError("Not now");
      }),
    ),
  ], { drain: drain.signal });
  await source.until(12);
  drain.abort();
  await running;
  assert.equal(tokens.length, 7);
  assert.equal(tokens[2], tokens[3], "A write that is repeated keeps it");
  assert.equal(new Set(tokens).size, 6);
});

Deno.test("runPipeline() takes what a source rejects to the sinks that read errors", async () => {
  const source = topic(records(6, [1, 4]));
  const drain = new AbortController();
  const kept: Row[] = [];
  const errors: Row[] = [];
  const running = run(source, [
    sinkStage(
      "out",
      store(({ chunks }) =>
        void kept.push(...chunks.flatMap(({ data }) => data))
      ),
    ),
    errorsSink(
      store(({ chunks }) =>
        void errors.push(...chunks.flatMap(({ data }) => data))
      ),
    ),
  ], { drain: drain.signal });
  await source.until(6);
  drain.abort();
  await running;
  assert.deepEqual(kept, [0, 2, 3, 5].map(row));
  assert.deepEqual(
    errors.map(({ reason, row, stage }) => ({ reason, row, stage })),
    [1, 4].map((raw) => ({ reason: "No JSON", row: { raw }, stage: "chain" })),
  );
});

Deno.test("runPipeline() stops at what a source rejects when nothing reads errors", async () => {
  const source = topic(records(3, [0]));
  await assert.rejects(
    run(source, [sinkStage("out", store())]),
    (error) => {
      assert(error instanceof UserError, String(error));
      assert.match(error.message, /^Stage "chain" rejected .*: No JSON; add/);
      return true;
    },
  );
  // Who mends it must find it again.
  assert.equal(source.acknowledged, 0);
});

Deno.test("runPipeline() acknowledges no row that waits for the errors sink", async () => {
  const source = topic(records(2));
  const drain = new AbortController();
  const gate = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  const running = run(source, [
    sinkStage(
      "out",
      store(async ({ chunks }) => {
        await taken.promise;
        const rejects = chunks.flatMap(({ data }) => data)
          .map((row) => ({ row, reason: "Refused" }));
        throw new RejectedError("Refused", rejects);
      }),
    ),
    errorsSink(store(() => gate.promise)),
  ], {
    drain: drain.signal,
    saved({ at, sink }) {
      if (!at) return;
      // The errors sink has had its turn with both units, which had no row.
      if (sink === "rejects") taken.resolve();
      else stored.resolve();
    },
  });
  await stored.promise;
  await settled();
  assert.equal(source.acknowledged, 0);
  gate.resolve();
  await source.until(2);
  drain.abort();
  await running;
});
