/**
 * How many blocks the next `eth_getLogs` asks for: what comes back decides.
 *
 * @module
 */
import type { LogLimits } from "./log_limits.ts";

/** Nothing is known yet: enough to learn from, little enough for every node. */
export const FIRST_BLOCKS = 100;

/**
 * Blocks of a range of which every block is fetched: they are held in memory
 * together.
 */
export const MOST_WHOLE_BLOCKS = 50;

// The most that many providers take where they name no limit.
const MOST_BLOCKS = 10_000;

// An answer that is larger gains nothing and has to be parsed in one piece.
const BEST_BYTES = 6 * 1024 ** 2;

// How much of a limit of results is aimed at: blocks differ.
const MARGIN = 0.7;

// One quiet range says little about the next.
const GROWTH = 4;

// Weight of the newest answer.
const LEARNING = 0.5;

/** What an answer has brought. */
export interface RangeYield {
  readonly blocks: number;
  readonly logs: number;
  readonly bytes: number;
}

/** Sizes ranges of one question. */
export class RangeSize {
  #blocks = FIRST_BLOCKS;
  #logs = 0;
  #bytes = 0;
  #known = false;

  /** Whether an answer has told how much there is in a block. */
  get isKnown(): boolean {
    return this.#known;
  }

  /** Blocks that the next question should cover under these limits. */
  next({ range = MOST_BLOCKS, results = Infinity }: LogLimits): number {
    const fitting = Math.min(
      this.#blocks,
      range,
      MARGIN * results / this.#logs,
      BEST_BYTES / this.#bytes,
    );
    return Math.max(1, Math.floor(fitting));
  }

  /** Take note of an answer. */
  observe({ blocks, bytes, logs }: RangeYield): void {
    const weight = this.#known ? LEARNING : 1;
    this.#logs += weight * (logs / blocks - this.#logs);
    this.#bytes += weight * (bytes / blocks - this.#bytes);
    this.#known = true;
    if (blocks * 2 >= this.#blocks) {
      this.#blocks = Math.min(MOST_BLOCKS, this.#blocks * GROWTH);
    }
  }

  /** Take note of a question that was too large. */
  shrink(blocks: number): void {
    this.#blocks = Math.max(1, Math.min(this.#blocks, blocks));
  }
}
