import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type OpenSource,
  RetryableError,
  type Row,
  type SourceUnit,
} from "../../../../runtime/component.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { perform, scenarios } from "../../../fixtures/simulated/scenario.ts";
import { until } from "../../../fixtures/until.ts";
import { openConnection, openSource, type Written } from "./open_chain.ts";

/** A reader as the runtime is one: what it holds is what it was told. */
class Follower {
  readonly units: SourceUnit[] = [];
  readonly #source: OpenSource;

  constructor(source: OpenSource) {
    this.#source = source;
  }

  get rows(): Row[] {
    return this.units.flatMap(({ rows }) => [...rows["logs"] ?? []]);
  }

  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (await this.#read(signal)) await this.#rewind();
      } catch (error) {
        if (!(error instanceof RetryableError)) throw error;
      }
    }
  }

  /** Read on; true when the last unit is no longer canonical. */
  async #read(signal: AbortSignal): Promise<boolean> {
    const { units } = this;
    const after = units.at(-1);
    const reading = this.#source.read({
      after,
      from: 0,
      to: undefined,
      signal,
      onHead() {},
    });
    for await (const unit of reading) {
      const tip = units.at(-1);
      if (unit === "fork") return true;
      const known = tip && tip.id !== "" && unit.parent !== undefined;
      if (known && unit.parent !== tip.id) return true;
      assert.equal(unit.number, units.length, "no gap and nothing twice");
      assert.ok(unit.id !== "" || unit.final, "only final units lack an id");
      units.push(unit);
    }
    return false;
  }

  async #rewind(): Promise<void> {
    for (;;) {
      const tip = this.units.at(-1);
      if (tip === undefined || tip.id === "") return;
      if (await this.#source.identify!(tip.number) === tip.id) return;
      assert.ok(!tip.final, "what is final stays");
      this.units.pop();
    }
  }
}

/** What of a chain's logs is wanted, as a spec would write it. */
function wanted(chain: SimulatedChain, pick: number, by: string): Written {
  const logs = [...chain.blocks()].flatMap(({ receipts }) =>
    receipts.flatMap(({ logs }) => logs)
  );
  const at = (index: number) => logs[(pick * 7 + index * 31) % logs.length]!;
  const addresses = [at(0).address, at(1).address];
  const topics = [at(0), at(2)].flatMap(({ topics }) => topics.slice(0, 1));
  const topic0 = topics.length > 0 ? { topic0: topics } : {};
  switch (by) {
    case "address":
      return { address: addresses };
    case "topic0":
      return topic0;
    case "anywhere":
      return topics.length > 0 ? { topics } : {};
    case "either":
      return { any: [{ address: addresses[0] }, topic0] };
    default:
      return { address: addresses, ...topic0 };
  }
}

Deno.test("evm.chain finds by push-down what whole blocks hold, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat({ max: 1000 }),
        length: fc.integer({ min: 4, max: 160 }),
        pick: fc.nat({ max: 100 }),
        by: fc.constantFrom("address", "topic0", "anywhere", "either", "both"),
        maxRange: fc.option(fc.integer({ min: 1, max: 60 }), {
          nil: undefined,
        }),
        maxLogs: fc.option(fc.integer({ min: 8, max: 60 }), { nil: undefined }),
        finalizedDepth: fc.integer({ min: 2, max: 30 }),
        logTimes: fc.boolean(),
        batch: fc.constantFrom(1, 5),
      }),
      scenarios({ maxOperations: 8, maxDepth: 12 }),
      async (given, operations) => {
        const { finalizedDepth, length, seed } = given;
        const chain = new SimulatedChain({
          seed,
          finalizedDepth,
          transactionsPerBlock: 2,
        }).extend(length);
        await using node = await SimulatedNode.start(chain, {
          seed,
          logTimes: given.logTimes,
        });
        // No provider refuses the logs of a single block.
        const { maxLogs, maxRange } = given;
        node.limit({
          ...maxRange === undefined ? {} : { maxRange },
          ...maxLogs === undefined ? {} : { maxLogs },
        });
        const where = { logs: wanted(chain, given.pick, given.by) };
        const open = async (own: Written) => {
          const client = await openConnection(
            { url: node.url, batch: given.batch, ...own },
            openContext({ name: "eth" }),
          );
          return new Follower(
            await openSource(client, {
              uses: { logs: "all" },
              written: { poll: "5ms", where },
            }),
          );
        };
        const [pushed, whole] = await Promise.all([
          open({}),
          open({ lacks: ["eth_getLogs"] }),
        ]);
        const controller = new AbortController();
        const running = [pushed, whole].map((one) =>
          one.follow(controller.signal)
        );
        let failure: unknown;
        for (const one of running) {
          one.catch((error) => failure = error);
        }
        const done = () =>
          failure !== undefined ||
          [pushed, whole].every(({ units }) =>
            units.length === chain.head + 1 &&
            units.at(-1)?.id === chain.latest.block.hash
          );
        await until(done, "both have read the chain");
        const { byMethod } = node.stats();
        for (const operation of operations) {
          perform(chain, operation);
          if (operation.do === "pause") {
            await until(done, "both have read the chain");
          }
        }
        await until(done, "both have read the chain");
        controller.abort();
        await Promise.all(running);
        assert.deepEqual(pushed.rows, whole.rows);
        assert.equal(
          new Set(
            pushed.rows.map((row) =>
              `${row["block_number"]} ${row["log_index"]}`
            ),
          ).size,
          pushed.rows.length,
        );
        // History: pieces of what the limits allow, some in vain.
        const blocks = length + 1;
        const places = given.by === "anywhere" ? 4 : 2;
        const pieces = Math.ceil(blocks / Math.min(maxRange ?? 100, 100)) +
          (maxLogs ? 4 * Math.ceil(pushed.rows.length / maxLogs) : 0);
        const asked = byMethod["eth_getLogs"] ?? 0;
        const near = Math.min(blocks, finalizedDepth + 1) * places;
        assert.ok(
          asked <= places * (2 * pieces + 12) + near,
          `${asked} calls for ${pieces} pieces and ${near} near the head`,
        );
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});
