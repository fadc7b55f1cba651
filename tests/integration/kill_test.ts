/**
 * Nothing is lost and nothing is doubled when the program is killed with
 * SIGKILL again and again, at random instants, while the chain grows and
 * reorganises itself: in files and in ClickHouse.
 *
 * `SLUICE_KILLS` is the number of kills, `SLUICE_SEED` repeats a run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { csvChanges, jsonlChanges } from "../connectors/files/file_folder.ts";
import type { Change } from "../contracts/canonical.ts";
import { Dice } from "../fixtures/simulated/dice.ts";
import { SimulatedProcess } from "../fixtures/simulated/process.ts";
import type { Truth } from "../fixtures/simulated/process.ts";
import { ChangingChain } from "./changing_chain.ts";
import { killServer } from "./embedded_server.ts";
import { figure } from "./figure.ts";
import { type Program, Workplace } from "./program.ts";
import {
  assertChained,
  assertSameRows,
  columnsOf,
  expectedRows,
  netRows,
  type TestedPort,
  textOf,
} from "./truth.ts";

/** Enough for every run of the suite; a release is proved with 100. */
const kills = Number(Deno.env.get("SLUICE_KILLS") ?? 12);

const seed = Number(
  Deno.env.get("SLUICE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0],
);

/** Blocks before the first run, and at the end. */
const firstBlocks = 100;
const lastBlocks = 500;

/** A run that does nothing for so long, ms, is killed all the same. */
const patience = 4_000;

const files: readonly (readonly [string, TestedPort])[] = [
  ["blocks.jsonl", "blocks"],
  ["blocks.csv", "blocks"],
  ["transactions.jsonl", "transactions"],
  ["logs.jsonl", "logs"],
  ["token_transfers.jsonl", "token_transfers"],
];

const tables: readonly (readonly [TestedPort, string])[] = [
  ["blocks", "number"],
  ["transactions", "block_number, transaction_index"],
  ["logs", "block_number, log_index"],
];

function specOf(url: string): string {
  return [
    "name: killed",
    "connections:",
    `  eth: { type: evm, url: "${url}/key", chain_id: 1337 }`,
    "  warehouse: { type: clickhouse, embedded: warehouse }",
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1, poll: 100ms }",
    "sinks:",
    // Sinks that write at different times have different cursors.
    ...files.map(([file, port], index) =>
      `  ${file.replace(".", "_")}: { type: file, from: chain.${port}, ` +
      `path: data/${file}, batch: { rows: ${20 + 30 * index}, every: ` +
      `${20 + 40 * index}ms } }`
    ),
    ...tables.map(([port, key]) =>
      `  in_${port}: { type: clickhouse, connection: warehouse, ` +
      `from: chain.${port}, table: ${port}, order_by: [${key}], ` +
      `batch: { rows: 100, every: 60ms } }`
    ),
  ].join("\n");
}

/** What happened, for the line at the end. */
interface Tally {
  readonly moments: Record<string, number>;
  servers: number;
}

Deno.test(`sluice loses and doubles nothing when it is killed ${kills} times, seed ${seed}`, async () => {
  const began = performance.now();
  const dice = new Dice(seed);
  const tally: Tally = { moments: {}, servers: 0 };
  await using node = await SimulatedProcess.start([
    ...["--seed", String(seed), "--blocks", String(firstBlocks)],
    ...["--transactions", "3", "--latency", "1"],
  ]);
  await using workplace = await Workplace.make(specOf(node.url));
  const warehouse = workplace.path("warehouse");
  await using _server = {
    async [Symbol.asyncDispose]() {
      await killServer(warehouse);
    },
  };
  const chain = new ChangingChain(node, dice, {
    growth: Math.ceil((lastBlocks - firstBlocks) / kills),
    most: lastBlocks,
  });
  for (let kill = 1; kill <= kills; kill++) {
    await using program = workplace.start("run", "spec.yaml");
    await pass(program, { chain, dice, node, tally, workplace });
    assert(!program.over, `It ended by itself: ${program.stderr}`);
    program.kill("SIGKILL");
    // Sometimes the database falls with it, otherwise it outlives it a little.
    if (dice.chance(0.25) && await killServer(warehouse)) tally.servers++;
    await program.ended();
    if (dice.chance(0.5)) await chain.change();
  }
  await chain.finish();
  const killed = performance.now();
  const truth = await node.truth({ from: 1 });
  await finish(workplace, truth);
  await check(workplace, truth);

  const before = await workplace.sizes("data");
  await finish(workplace, truth);
  assert.deepEqual(await workplace.sizes("data"), before, "nothing is added");
  await check(workplace, truth);
  const seconds = (from: number) =>
    ((performance.now() - from) / 1000).toFixed(1);
  figure(
    `${kills} kills, ${JSON.stringify(tally)}, ${chain.reorgs} reorgs up to ` +
      `${chain.deepest} deep, ${seconds(began)} s, ${seconds(killed)} s of ` +
      `them to the end`,
  );
});

interface Passing {
  readonly chain: ChangingChain;
  readonly dice: Dice;
  readonly node: SimulatedProcess;
  readonly tally: Tally;
  readonly workplace: Workplace;
}

/** Let a random time pass: by the clock, by calls, or by what is written. */
async function pass(
  program: Program,
  { chain, dice, node, tally, workplace }: Passing,
): Promise<void> {
  const kind = dice.weigh({ start: 2, calls: 3, write: 5 });
  tally.moments[kind] = (tally.moments[kind] ?? 0) + 1;
  const started = performance.now();
  const deadline = started + patience;
  const { calls } = await node.stats();
  const sizes = JSON.stringify(await workplace.sizes("data"));
  const wait = dice.below(500);
  const wanted = calls + 1 + dice.below(80);
  const due = async () => {
    if (kind === "start") return performance.now() - started >= wait;
    if (kind === "calls") return (await node.stats()).calls >= wanted;
    return JSON.stringify(await workplace.sizes("data")) !== sizes;
  };
  while (!program.over && performance.now() < deadline && !await due()) {
    if (dice.chance(0.02)) await chain.change();
    await delay(5);
  }
  // The kernel has the first bytes: what comes next is anybody's guess.
  if (kind === "write") await delay(dice.below(80));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Run to the head. */
async function finish(workplace: Workplace, { head }: Truth): Promise<void> {
  const { code, stderr } = await workplace.run(
    ...["run", "spec.yaml", "--to", String(head)],
  );
  assert.equal(code, 0, stderr);
}

/** Compare every sink with the truth. */
async function check(workplace: Workplace, { rows }: Truth): Promise<void> {
  for (const [file, port] of files) {
    const text = await workplace.read(`data/${file}`);
    const changes: Change[] = file.endsWith(".csv")
      ? csvChanges(text)
      : jsonlChanges(text);
    if (port === "blocks") assertChained(changes, file);
    assertSameRows(netRows(port, changes), expectedRows(port, rows), file);
  }
  for (const [port] of tables) {
    const { code, stderr, stdout } = await workplace.run(
      ...["query", "spec.yaml", "--format", "json"],
      `SELECT ${columnsOf(port).join(", ")} FROM ${port}`,
    );
    assert.equal(code, 0, stderr);
    const stored = stdout.trim().split("\n")
      .map((line) => textOf(port, JSON.parse(line))).sort();
    assertSameRows(stored, expectedRows(port, rows), `table ${port}`);
  }
}
