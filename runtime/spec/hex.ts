/**
 * Hex literals: addresses, hashes and bytes.
 *
 * @module
 */
import type { Place } from "./field.ts";
import { shown } from "./members.ts";

/** Hex digits of the types that have a fixed length. */
const digits = { address: 40, hash: 64 } as const;

const nouns = {
  address: "an address",
  hash: "a hash",
  bytes: "bytes",
} as const;

/** Read an address or a hash, lowercased. */
export function readAddress(
  value: unknown,
  type: "address" | "hash",
  place: Place,
): string | undefined {
  const count = digits[type];
  const hint = `${nouns[type]} is 0x and ${count} hex digits, in quotes`;
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]*$/.test(value)) {
    return place.report(
      `Expected ${nouns[type]}, found ${shown(value)}`,
      hint,
    );
  }
  if (value.length === count + 2) return value.toLowerCase();
  return place.report(
    `Expected ${nouns[type]}, found ${value.length - 2} hex digits`,
    hint,
  );
}

/** Read hex of any whole number of bytes, lowercased. */
export function readHex(
  value: unknown,
  type: keyof typeof nouns,
  place: Place,
): string | undefined {
  const isHex = typeof value === "string" && /^0x[0-9a-fA-F]*$/.test(value);
  if (!isHex) {
    return place.report(
      `Expected ${nouns[type]}, found ${shown(value)}`,
      'write hex like "0x6080", in quotes',
    );
  }
  if (value.length % 2 === 0) return value.toLowerCase();
  return place.report(
    `Expected ${nouns[type]}, found an odd number of hex digits`,
    "two digits make a byte",
  );
}

/** Read the beginning of a hex value: any number of digits. */
export function readHexPrefix(
  value: unknown,
  place: Place,
): string | undefined {
  if (typeof value === "string" && /^0x[0-9a-fA-F]*$/.test(value)) {
    return value.toLowerCase();
  }
  return place.report(
    `Expected the beginning of a hex value, found ${shown(value)}`,
    'write it like "0xa9059cbb", in quotes',
  );
}
