/**
 * Random choices that are the same on every machine.
 *
 * @module
 */

/** A seeded generator: mulberry32, 32 bits of state, integers only. */
export class Random {
  #state: number;

  /** Start the sequence that belongs to a seed. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 up to, not including, the limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** A whole number between two others, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** Yes, in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const element = list[this.below(list.length)];
    if (element === undefined) throw new RangeError("Nothing to pick from");
    return element;
  }

  /** One element, each as likely as its weight says. */
  weighted<T extends { readonly weight: number }>(list: readonly T[]): T {
    const total = list.reduce((sum, element) => sum + element.weight, 0);
    let rest = this.below(total);
    for (const element of list) {
      if (rest < element.weight) return element;
      rest -= element.weight;
    }
    throw new RangeError("Nothing to pick from");
  }

  /** Three digits and a power of ten between two others: 1 to 999e`high`. */
  amount(low: number, high: number): bigint {
    const power = BigInt(this.between(low, high));
    return BigInt(this.between(1, 999)) * 10n ** power;
  }

  /** That many bytes, as hex. */
  bytes(length: number): `0x${string}` {
    let hex = "0x";
    for (let index = 0; index < length; index++) {
      hex += this.below(256).toString(16).padStart(2, "0");
    }
    return hex as `0x${string}`;
  }
}
