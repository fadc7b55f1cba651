/**
 * Every sink equals the canonical chain: through forks, a node in trouble,
 * drains and crashes, while the head is followed.
 *
 * `SLUICE_SCENARIOS` is the number of random scenarios.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Head } from "../../runtime/component.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import type { AskedCall, FaultRule } from "../fixtures/simulated/fault.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { canonicalRows } from "../fixtures/simulated/rows.ts";
import {
  type Operation,
  perform,
  scenarios,
} from "../fixtures/simulated/scenario.ts";
import { troubles } from "../fixtures/simulated/trouble.ts";
import { Crash, LivePipeline, type LiveRun } from "./live_pipeline.ts";
import {
  assertChained,
  assertSameRows,
  expectedRows,
  netRows,
  type TestedPort,
} from "./truth.ts";

/** Enough to meet most pairs of steps in about 20 seconds. */
const defaultScenarios = 25;

/** Far more than a correct reader needs, on a machine that is busy. */
const patience = 30_000;

/** One run and what happens to the chain during and after it. */
interface Episode {
  readonly during: readonly Operation[];
  readonly end: "drain" | "crash";
  /** Writes of the sink in memory before the crash. */
  readonly fuse: number;
  /** So many of the sinks are not in the spec yet. */
  readonly without: number;
  readonly down: readonly Operation[];
}

interface Scenario {
  readonly seed: number;
  /** Blocks before the first run. */
  readonly blocks: number;
  readonly start: string;
  readonly confirmations: number;
  readonly latencyMs: number;
  readonly troubles: readonly FaultRule[];
  readonly episodes: readonly Episode[];
  /** Whether the chain ends lower than it has been, where it can. */
  readonly fallen: boolean;
  /** Whether logs are all that is used: old ones are read by ranges then. */
  readonly onlyLogs: boolean;
}

const episode: fc.Arbitrary<Episode> = fc.record({
  during: scenarios({ maxOperations: 6 }),
  end: fc.constantFrom("drain", "drain", "crash"),
  fuse: fc.nat({ max: 12 }),
  without: fc.nat({ max: 4 }),
  down: fc.oneof(
    fc.constant<Operation[]>([]),
    scenarios({ maxOperations: 3 }),
  ),
});

const scenario: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat({ max: 1_000_000 }),
  blocks: fc.integer({ min: 1, max: 130 }),
  start: fc.oneof(
    { weight: 3, arbitrary: fc.constant("1") },
    {
      weight: 1,
      arbitrary: fc.nat({ max: 10 }).map((behind) => `latest - ${behind}`),
    },
  ),
  confirmations: fc.integer({ min: 1, max: 20 }),
  latencyMs: fc.nat({ max: 3 }),
  troubles: troubles({ maxRules: 4, maxTimes: 3 }),
  episodes: fc.array(episode, { minLength: 1, maxLength: 3 }),
  fallen: fc.boolean(),
  onlyLogs: fc.boolean(),
});

/** A sink of the pipeline. */
interface Sink {
  readonly name: string;
  readonly port: TestedPort;
  readonly deliver?: string;
  /** The last block that it must have when the chain stands still. */
  readonly goal: (head: Head) => number;
}

function sinksOf({ confirmations, onlyLogs }: Scenario): readonly Sink[] {
  const latest: readonly TestedPort[] = onlyLogs
    ? ["logs", "token_transfers"]
    : ["blocks", "transactions", "logs", "token_transfers"];
  const port = onlyLogs ? "logs" : "blocks";
  return [
    ...latest.map((port) => ({
      name: port,
      port,
      goal: ({ latest }: Head) => latest,
    })),
    {
      name: "confirmed",
      port,
      deliver: `{ confirmations: ${confirmations} }`,
      goal: ({ latest }) => latest - confirmations,
    },
    {
      name: "safe",
      port,
      deliver: "safe",
      goal: ({ safe = -1 }) => safe,
    },
    {
      name: "finalized",
      port,
      deliver: "finalized",
      goal: ({ finalized = -1 }) => finalized,
    },
  ];
}

/** Sinks of transactions and logs are in memory, those of blocks are files. */
function isFile({ port }: Sink): boolean {
  return port === "blocks" || port === "token_transfers";
}

function specOf(
  url: string,
  scenario: Scenario,
  sinks = sinksOf(scenario),
): string {
  return [
    "name: reorg",
    "connections:",
    `  eth: { type: evm, url: "${url}/key", missing_timeout: 2s }`,
    "sources:",
    `  chain: { type: evm.chain, connection: eth, poll: 400ms, ` +
    `start: ${scenario.start} }`,
    "sinks:",
    ...sinks.map((sink) => {
      const { deliver = "latest", name, port } = sink;
      const type = isFile(sink)
        ? `type: file, path: "FOLDER/${name}.jsonl"`
        : "type: memory";
      return `  ${name}: { ${type}, from: chain.${port}, ` +
        `deliver: ${deliver}, batch: { rows: 30, every: 200ms } }`;
    }),
  ].join("\n");
}

Deno.test("runPipeline() keeps every sink equal to the chain through forks, faults, drains and crashes", async () => {
  const numRuns = Number(
    Deno.env.get("SLUICE_SCENARIOS") ?? defaultScenarios,
  );
  await fc.assert(fc.asyncProperty(scenario, play), {
    numRuns,
    // Shrinking takes minutes, because a reader that is stuck is waited for.
    endOnFailure: true,
  });
});

