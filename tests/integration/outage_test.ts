/**
 * A store that is away for a while costs time and nothing else: memory stays
 * bounded, nothing is lost, and the log says so once.
 *
 * `SLUICE_OUTAGE_SECONDS` is how long, `SLUICE_OUTAGE_BLOCKS` how much there is
 * to do; a release is proved with 60 and 600.
 *
 * @module
 */
import assert from "node:assert/strict";
import { SimulatedProcess } from "../fixtures/simulated/process.ts";
import { javaTest, uniqueName } from "../services/mod.ts";
import { figure } from "./figure.ts";
import { peakOf, type Program, Workplace } from "./program.ts";
import { storeNames, Stores } from "./stores.ts";
import { checkStores, storesSpec } from "./stores_pipeline.ts";

const seconds = Number(Deno.env.get("SLUICE_OUTAGE_SECONDS") ?? 3);

const blocks = Number(Deno.env.get("SLUICE_OUTAGE_BLOCKS") ?? 80);

/** The server falls when so many calls have been made. */
const callsBefore = 50;

/** What a sink may hold more while it cannot write, MiB. */
const mostMore = 100;

/** One of them, whichever, is enough for a run of the suite. */
const servers = Deno.env.has("SLUICE_OUTAGE_SECONDS")
  ? storeNames
  : [storeNames[Math.floor(Math.random() * storeNames.length)] ?? "kafka"];

javaTest(
  `sluice waits for ${servers.join(", ")}, away for ${seconds} s`,
  async () => {
    await using stores = await Stores.start(servers);
    await using node = await SimulatedProcess.start([
      ...["--seed", "5", "--blocks", String(blocks), "--transactions", "30"],
    ]);
    const truth = (await node.truth({ from: 1 })).rows;
    const run = async (
      prefix: string,
      trouble: (program: Program) => Promise<void>,
    ) => {
      const name = uniqueName(prefix);
      await using workplace = await Workplace.make(
        storesSpec(node.url, name),
        stores.env,
      );
      const program = workplace.start(
        "run",
        "spec.yaml",
        "--to",
        String(blocks),
      );
      const peak = peakOf(program);
      await trouble(program);
      const { code, stderr } = await program.ended();
      assert.equal(code, 0, stderr);
      await checkStores(stores, { name, truth });
      return { peak: await peak, stderr };
    };
    const calm = await run("calm", () => Promise.resolve());
    for (const server of servers) {
      const { peak, stderr } = await run(
        `without_${server}`,
        async (program) => {
          const { calls } = await node.stats();
          while ((await node.stats()).calls < calls + callsBefore) {
            assert(!program.over, program.stderr);
            await delay(5);
          }
          await stores.own(server).kill();
          await delay(1000 * seconds);
          assert(!program.over, program.stderr);
          await stores.own(server).start();
        },
      );
      figure(
        `${server} away for ${seconds} s: ${peak.toFixed()} MiB at most, ` +
          `${calm.peak.toFixed()} MiB without`,
      );
      assert(peak < calm.peak + mostMore, `${peak} MiB, ${calm.peak} before`);
      checkLog(stderr);
    }
  },
);

/** Each sink of the store says once that it fails, and once that it works. */
function checkLog(stderr: string): void {
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const said = (message: string) =>
    lines.filter((line) => line.message === message).map(({ sink }) => sink);
  const failed = said("Write failed, tries again");
  assert.ok(failed.length > 0, stderr);
  assert.deepEqual(said("Writes again").sort(), failed.toSorted());
  assert.equal(new Set(failed).size, failed.length, stderr);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
