import assert from "node:assert/strict";
import fc from "fast-check";
import { defineSource } from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import type {
  SinkStage,
  SourceStage,
  Spec,
} from "../../../runtime/spec/spec.ts";
import {
  Crash,
  ledger,
  netOf,
  rowKey,
  schema,
  sinkStage,
  ToyChain,
  toySource,
  toySpec,
} from "./toy.ts";

/** Blocks whose numbers are the same by this make up a series. */
const series = 5;

/**
 * Adds a row to each block that has rows: its id, and that of the last block
 * of its series that had some.
 */
const echo = defineSource({
  type: "echo",
  summary: "Rows of another source, with what came before them",
  reorgs: true,
  fields: {},
  inputs: [{ path: ["on"] }],
  outputs: () => ({ rows: schema }),
  example: "",
  open: (_config, { memory, upstream }) => ({
    async *read(options) {
      if (!upstream) throw new Error("Nothing to follow");
      let after = options.after?.number ?? -1;
      const last = await memory.recall(after);
      for await (const unit of upstream.read(options)) {
        if (unit === "fork") {
          yield unit;
          continue;
        }
        const { id, number, time } = unit;
        const seen = (unit.rows["on"] ?? []).length > 0;
        const key = `${number % series}`;
        const before = last.get(key) ?? "none";
        const entries = new Map(seen ? [[key, id]] : []);
        await memory.remember({ id, number, time, after }, entries);
        for (const [key, value] of entries) last.set(key, value);
        after = number;
        const hash = `${id}<${before}`;
        const rows = seen ? [{ block: number, index: 0, hash }] : [];
        yield { ...unit, rows: { rows } };
      }
    },
  }),
});

function specOf(
  chain: ToyChain,
  sinks: readonly SinkStage[],
  onUnit?: () => void,
): Spec {
  const spec = toySpec(toySource(chain, onUnit ? { onUnit } : {}), []);
  const follower: SourceStage = {
    kind: "source",
    name: "echo",
    definition: echo,
    config: {},
    written: {},
    connection: undefined,
    outputs: { rows: schema },
    used: new Map([["rows", new Set(schema.map(({ name }) => name))]]),
    needed: new Map(),
    renamedFrom: undefined,
    inputs: [{ field: "on", stage: "chain", port: "rows" }],
    follows: "chain",
  };
  return { ...spec, stages: [...spec.stages, follower, ...sinks] };
}

function echoed(name: string, definition: SinkStage["definition"]): SinkStage {
  return {
    ...sinkStage(name, definition),
    inputs: [{ stage: "echo", port: "rows" }],
  };
}

/** What the follower must have added to the canonical chain. */
function expected(chain: ToyChain): string[] {
  const last = new Map<number, string>();
  return chain.blocks.slice(1).flatMap((block) => {
    if (chain.rows(block).length === 0) return [];
    const { id, number } = block;
    const before = last.get(number % series) ?? "none";
    last.set(number % series, id);
    return [rowKey({ block: number, index: 0, hash: `${id}<${before}` })];
  }).sort();
}

async function run(spec: Spec, path: string): Promise<void> {
  await using state = openSqliteState(path, { clock: systemClock });
  await runPipeline(spec, {
    state,
    clock: systemClock,
    log: createLogger({ level: "error", secrets: [], write: () => {} }),
    metrics: new Metrics(),
    drain: new AbortController().signal,
  });
}

type Step =
  | { readonly reorg: number; readonly length: number }
  | { readonly crash: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      reorg: fc.integer({ min: 1, max: 60 }),
      length: fc.integer({ min: 1, max: 70 }),
    }),
    fc.record({ crash: fc.integer({ min: 0, max: 60 }) }),
  ),
  { minLength: 1, maxLength: 8 },
);

Deno.test("follow() adds rows that fit the chain through forks, crashes and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (script, saysFinal) => {
      const folder = await Deno.makeTempDir({ prefix: "sluice-follow-" });
      const path = `${folder}/state.db`;
      const chain = new ToyChain().extend(80);
      chain.saysFinal = saysFinal;
      const own: string[] = [];
      const added: string[] = [];
      const sinks = (spark?: () => void) => [
        sinkStage("own", ledger(own, spark)),
        echoed("added", ledger(added, spark)),
      ];
      for (const step of script) {
        let fuse = "crash" in step ? step.crash : Infinity;
        const spark = () => {
          if (fuse-- <= 0) throw new Crash();
        };
        let units = 0;
        const onUnit = () => {
          spark();
          if (++units === 3 && "reorg" in step) {
            chain.reorg(step.reorg, step.length);
          }
        };
        chain.extend(10);
        try {
          await run(specOf(chain, sinks(spark), onUnit), path);
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
        }
      }
      await run(specOf(chain, sinks()), path);
      assert.deepEqual(netOf(own), chain.expected());
      assert.deepEqual(netOf(added), expected(chain));
      await Deno.remove(folder, { recursive: true });
    }),
    { numRuns: 25 },
  );
});

Deno.test("follow() fills a sink that comes later from the beginning", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-follow-" });
  const chain = new ToyChain().extend(40);
  const own: string[] = [];
  const added: string[] = [];
  const first = sinkStage("own", ledger(own));
  await run(specOf(chain, [first]), `${folder}/state.db`);
  chain.extend(5);
  const both = [first, echoed("added", ledger(added))];
  await run(specOf(chain, both), `${folder}/state.db`);
  assert.deepEqual(netOf(own), chain.expected());
  assert.deepEqual(netOf(added), expected(chain));
  await Deno.remove(folder, { recursive: true });
});
