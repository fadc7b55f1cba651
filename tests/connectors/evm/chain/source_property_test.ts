import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type Clock,
  type OpenSource,
  RetryableError,
  type SourceUnit,
} from "../../../../runtime/component.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { perform, scenarios } from "../../../fixtures/simulated/scenario.ts";
import { troubles } from "../../../fixtures/simulated/trouble.ts";
import { openConnection, openSource } from "./open_chain.ts";

// Pauses of a second, as after a refusal, then take no second of the test.
const SPEED = 25;

const fast: Clock = {
  now: () => performance.timeOrigin + performance.now() * SPEED,
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms / SPEED);
      signal?.addEventListener("abort", stop, { once: true });
    });
  },
};

/** A reader as the runtime is one: what it holds is what it was told. */
class Follower {
  readonly units: SourceUnit[] = [];
  readonly #source: OpenSource;

  constructor(source: OpenSource) {
    this.#source = source;
  }

  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (await this.#read(signal)) await this.#rewind();
      } catch (error) {
        if (!(error instanceof RetryableError)) throw error;
        await fast.sleep(200);
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
      if (unit === "fork" || (tip && unit.parent !== tip.id)) return true;
      assert.equal(unit.number, units.length, "no gap and nothing twice");
      units.push(unit);
    }
    return false;
  }

  async #rewind(): Promise<void> {
    for (;;) {
      const tip = this.units.at(-1);
      if (tip === undefined) return;
      const id = await this.#source.identify!(tip.number);
      if (id === tip.id) return;
      this.units.pop();
    }
  }
}

Deno.test("evm.chain ends up with the canonical chain whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 1000 }),
      scenarios({ maxOperations: 14, maxDepth: 12 }),
      troubles({ maxRules: 5, maxTimes: 3 }),
      fc.nat({ max: 2 }),
      fc.constantFrom(1, 2),
      async (seed, operations, rules, lag, batch) => {
        const chain = new SimulatedChain({ seed, transactionsPerBlock: 2 })
          .extend(6);
        await using a = await SimulatedNode.start(chain, { seed });
        await using b = await SimulatedNode.start(chain, { seed, lag });
        for (const [index, rule] of rules.entries()) {
          (index % 2 === 0 ? a : b).fail(rule);
        }
        const context = openContext({ name: "eth", clock: fast });
        const client = await openConnection({
          missing_timeout: "15s",
          endpoints: [
            { name: "b", url: b.url, batch },
            { name: "a", url: a.url, batch, in_flight: 3 },
          ],
        }, context);
        const source = await openSource(client, {
          written: { poll: "250ms" },
          context: { clock: fast },
        });
        const controller = new AbortController();
        const follower = new Follower(source);
        const following = follower.follow(controller.signal);
        let failed = false;
        following.catch(() => {
          failed = true;
        });
        for (const operation of operations) {
          const rounds = operation.do === "pause" ? operation.rounds : 1;
          perform(chain, operation);
          await fast.sleep(100 * rounds);
        }
        const done = () =>
          follower.units.length === chain.head + 1 &&
          follower.units.at(-1)?.id === chain.latest.block.hash;
        const end = performance.now() + 15_000;
        while (!done() && !failed && performance.now() < end) {
          await fast.sleep(100);
        }
        controller.abort();
        await following;
        assert.deepEqual(
          follower.units.map(({ id }) => id),
          [...chain.blocks()].map(({ block }) => block.hash),
        );
        const logs = follower.units.flatMap(({ rows }) => rows["logs"] ?? []);
        const expected = [...chain.blocks()].flatMap(({ receipts }) =>
          receipts.flatMap(({ logs }) => logs)
        );
        assert.deepEqual(
          logs.map((row) => [row["block_hash"], row["log_index"]]),
          expected.map((log) => [log.blockHash, Number(log.logIndex)]),
        );
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
});
