/**
 * A simulated node that limits its keys, and a pipeline that reads it through
 * them: all blocks with receipts, unless a test says otherwise.
 *
 * @module
 */
import type { Clock } from "../../runtime/component.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import type { Limits } from "../fixtures/simulated/limiter.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { LivePipeline } from "./live_pipeline.ts";
import { quickClock } from "./quick_clock.ts";

// The longest of these ranges takes ten seconds of the machine's time.
const PATIENCE_MS = 60_000;

// Blocks behind the last one that is read: nobody waits for the head.
const BEHIND = 100;

/**
 * Endpoints by their key, which is their name: the rest of their line in the
 * spec, and what the node holds them to.
 */
export type Endpoints = Readonly<
  Record<string, readonly [line: string, limits: Limits]>
>;

/** What there is to read, and through what. */
export interface LimitedChainOptions {
  readonly endpoints: Endpoints;
  /** Blocks that will be read, from the first on. */
  readonly blocks: number;
  /** How much faster the clock runs, of the pipeline and the node's limits. */
  readonly speed: number;
  /** What it shows at first, milliseconds since 1970; default: the time. */
  readonly start?: number;
  /** Id of the chain, which the spec says as well; default: nobody's. */
  readonly chainId?: number;
  /** Time of block 0, seconds since 1970, and between blocks. */
  readonly time?: { readonly start: number; readonly slot: number };
  /** Whether runs share their budgets, in a file. */
  readonly ledger?: boolean;
  /** Lines of the spec behind its connection; default: see above. */
  readonly stages?: readonly string[];
}

/** What is read as a rule: sinks `blocks` and `transactions`. */
const blocksWithReceipts = [
  "sources:",
  "  chain: { type: evm.chain, connection: eth, start: 1 }",
  "sinks:",
  "  blocks: { type: memory, from: chain.blocks }",
  "  transactions: { type: memory, from: chain.transactions }",
];

/** A node and a pipeline; its sinks are in memory. */
export interface LimitedChain extends AsyncDisposable {
  readonly node: SimulatedNode;
  readonly pipeline: LivePipeline;
  readonly clock: Clock;
  /**
   * Read up to a block.
   *
   * @throws {Error} It takes so long that it must wait for another day: a busy
   * machine has let the one go by that was meant.
   */
  read(to: number): Promise<void>;
}

/** Start the node and make the pipeline. */
export async function limitedChain(
  options: LimitedChainOptions,
): Promise<LimitedChain> {
  const { blocks, endpoints, stages = blocksWithReceipts } = options;
  const { chainId, ledger = false, speed, start, time } = options;
  await using made = new AsyncDisposableStack();
  const chain = new SimulatedChain({
    seed: 3,
    transactionsPerBlock: 6,
    ...chainId === undefined ? {} : { chainId },
    ...time && { startTime: time.start, slotSeconds: time.slot },
  });
  chain.extend(blocks + BEHIND);
  // What comes before takes the machine's time, not that of the test.
  const clock = quickClock(speed, start);
  const node = made.use(
    await SimulatedNode.start(chain, {
      keys: Object.fromEntries(
        Object.entries(endpoints).map(([key, [, limits]]) => [key, limits]),
      ),
      now: clock.now,
    }),
  );
  const yaml = [
    "name: limited",
    "connections:",
    "  eth:",
    "    type: evm",
    ...chainId === undefined ? [] : [`    chain_id: ${chainId}`],
    "    endpoints:",
    ...Object.entries(endpoints).map(([key, [line]]) =>
      `      - { name: ${key}, url: "${node.url}/${key}", ${line} }`
    ),
    ...stages,
  ].join("\n");
  const pipeline = made.use(await LivePipeline.make(yaml, clock, { ledger }));
  const kept = made.move();
  return {
    node,
    pipeline,
    clock,
    async read(to) {
      const run = pipeline.start({ to });
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        run.drain();
      }, PATIENCE_MS);
      await run.done.finally(() => clearTimeout(timer));
      if (isLate) throw new Error(`Block ${to} takes too long`);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
