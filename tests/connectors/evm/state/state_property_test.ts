/**
 * The rows of a state equal what the canonical chain says, whatever forks and
 * restarts there are between two triggers or while one is read.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { defineSink, defineSource } from "../../../../runtime/component.ts";
import { Metrics } from "../../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../../runtime/run/sqlite_state.ts";
import { sinkStage, toySpec } from "../../../runtime/run/toy.ts";
import { type ScriptedBlock, ScriptedChain, word } from "./scripted_chain.ts";

/** Blocks below the head that a fork may replace. */
const finality = 12;

const FEED = `0x${"0f".repeat(20)}`;

/** Few values, so that many blocks change nothing. */
function valueOf({ hash }: ScriptedBlock): number {
  return parseInt(hash.slice(2, 10) + hash.slice(-2), 16) % 3;
}

/** A run, and what happens to the chain before and in it. */
interface Step {
  readonly grow: number;
  readonly reorg: number;
  /** Answers after which the chain forks once more. */
  readonly fuse: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  grow: fc.integer({ min: 0, max: 15 }),
  reorg: fc.integer({ min: 0, max: finality - 2 }),
  fuse: fc.integer({ min: 1, max: 60 }),
});

const scenario = fc.record({
  every: fc.constantFrom("1 block", "3 blocks", "30s", "50s"),
  onlyChanges: fc.boolean(),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** Numbers of the blocks that the trigger means. */
function due(blocks: readonly ScriptedBlock[], every: string) {
  const [count = ""] = every.split(/\D/);
  return blocks.filter(({ number, time }) => {
    if (every.includes("block")) return number % Number(count) === 0;
    const before = blocks[number - 1]?.time ?? -1;
    return Math.floor(time / Number(count)) >
      Math.floor(before / Number(count));
  });
}

function expected(chain: ScriptedChain, { every, onlyChanges }: Scenario) {
  let last: number | undefined;
  return due(chain.blocks, every).flatMap((block) => {
    const value = valueOf(block);
    if (onlyChanges && value === last) return [];
    last = value;
    return [`${block.hash} ${value}`];
  }).sort();
}

/** Keeps rows as a set, and refuses what does not fit. */
function keeper(rows: Set<string>) {
  return defineSink<Record<never, never>, object, string[]>({
    type: "keeper",
    summary: "Rows in memory",
    fields: {},
    batch: () => ({ rows: 100, bytes: 10_000, every: 20 }),
    delivery: () => "exactly once",
    example: "",
    open: () => ({
      encode: (rows, { op }) => ({
        data: rows.map((row) => `${op} ${row["block_hash"]} ${row["answer"]}`),
        bytes: 100 * rows.length,
      }),
      write({ chunks }) {
        for (const line of chunks.flatMap(({ data }) => data)) {
          const [op, ...rest] = line.split(" ");
          const row = rest.join(" ");
          if (op === "insert" && rows.has(row)) {
            throw new Error(`Twice: ${row}`);
          }
          if (op === "insert") rows.add(row);
          else if (!rows.delete(row)) throw new Error(`Not there: ${row}`);
        }
        return Promise.resolve();
      },
    }),
  });
}

async function hold({ every, onlyChanges, steps }: Scenario): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "sluice-state-" });
  const rows = new Set<string>();
  let fuse = Infinity;
  const chain: ScriptedChain = new ScriptedChain((_to, _data, block) => {
    if (--fuse === 0) chain.reorg(1 + block.number % 3, 1);
    return { gas: 100, data: word(valueOf(block)) };
  });
  chain.grow(20);
  const { clock, log } = chain.scripted;
  const source = defineSource({
    type: "state",
    summary: "States of a scripted chain",
    reorgs: true,
    fields: {},
    outputs: () => ({ rows: [] }),
    example: "",
    open: (_config, { memory }) =>
      chain.open({
        ...{ every },
        contracts: [FEED],
        read: { answer: "latestAnswer() returns (int256)" },
        ...onlyChanges ? { only_changes: ["answer"] } : {},
      }, memory),
  });
  const run = async () => {
    await using state = openSqliteState(path, { clock });
    await runPipeline(toySpec(source, [sinkStage("rows", keeper(rows))]), {
      ...{ clock, log, state },
      metrics: new Metrics(),
      drain: new AbortController().signal,
      to: chain.blocks.length - 1,
    });
  };
  for (
    const { fuse: answers, grow, reorg } of [
      ...steps,
      { fuse: Infinity, grow: 1, reorg: 0 },
    ]
  ) {
    if (reorg > 0) chain.reorg(reorg, 1);
    chain.grow(grow);
    chain.finalized = Math.max(
      chain.finalized,
      chain.blocks.length - 1 - finality,
    );
    fuse = answers;
    await chain.scripted.settle(run(), 3_600_000);
  }
  // What lies behind the end of the last run was not to be read.
  assert.deepEqual(
    [...rows].sort(),
    expected(chain, { every, onlyChanges, steps }),
  );
  await Deno.remove(path);
}

Deno.test("evm.state takes back several blocks between which it read none", async () => {
  await hold({
    every: "3 blocks",
    onlyChanges: false,
    steps: [
      { grow: 0, reorg: 0, fuse: Infinity },
      { grow: 0, reorg: 6, fuse: Infinity },
    ],
  });
});

Deno.test("evm.state goes through many forks", async () => {
  const fork = { grow: 0, reorg: 1, fuse: 1 };
  const steps = Array.from({ length: 6 }, () => fork);
  await hold({ every: "1 block", onlyChanges: false, steps });
});

Deno.test("evm.state equals the canonical chain through forks and restarts", async () => {
  await fc.assert(fc.asyncProperty(scenario, hold), { numRuns: 40 });
});
