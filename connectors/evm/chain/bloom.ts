/**
 * The logs bloom of a block: which addresses and topics its logs may have
 * (yellow paper, section 4.3.1).
 *
 * @module
 */
import { bytes } from "../hex.ts";
import { keccak256 } from "../keccak.ts";

const BLOOM_BYTES = 256;

// Addresses and topics repeat from block to block, and hashing is what a
// bloom costs; forgetting all at the limit keeps a long run small.
const MOST_KNOWN = 20_000;

/** Where the three bits of an item are: character of the hex, and its bit. */
type Places = readonly (readonly [at: number, bit: number])[];

const known = new Map<string, Places>();

/**
 * Whether a block with this bloom may have a log with this address or topic.
 *
 * @param bloom 256 bytes of hex.
 * @param item Lowercase hex.
 */
export function mayHold(bloom: string, item: string): boolean {
  return placesOf(item).every(([at, bit]) =>
    (parseInt(bloom.charAt(at), 16) & bit) !== 0
  );
}

/** Whether it is a bloom that has something in it. */
export function isFilled(bloom: unknown): bloom is string {
  return typeof bloom === "string" && bloom.length === 2 + 2 * BLOOM_BYTES &&
    /[1-9a-f]/i.test(bloom.slice(2));
}

/** The bloom of some addresses and topics, as a block has it. */
export function bloomOf(items: Iterable<string>): string {
  const digits = new Uint8Array(2 * BLOOM_BYTES);
  for (const item of new Set(items)) {
    for (const [at, bit] of placesOf(item)) {
      digits[at - 2] = (digits[at - 2] ?? 0) | bit;
    }
  }
  return `0x${Array.from(digits, (digit) => digit.toString(16)).join("")}`;
}

function placesOf(item: string): Places {
  const found = known.get(item);
  if (found !== undefined) return found;
  const digits = bytes(item, "address or topic").slice(2);
  const hash = keccak256(Uint8Array.fromHex(digits));
  const places = [2, 6, 10].map((start) => {
    const bit = parseInt(hash.slice(start, start + 4), 16) & 2047;
    // The lowest bit is the last of the text.
    return [1 + 2 * BLOOM_BYTES - (bit >> 2), 1 << (bit & 3)] as const;
  });
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(item, places);
  return places;
}
