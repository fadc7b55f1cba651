/**
 * Hex from a node to canonical values, checked once.
 *
 * @module
 */

/** A value that a node gave is not what its field holds. */
export class MalformedError extends Error {
  override name = "MalformedError";
}

// "0x" and 13 digits are 52 bits: a number holds them exactly.
const SHORT = 15;

// Longer data is checked in pieces of this many bytes.
const SCRATCH = new Uint8Array(65_536);

const digits = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  digits["0123456789abcdef".charCodeAt(digit)] = digit;
  digits["0123456789ABCDEF".charCodeAt(digit)] = digit;
}

/** A quantity that fits a number: an index, a count, seconds. */
export function whole(value: unknown, field: string): number {
  const wide = uint64(value, field);
  if (typeof wide === "number") return wide;
  throw malformed(value, field, "a small number");
}

/** A quantity up to 2^64: number up to 2^53, else bigint. */
export function uint64(value: unknown, field: string): number | bigint {
  if (typeof value !== "string" || !prefixed(value) || value.length < 3) {
    throw malformed(value, field, "a quantity");
  }
  if (value.length > SHORT) return narrow(uint256(value, field), field);
  let number = 0;
  for (let index = 2; index < value.length; index++) {
    const digit = digits[value.charCodeAt(index)];
    if (digit === undefined || digit < 0) {
      throw malformed(value, field, "a quantity");
    }
    number = number * 16 + digit;
  }
  return number;
}

/** A quantity up to 2^256. */
export function uint256(value: unknown, field: string): bigint {
  if (typeof value !== "string" || !prefixed(value) || value.length < 3) {
    throw malformed(value, field, "a quantity");
  }
  if (value.length <= SHORT) return BigInt(uint64(value, field));
  if (value.length > 66) throw malformed(value, field, "at most 256 bits");
  // BigInt would forgive white space at the end.
  if (value.trimEnd() !== value) throw malformed(value, field, "a quantity");
  try {
    return BigInt(value);
  } catch {
    throw malformed(value, field, "a quantity");
  }
}

/** 32 bytes. */
export function hash(value: unknown, field: string): string {
  const text = bytes(value, field);
  if (text.length === 66) return text;
  throw malformed(value, field, "32 bytes");
}

/** 32 bytes that nodes write as a quantity, without leading zeros. */
export function word(value: unknown, field: string): string {
  if (typeof value !== "string" || value.length >= 66 || !prefixed(value)) {
    return hash(value, field);
  }
  return hash("0x" + value.slice(2).padStart(64, "0"), field);
}

/** 20 bytes; a checksummed address becomes lowercase. */
export function address(value: unknown, field: string): string {
  const text = bytes(value, field);
  if (text.length === 42) return text;
  throw malformed(value, field, "20 bytes");
}

/** Any number of bytes, in lowercase. */
export function bytes(value: unknown, field: string): string {
  if (typeof value !== "string" || !prefixed(value)) {
    throw malformed(value, field, "hex");
  }
  // `toLowerCase` gives the same string back when nothing changes, and
  // `setFromHex` checks at four times the speed of a regular expression.
  const text = value.toLowerCase();
  const end = text.length;
  if (end % 2 === 1) throw malformed(value, field, "whole bytes");
  try {
    for (let start = 2; start < end; start += SCRATCH.length * 2) {
      SCRATCH.setFromHex(text.slice(start, start + SCRATCH.length * 2));
    }
  } catch {
    throw malformed(value, field, "hex");
  }
  return text;
}

function prefixed(value: string): boolean {
  return value.charCodeAt(0) === 48 && value.charCodeAt(1) === 120;
}

function narrow(value: bigint, field: string): number | bigint {
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value);
  if (value < 2n ** 64n) return value;
  throw malformed(`0x${value.toString(16)}`, field, "at most 64 bits");
}

function malformed(value: unknown, field: string, what: string) {
  const shown = JSON.stringify(value)?.slice(0, 80);
  return new MalformedError(`"${field}" should be ${what}, found ${shown}`);
}
