/**
 * Chains that many people have: how fast they make blocks, and when a block of
 * theirs was made.
 *
 * @module
 */

/**
 * A block of a public chain that is so old stays for ever, ms: Ethereum ejects
 * within that time whoever keeps it from being final.
 */
export const SETTLED_MS = 40 * 86_400_000;

/** What is known of a chain. */
interface PublicChain {
  /** Seconds between two blocks. */
  readonly slot: number;
  /** A block, its time in seconds since 1970, and how far apart others are. */
  readonly known?: {
    readonly number: number;
    readonly time: number;
    readonly pace: number;
  };
}

// Ethereum's slots, and what OP Stack chains, Polygon PoS and Gnosis have
// configured. Blocks: Ethereum's of February 2026, since when one slot in 150
// has stayed empty as in the two years before; OP Mainnet's first of Bedrock
// and Base's first, which leave no slot empty.
const chains: Readonly<Record<number, PublicChain>> = {
  1: {
    slot: 12,
    known: { number: 24_476_000, time: 1_771_324_655, pace: 12.08 },
  },
  10: {
    slot: 2,
    known: { number: 105_235_063, time: 1_686_068_903, pace: 2 },
  },
  100: { slot: 5 },
  137: { slot: 2 },
  8453: { slot: 2, known: { number: 0, time: 1_686_789_347, pace: 2 } },
  17000: { slot: 12 },
  560048: { slot: 12 },
  11155111: { slot: 12 },
};

const DAY_S = 86_400;

/** Blocks that a chain makes in a day, where that is known. */
export function blocksPerDay(chainId: number | undefined): number | undefined {
  const slot = chains[chainId ?? -1]?.slot;
  return slot && DAY_S / slot;
}

/** Whether a chain is one that many people have, with real time. */
export function isPublic(chainId: number | undefined): boolean {
  return chains[chainId ?? -1] !== undefined;
}

/**
 * Whether a block stays for ever, as its number tells: within a few days, and
 * false where nobody knows.
 */
export function isSettled(
  chainId: number | undefined,
  { now, number }: { readonly number: number; readonly now: number },
): boolean {
  const known = chains[chainId ?? -1]?.known;
  if (known === undefined) return false;
  const time = known.time + (number - known.number) * known.pace;
  return now - 1000 * time >= SETTLED_MS;
}
