import assert from "node:assert/strict";
import {
  defineSink,
  defineTransform,
  type Row,
  type Schema,
} from "../../../runtime/component.ts";
import { UserError } from "../../../runtime/errors.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import {
  type Deliver,
  errorSchema,
  type SinkStage,
  type Stage,
  type TransformStage,
} from "../../../runtime/spec/spec.ts";
import { ledger, rowKey, schema, ToyChain, toySource, toySpec } from "./toy.ts";
import { sinkStage } from "./toy.ts";

const log = createLogger({ level: "error", secrets: [], write: () => {} });

async function run(
  chain: ToyChain,
  stages: readonly Stage[],
): Promise<Metrics> {
  const metrics = new Metrics();
  await using state = openSqliteState(":memory:", { clock: systemClock });
  await runPipeline(toySpec(toySource(chain), stages), {
    state,
    clock: systemClock,
    log,
    metrics,
    drain: new AbortController().signal,
  });
  return metrics;
}

/** A transform that sends even rows on and rejects odd ones. */
const evens = defineTransform({
  type: "evens",
  summary: "Even rows",
  fields: {},
  rejects: true,
  outputs: ({ input }) => ({ rows: input }),
  example: "",
  open: () => ({
    apply(rows, emit) {
      for (const row of rows) {
        if (Number(row["index"]) % 2 === 0) emit("rows", row);
        else emit.reject(row, "It is odd");
      }
    },
  }),
});

const even: TransformStage = {
  kind: "transform",
  name: "even",
  definition: evens,
  config: {},
  written: {},
  connections: {},
  inputs: [{ stage: "chain", port: "rows" }],
  input: schema,
  outputs: { rows: schema },
};

/** A sink that keeps whole rows, and rejects some of them. */
function keeping(into: Row[], refuse: (row: Row) => boolean = () => false) {
  return defineSink<Record<never, never>, object, Row[]>({
    type: "keeping",
    summary: "Rows in memory",
    fields: {},
    batch: () => ({ rows: 10, bytes: 1000, every: 10 }),
    delivery: () => "exactly once",
    example: "",
    open: () => ({
      encode(rows, _unit, reject) {
        const data = rows.filter((row) => {
          if (refuse(row)) reject(row, "Refused");
          return !refuse(row);
        });
        return { data, bytes: data.length };
      },
      write({ chunks }) {
        into.push(...chunks.flatMap(({ data }) => data));
        return Promise.resolve();
      },
    }),
  });
}

function sink(
  name: string,
  definition: SinkStage["definition"],
  { from = "even", deliver = "latest" }: { from?: string; deliver?: Deliver } =
    {},
): SinkStage {
  const port = from === "errors" ? "errors" : "rows";
  const columns: Schema = from === "errors" ? errorSchema : schema;
  const stage = sinkStage(name, definition, deliver);
  return { ...stage, inputs: [{ stage: from, port }], schema: columns };
}

const keys = (rows: readonly Row[]) => rows.map(rowKey).sort();
const isOdd = (row: Row) => Number(row["index"]) % 2 === 1;

for (const deliver of ["latest", "finalized"] as const) {
  Deno.test(`Flow takes rejected rows to the sinks that read errors, here with ${deliver}`, async () => {
    const chain = new ToyChain().extend(100);
    const kept: Row[] = [];
    const errors: Row[] = [];
    const metrics = await run(chain, [
      even,
      sink("out", keeping(kept), { deliver }),
      sink("rejects", keeping(errors), { from: "errors" }),
    ]);
    const all = chain.blocks.slice(1).flatMap((block) => chain.rows(block));
    const limit = deliver === "latest" ? chain.head : chain.finalized;
    const delivered = all.filter((row) => Number(row["block"]) <= limit);
    assert.deepEqual(
      keys(kept),
      keys(delivered.filter((row) => !isOdd(row))),
    );
    assert.deepEqual(
      keys(errors.map(({ row }) => row as Row)),
      keys(all.filter(isOdd)),
    );
    const [first] = errors;
    assert.equal(first?.["stage"], "even");
    assert.equal(first?.["reason"], "It is odd");
    assert.equal(first?.["block_number"], (first?.["row"] as Row)["block"]);
    assert(metrics.total("sluice_rejected_rows_total", { stage: "even" }) > 0);
  });
}

for (const deliver of ["latest", "finalized"] as const) {
  Deno.test(`Flow keeps what a sink cannot encode, in a lane for ${deliver}`, async () => {
    const chain = new ToyChain().extend(90);
    const kept: Row[] = [];
    const errors: Row[] = [];
    await run(chain, [
      sink("out", keeping(kept, isOdd), { from: "chain", deliver }),
      sink("rejects", keeping(errors), { from: "errors" }),
    ]);
    assert(errors.length > 0);
    const limit = deliver === "latest" ? chain.head : chain.finalized;
    assert.deepEqual(
      [...keys(kept), ...keys(errors.map(({ row }) => row as Row))].sort(),
      chain.expected(limit),
    );
    assert.equal(errors[0]?.["stage"], "out");
  });
}

Deno.test("Flow stops at the first rejected row when nothing reads errors", async () => {
  const chain = new ToyChain().extend(20);
  await assert.rejects(
    run(chain, [even, sink("out", ledger([]))]),
    (error) => {
      assert(error instanceof UserError, String(error));
      assert.match(
        error.message,
        /^Stage "even" rejected a row of block \d+: It is odd; add a sink/,
      );
      return true;
    },
  );
});
