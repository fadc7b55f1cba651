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

// Text is checked in pieces that stay in the processor's cache.
const PIECE = 32_768;

const digits = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  digits["0123456789abcdef".charCodeAt(digit)] = digit;
  digits["0123456789ABCDEF".charCodeAt(digit)] = digit;
}

const encoder = new TextEncoder();
const piece = new Uint8Array(PIECE);
const pairs = new Uint16Array(piece.buffer);

// Two characters at once: nothing for two digits in lowercase, 1 for the
// prefix, and for anything else more than a piece has pairs.
const weights = new Uint32Array(65_536).fill(PIECE);
for (const first of "0123456789abcdef") {
  for (const second of "0123456789abcdef") weigh(first + second, 0);
}
weigh("0x", 1);

function weigh(pair: string, weight: number): void {
  const [first = 0, second = 0] = encoder.encode(pair);
  weights[first | second << 8] = weight;
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
  if (value.charCodeAt(value.length - 1) <= 32) {
    throw malformed(value, field, "a quantity");
  }
  try {
    return BigInt(value);
  } catch {
    throw malformed(value, field, "a quantity");
  }
}

/** As `uint64`; what is left out is null. */
export function uint64OrNull(
  value: unknown,
  field: string,
): number | bigint | null {
  return absent(value) ? null : uint64(value, field);
}

/** As `uint256`; what is left out is null. */
export function uint256OrNull(value: unknown, field: string): bigint | null {
  return absent(value) ? null : uint256(value, field);
}

/** Whether a node left a value out. */
export function absent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** A number as JSON-RPC writes it. */
export function quantity(number: number): string {
  return `0x${number.toString(16)}`;
}

/** 32 bytes. */
export function hash(value: unknown, field: string): string {
  const text = bytes(value, field);
  if (text.length === 66) return text;
  throw malformed(value, field, "32 bytes");
}

/** 32 bytes that nodes write as a quantity, without leading zeros. */
export function word(value: unknown, field: string): string {
  if (typeof value !== "string" || !prefixed(value) || value.length < 3) {
    throw malformed(value, field, "32 bytes");
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
  if (typeof value === "string" && value.length % 2 === 0) {
    if (prefixed(value) && prefixes(value) === 1) return value;
    if (/^0x[0-9a-f]*$/i.test(value)) return value.toLowerCase();
  }
  throw malformed(value, field, "whole bytes of hex");
}

/** Reads values of a block; what it gives is lowercase hex. */
export interface ValueReader {
  /** 32 bytes. */
  hash(value: unknown, field: string): string;
  /** 32 bytes that nodes write as a quantity, without leading zeros. */
  word(value: unknown, field: string): string;
  /** 20 bytes. */
  address(value: unknown, field: string): string;
  /** Any number of bytes. */
  bytes(value: unknown, field: string): string;
}

/** Checks each value where it stands, and says which one is wrong. */
export const strictReader: ValueReader = { address, bytes, hash, word };

/**
 * Takes values as they come and checks all of them together, which is twice
 * as fast: after `verify` has said no, read again with `strictReader`.
 */
export class HastyReader implements ValueReader {
  #pending: string[] = [];

  hash(value: unknown, field: string): string {
    return this.#take(value, 66) ? value : hash(value, field);
  }

  word(value: unknown, field: string): string {
    return this.#take(value, 66) ? value : word(value, field);
  }

  address(value: unknown, field: string): string {
    return this.#take(value, 42) ? value : address(value, field);
  }

  bytes(value: unknown, field: string): string {
    const even = typeof value === "string" && value.length % 2 === 0;
    return even && this.#take(value, value.length)
      ? value
      : bytes(value, field);
  }

  /** Whether all that was taken since the last time is lowercase hex. */
  verify(): boolean {
    const pending = this.#pending;
    this.#pending = [];
    return prefixes(pending.join("")) === pending.length;
  }

  #take(value: unknown, length: number): value is string {
    if (
      typeof value !== "string" || value.length !== length || !prefixed(value)
    ) return false;
    this.#pending.push(value);
    return true;
  }
}

/** How many prefixes stand between the digits; NaN where anything else does. */
function prefixes(text: string): number {
  let count = 0;
  for (let start = 0; start < text.length; start += PIECE) {
    const part = text.slice(start, start + PIECE);
    const { read, written } = encoder.encodeInto(part, piece);
    // What is not ASCII takes more bytes than characters.
    if (read !== part.length || written !== read) return NaN;
    let weight = 0;
    for (let index = 0; index < written / 2; index++) {
      weight += weights[pairs[index] ?? 0] ?? 0;
    }
    if (weight >= PIECE) return NaN;
    count += weight;
  }
  return count;
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
