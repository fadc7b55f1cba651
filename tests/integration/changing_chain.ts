/**
 * Random changes of a simulated chain in another process.
 *
 * @module
 */
import type { Reorg } from "../fixtures/simulated/chain.ts";
import type { Order } from "../fixtures/simulated/control.ts";
import type { Dice } from "../fixtures/simulated/dice.ts";
import type { SimulatedProcess } from "../fixtures/simulated/process.ts";

/** The deepest reorg: what is finalized stays. */
const deepest = 64;

/** How a chain changes. */
export interface ChangeOptions {
  /** Blocks that a change adds on average. */
  readonly growth: number;
  /** Number of the last block that there may be. */
  readonly most: number;
}

/** A chain that grows, forks, flips back and loses blocks. */
export class ChangingChain {
  /** How often it has forked, and how deep at most. */
  reorgs = 0;
  deepest = 0;
  readonly #node: SimulatedProcess;
  readonly #dice: Dice;
  readonly #options: ChangeOptions;
  #abandoned: string | undefined;

  constructor(node: SimulatedProcess, dice: Dice, options: ChangeOptions) {
    this.#node = node;
    this.#dice = dice;
    this.#options = options;
  }

  /** Make one random change. */
  async change(): Promise<void> {
    const dice = this.#dice;
    const { growth, most } = this.#options;
    const { finalized, head } = await this.#node.control([]);
    const kind = dice.weigh({ extend: 6, reorg: 5, truncate: 1, flip: 1 });
    if (kind === "flip" && this.#abandoned !== undefined) {
      // It may be below what is final by now: then it stays where it is.
      await this.#fork({ revive: this.#abandoned as `0x${string}` })
        .catch(() => {});
      return;
    }
    if (kind === "truncate") {
      const count = Math.min(1 + dice.below(3), head - finalized);
      await this.#node.control({ truncate: count });
      return;
    }
    if (kind === "reorg") {
      const wanted = 1 + dice.below(dice.chance(0.7) ? 4 : deepest);
      const depth = Math.min(wanted, head - finalized);
      const length = Math.max(0, depth - 1 + dice.below(4));
      await this.#fork({
        reorg: { depth, length: Math.min(length, most - head + depth) },
      });
      return;
    }
    const count = Math.min(1 + dice.below(2 * growth), most - head);
    await this.#node.control({ extend: count });
  }

  /** Let it grow to its last block. */
  async finish(): Promise<void> {
    const { head } = await this.#node.control([]);
    await this.#node.control({ extend: this.#options.most - head });
  }

  async #fork(order: Order): Promise<void> {
    const { results: [result] } = await this.#node.control(order);
    const { abandoned } = result as Reorg;
    if (abandoned.length === 0) return;
    this.#abandoned = abandoned[0]?.hash;
    this.reorgs++;
    this.deepest = Math.max(this.deepest, abandoned.length);
  }
}
