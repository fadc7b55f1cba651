/**
 * When the next block is due: polls that find one, and few that do not.
 *
 * @module
 */

// Before the second block nothing is known about the chain.
const FIRST_INTERVAL_MS = 1000;

// Arbitrum makes four blocks a second; nothing is gained below this.
const SHORTEST_MS = 100;

// A chain may stand still for long, and then go on at any moment.
const LONGEST_MS = 12_000;
const LONGEST_RETRY_MS = 4000;

// After a block was found at the first poll, ask this share of the slot
// earlier: the block may have been there for a while. Simulated over mainnet's
// slots this makes 1.7 polls a block, half a second late; 0.04 makes 2.1.
const EARLIER = 0.01;

// After a poll in vain, ask again after this share of the slot, then slower.
const RETRY = 1 / 12;
const RETRY_GROWTH = 1.25;

// Processes that started together should not ask together.
const JITTER = 0.02;

/** Predicts when to ask for the head. */
export class Cadence {
  readonly #interval: number | undefined;
  #slot: number | undefined;
  #foundAt = -Infinity;
  #askedAt = -Infinity;
  #number = -Infinity;
  #timestamp = 0;
  #misses = 0;

  /** @param interval Ask this often, ms; undefined: when a block is due. */
  constructor(interval?: number) {
    this.#interval = interval;
  }

  /** Milliseconds between two blocks, as far as is known. */
  get slot(): number {
    return this.#slot ?? this.#interval ?? FIRST_INTERVAL_MS;
  }

  /** Take note of what a poll has shown; `timestamp` in milliseconds. */
  observe(head: { number: number; timestamp: number }, now: number): void {
    const blocks = head.number - this.#number;
    this.#askedAt = now;
    if (blocks <= 0) {
      this.#misses++;
      return;
    }
    if (blocks < Infinity) {
      const seen = (now - this.#foundAt) / blocks;
      const stamped = (head.timestamp - this.#timestamp) / blocks;
      this.#learn(
        this.#slot === undefined && stamped > 0
          ? Math.min(seen, stamped)
          : seen,
      );
    }
    this.#misses = 0;
    this.#foundAt = now;
    this.#number = head.number;
    this.#timestamp = head.timestamp;
  }

  /** When to ask next; in the past: now. */
  due(): number {
    const wait = this.#wait();
    return this.#askedAt + wait * (1 + (Math.random() - 0.5) * JITTER);
  }

  #wait(): number {
    if (this.#interval !== undefined) return this.#interval;
    if (this.#slot === undefined) return FIRST_INTERVAL_MS;
    if (this.#misses === 0) {
      return clamp(this.#slot * (1 - EARLIER), LONGEST_MS);
    }
    const retry = this.#slot * RETRY * RETRY_GROWTH ** (this.#misses - 1);
    return clamp(retry, LONGEST_RETRY_MS);
  }

  /** A slot can be missed, which says nothing; it cannot be early. */
  #learn(sample: number): void {
    const slot = this.#slot ?? sample;
    this.#slot = slot + (sample - slot) * (sample < slot ? 0.5 : 0.05);
  }
}

function clamp(wait: number, longest: number): number {
  return Math.min(longest, Math.max(SHORTEST_MS, wait));
}