async function play(scenario: Scenario): Promise<void> {
  const { blocks, episodes, fallen, latencyMs, seed } = scenario;
  const chain = new SimulatedChain({ seed, transactionsPerBlock: 2 })
    .extend(blocks);
  await using node = await SimulatedNode.start(chain, { latencyMs, seed });
  // A node that fails from the first call on ends the run with a message.
  let first: AskedCall | undefined;
  for (const rule of scenario.troubles) {
    node.fail({
      ...rule,
      when: (call) => (first ??= call) !== call && isSurvivable(rule, call),
    });
  }
  await using pipeline = await LivePipeline.make(specOf(node.url, scenario));
  let highest = chain.head;
  const act = async (operation: Operation, run?: LiveRun) => {
    perform(chain, operation);
    highest = Math.max(highest, chain.head);
    if (!run || operation.do !== "pause") return;
    const enough = node.calls.length + 3 * operation.rounds;
    await until(() => node.calls.length >= enough, { pipeline, run });
  };
  const all = sinksOf(scenario);
  let missing = all.length - 1;
  for (const { down, during, end, fuse, without } of episodes) {
    // Sinks are added, the one that is named first last.
    missing = Math.min(missing, without);
    pipeline.edit(specOf(node.url, scenario, all.slice(missing)));
    pipeline.fuse = end === "crash" ? fuse : Infinity;
    first = undefined;
    const run = pipeline.start();
    for (const operation of during) await act(operation, run);
    await stop(run, end);
    for (const operation of down) await act(operation);
  }
  node.heal();
  pipeline.edit(specOf(node.url, scenario));
  pipeline.fuse = Infinity;
  if (!fallen) chain.extend(highest - chain.head + 1);
  const run = pipeline.start();
  const { start } = scenario;
  const settled = { chain, run, sinks: all, start };
  await until(() => isSettled(pipeline, settled), { pipeline, run });
  await stop(run, "drain");
  for (const sink of settled.sinks) await check(pipeline, { chain, sink });
}

/** Whether a correct reader can still end up with the truth. */
function isSurvivable(
  { fault }: FaultRule,
  { params }: AskedCall,
): boolean {
  // Nobody can tell that another block than the one named is safe or final.
  const tag = params[0] === "safe" || params[0] === "finalized";
  return fault.kind !== "wrong_block" || !tag;
}

/** End a run, and see that it ended as it was told to. */
async function stop(run: LiveRun, end: Episode["end"]): Promise<void> {
  run.drain();
  try {
    await run.done;
  } catch (error) {
    if (end === "crash" && error instanceof Crash) return;
    throw error;
  }
}

/** Whether each sink has what its `deliver` allows. */
async function isSettled(
  pipeline: LivePipeline,
  { chain, run, sinks, start }: {
    readonly chain: SimulatedChain;
    readonly run: LiveRun;
    readonly sinks: readonly Sink[];
    readonly start: string;
  },
): Promise<boolean> {
  const { at = -1, head } = run.source ?? {};
  if (head?.latest !== chain.head) return false;
  const origin = await pipeline.origin();
  // The chain may be so short that there is no first block to read.
  if (origin === Infinity) return start === "1" && chain.head < 1;
  // Not yet retracted, although it is gone.
  if (at >= origin && at > chain.head) return false;
  const places = await pipeline.places();
  return sinks.every(({ deliver, goal, name }) => {
    const at = places.get(name);
    // What is final has no id where only logs were asked for.
    const named = at?.id !== "" || head.latest > (head.finalized ?? -1);
    if (deliver === undefined && head.latest >= origin && named) {
      return at?.id === chain.latest.hash;
    }
    // The chain may have fallen below the first block that was read.
    const number = Math.max(at?.number ?? -1, origin - 1);
    return deliver === undefined
      ? number === origin - 1
      : number >= Math.max(goal(head), origin - 1);
  });
}

/** Hold what a sink has against the canonical chain up to its last block. */
async function check(
  pipeline: LivePipeline,
  { chain, sink }: { readonly chain: SimulatedChain; readonly sink: Sink },
): Promise<void> {
  const { deliver, name, port } = sink;
  const from = await pipeline.origin();
  const to = (await pipeline.places()).get(name)?.number ?? -1;
  const changes = isFile(sink)
    ? pipeline.changes(`${name}.jsonl`)
    : pipeline.table(name);
  const truth = canonicalRows(chain, { from, to });
  assertSameRows(netRows(port, changes), expectedRows(port, truth), name);
  // A sink without rows stands in front of the first block.
  const empty = from - 1;
  assert(to <= Math.max(chain.head, empty), `${name} is ahead of the chain`);
  if (port === "blocks") assertChained(changes, name);
  if (deliver !== "finalized") return;
  const final = Math.max(chain.finalized, empty);
  assert(to <= final, `${to} is not final yet`);
  const { length } = changes.filter(({ op }) => op === "retract");
  assert.equal(length, 0, "what is final is never retracted");
}

/** Poll until something holds; fail when the run has failed or takes long. */
async function until(
  holds: () => boolean | Promise<boolean>,
  { pipeline, run }: {
    readonly pipeline: LivePipeline;
    readonly run: LiveRun;
  },
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!await holds()) {
    // A run that has crashed is looked at by whoever ends it.
    if (run.ended) return;
    if (performance.now() > deadline) {
      const { at, head } = run.source ?? {};
      const places = JSON.stringify([...await pipeline.places()]);
      throw new Error(
        `Stuck at ${at}, head ${JSON.stringify(head)}, sinks ${places}, ` +
          `log:\n${pipeline.log.slice(-20).join("\n")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
