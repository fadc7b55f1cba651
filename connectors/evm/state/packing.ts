/**
 * How many calls share one request.
 *
 * @module
 */

/** What a call takes of a request. */
export interface Weight {
  readonly gas: number;
  /** Length of its text in the request and, as a guess, in the answer. */
  readonly bytes: number;
}

/**
 * Put neighbours together while their sums stay within the limit; a call that
 * alone is above it goes alone. The order stays.
 */
export function pack<T>(
  items: readonly T[],
  { limit, weigh }: {
    readonly limit: Weight;
    readonly weigh: (item: T) => Weight;
  },
): T[][] {
  const parts: T[][] = [];
  let [gas, bytes] = [Infinity, Infinity];
  for (const item of items) {
    const weight = weigh(item);
    gas += weight.gas;
    bytes += weight.bytes;
    const last = parts.at(-1);
    if (last && gas <= limit.gas && bytes <= limit.bytes) {
      last.push(item);
    } else {
      parts.push([item]);
      ({ bytes, gas } = weight);
    }
  }
  return parts;
}

/** The two halves of what was too much together. */
export function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

// What was refused once is not asked for again, nor nearly as much.
const CEILING = 0.9;

const GROWTH = 1.02;

const LEAST_SUSPECTED = 1 / 32;

/**
 * The share of a limit that has proved to be possible: half of what was
 * refused, grown again a little by each success, but never up to there.
 */
export class Allowance {
  readonly #limit: Weight;
  #share = 1;
  #ceiling = 1;

  constructor(limit: Weight) {
    this.#limit = limit;
  }

  /** What a request may take now. */
  get limit(): Weight {
    const { bytes, gas } = this.#limit;
    return { gas: gas * this.#share, bytes: bytes * this.#share };
  }

  /** A request that took this was too large. */
  refuse({ bytes, gas }: Weight): void {
    const taken = Math.max(gas / this.#limit.gas, bytes / this.#limit.bytes);
    // Several requests of one size fail together: that is one finding.
    this.#share = Math.min(this.#share, taken / 2);
    this.#ceiling = Math.min(this.#ceiling, taken * CEILING);
  }

  /** A request that took this was not answered in time, or never came. */
  suspect({ bytes, gas }: Weight): void {
    const taken = Math.max(gas / this.#limit.gas, bytes / this.#limit.bytes);
    // An outage says nothing about sizes: it must not end in single reads.
    const share = Math.max(taken / 2, LEAST_SUSPECTED);
    this.#share = Math.min(this.#share, share);
  }

  /** A request was answered. */
  accept(): void {
    this.#share = Math.min(this.#ceiling, this.#share * GROWTH);
  }
}
