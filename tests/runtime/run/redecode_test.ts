import assert from "node:assert/strict";
import type { SinkDefinition } from "../../../runtime/component.ts";
import { defineTransform } from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../runtime/run/pipeline.ts";
import { redecode } from "../../../runtime/run/redecode.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import type {
  SinkStage,
  Spec,
  TransformStage,
} from "../../../runtime/spec/spec.ts";
import {
  ledger,
  MergeStore,
  schema,
  sinkStage,
  ToyChain,
  toySource,
  toySpec,
} from "./toy.ts";

const log = createLogger({ level: "error", secrets: [], write: () => {} });

/** A transform that writes "old" until it has learnt to write "new". */
class Learner {
  knows = false;
  outdated: readonly number[] = [];
  asked: { from: number; to: number } | undefined;
  /** What it made of each unit last. */
  readonly #made = new Map<string, string>();

  stage(): TransformStage {
    const definition = defineTransform<Record<never, never>>({
      type: "learn",
      summary: "Learns",
      fields: {},
      outputs: () => ({ rows: schema }),
      example: "",
      open: () => {
        return {
          apply: (rows, emit, { id, op }) => {
            const word = this.knows ? "new" : "old";
            const made = this.#made.get(id) ?? word;
            this.#made.set(id, op === "insert" ? word : made);
            for (const row of rows) {
              const last = op === "insert" ? word : made;
              emit("rows", { ...row, hash: `${row["hash"]} ${last}` });
            }
          },
          outdated: (range) => {
            this.asked = range;
            return Promise.resolve(
              this.outdated.filter((one) => one <= range.to),
            );
          },
        };
      },
    });
    return {
      kind: "transform",
      name: "learn",
      definition,
      config: {},
      written: {},
      connections: {},
      inputs: [{ stage: "chain", port: "rows" }],
      input: schema,
      outputs: { rows: schema },
    };
  }
}

function behind(
  name: string,
  definition: SinkDefinition<Record<never, never>, object, never>,
): SinkStage {
  const inputs = [{ stage: "learn", port: "rows" }];
  return { ...sinkStage(name, definition), inputs };
}

const fixed = {
  clock: systemClock,
  log,
  drain: new AbortController().signal,
};

async function withState<T>(
  work: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-state-" });
  try {
    return await work(`${folder}/state.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(spec: Spec, path: string) {
  await using state = openSqliteState(path, { clock: systemClock });
  await runPipeline(spec, { ...fixed, state, metrics: new Metrics() });
}

async function again(spec: Spec, path: string, range: object = {}) {
  await using state = openSqliteState(path, { clock: systemClock });
  const metrics = new Metrics();
  return await redecode(spec, {
    ...fixed,
    state,
    metrics,
    from: undefined,
    to: undefined,
    ...range,
  });
}

/** What stands behind the rows of a block. */
const kindsOf = (store: MergeStore, block: number) => [
  ...new Set(
    store.net().filter((row) => row.startsWith(`${block}/`))
      .map((row) => row.split(" ")[1]),
  ),
];

Deno.test("redecode() replaces the rows of outdated units in sinks that merge", () =>
  withState(async (path) => {
    const chain = new ToyChain().extend(100);
    const learner = new Learner();
    const store = new MergeStore();
    const lines: string[] = [];
    const merging = { ...store.definition(), merges: true };
    const stages = [
      learner.stage(),
      behind("merged", merging as never),
      behind("lines", ledger(lines) as never),
      sinkStage("raw", ledger([])),
    ];
    const spec = toySpec(toySource(chain), stages as never);
    await run(spec, path);
    const rows = store.net().length;
    const written = [...lines];
    learner.knows = true;
    learner.outdated = [3, 5, 6, 7, 90, 1_000];
    const done = await again(spec, path, { from: 2 });
    assert.deepEqual(learner.asked, { from: 2, to: 100 });
    assert.equal(done?.units, 5);
    assert.deepEqual(done?.skipped, ["lines"]);
    assert.deepEqual(done?.sinks.map(({ name }) => name), ["merged"]);
    for (const block of [3, 5, 6, 7, 90]) {
      assert.deepEqual(kindsOf(store, block), ["new"]);
    }
    assert.deepEqual(kindsOf(store, 9), ["old"]);
    assert.equal(store.net().length, rows);
    assert.equal(store.netOfView().length, rows);
    // Files keep what they have, and so do cursors.
    assert.deepEqual(lines, written);
    await run(spec, path);
    assert.equal(store.net().length, rows);

    // A reorg behind it takes back what is stored now.
    chain.reorg(30);
    await run(spec, path);
    assert.equal(
      store.net().filter((row) => row.startsWith("90/")).length,
      chain.rows(chain.blocks[90]!).length,
    );
    assert.deepEqual(store.net(), store.netOfView());
  }));

Deno.test("redecode() leaves a block alone that was replaced since", () =>
  withState(async (path) => {
    const chain = new ToyChain().extend(100);
    const learner = new Learner();
    const store = new MergeStore();
    const merging = { ...store.definition(), merges: true };
    const spec = toySpec(
      toySource(chain),
      [learner.stage(), behind("merged", merging as never)] as never,
    );
    await run(spec, path);
    const before = store.net();
    chain.reorg(30);
    learner.knows = true;
    learner.outdated = [90];
    const done = await again(spec, path);
    assert.equal(done?.units, 0);
    assert.deepEqual(store.net(), before);
  }));

Deno.test("redecode() reads nothing when nothing is outdated", () =>
  withState(async (path) => {
    const chain = new ToyChain().extend(20);
    const learner = new Learner();
    const merging = { ...new MergeStore().definition(), merges: true };
    const spec = toySpec(
      toySource(chain),
      [learner.stage(), behind("merged", merging as never)] as never,
    );
    await run(spec, path);
    assert.deepEqual(await again(spec, path), {
      units: 0,
      sinks: [],
      skipped: [],
    });
  }));
