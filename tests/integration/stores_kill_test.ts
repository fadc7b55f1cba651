/**
 * Nothing is lost and nothing is doubled in Kafka, Cassandra and ClickHouse
 * when the program is killed with SIGKILL again and again, and the broker with
 * it now and then, while the chain grows and reorganises itself.
 *
 * `SLUICE_KILLS` is the number of kills, `SLUICE_SEED` repeats a run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Dice } from "../fixtures/simulated/dice.ts";
import { SimulatedProcess } from "../fixtures/simulated/process.ts";
import { javaTest } from "../services/mod.ts";
import { ChangingChain } from "./changing_chain.ts";
import { figure } from "./figure.ts";
import { type Program, Workplace } from "./program.ts";
import { Stores } from "./stores.ts";
import { checkStores, storesSpec } from "./stores_pipeline.ts";

/** Enough for every run of the suite; a release is proved with 50. */
const kills = Number(Deno.env.get("SLUICE_KILLS") ?? 3);

/** The broker is killed at every tenth of them, at least once. */
const brokerKills = Math.max(1, Math.round(kills / 10));

const seed = Number(
  Deno.env.get("SLUICE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0],
);

const firstBlocks = 100;
const lastBlocks = 500;

/** A run that does nothing for so long, ms, is killed all the same. */
const patience = 15_000;

javaTest(
  `sluice loses and doubles nothing in three stores when it is killed ${kills} times, seed ${seed}`,
  async () => {
    const began = performance.now();
    const dice = new Dice(seed);
    await using stores = await Stores.start(["kafka"]);
    await using node = await SimulatedProcess.start([
      ...["--seed", String(seed), "--blocks", String(firstBlocks)],
      ...["--transactions", "3", "--latency", "1"],
    ]);
    await using workplace = await Workplace.make(
      storesSpec(node.url, "killed"),
      stores.env,
    );
    const chain = new ChangingChain(node, dice, {
      growth: Math.ceil((lastBlocks - firstBlocks) / kills),
      most: lastBlocks,
    });
    const every = Math.ceil(kills / brokerKills);
    for (let kill = 1; kill <= kills; kill++) {
      await using program = workplace.start("run", "spec.yaml");
      await pass(program, { chain, dice, node });
      assert(!program.over, `It ended by itself: ${program.stderr}`);
      if (kill % every === 0) {
        await stores.own("kafka").kill();
        // It may be in the middle of a retry when it falls itself.
        await delay(dice.below(1500));
        await stores.own("kafka").start();
        await pass(program, { chain, dice, node });
        assert(!program.over, `It ended by itself: ${program.stderr}`);
      }
      program.kill("SIGKILL");
      await program.ended();
      if (dice.chance(0.5)) await chain.change();
    }
    await chain.finish();
    const truth = await node.truth({ from: 1 });
    const args = ["run", "spec.yaml", "--to", String(truth.head)];
    for (const what of ["rest", "nothing"]) {
      const { code, stderr } = await workplace.run(...args);
      assert.equal(code, 0, `${what}: ${stderr}`);
    }
    const { records, rows } = await checkStores(stores, {
      name: "killed",
      truth: truth.rows,
    });
    const seconds = Math.round((performance.now() - began) / 1000);
    figure(
      `${kills} kills, ${brokerKills} of the broker, ${chain.reorgs} reorgs up ` +
        `to ${chain.deepest} deep, ${rows} rows in each store, ${records} ` +
        `records, ${seconds} s`,
    );
  },
);

/** Let a random time pass, in which calls are made. */
async function pass(
  program: Program,
  { chain, dice, node }: {
    readonly chain: ChangingChain;
    readonly dice: Dice;
    readonly node: SimulatedProcess;
  },
): Promise<void> {
  const started = performance.now();
  const { calls } = await node.stats();
  const wanted = calls + 1 + dice.below(150);
  const wait = dice.below(2500);
  while (!program.over) {
    const passed = performance.now() - started;
    if (passed > patience) return;
    if (passed > wait && (await node.stats()).calls >= wanted) return;
    if (dice.chance(0.02)) await chain.change();
    await delay(5);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
