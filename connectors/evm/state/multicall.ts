/**
 * Multicall3: many calls of contracts in one `eth_call`.
 *
 * @module
 */
import { MalformedError } from "../hex.ts";
import type { Read } from "./calls.ts";
import type { Weight } from "./packing.ts";

/** Where Multicall3 is on every chain that has it (multicall3.com). */
export const MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11";

// aggregate3((address target, bool allowFailure, bytes callData)[])
const AGGREGATE3 = "0x82ad56cb";

// Digits of a word.
const WORD = 64;

/** A read of a contract. */
export interface ContractCall {
  /** Address of the contract, lowercase. */
  readonly to: string;
  /** Calldata with its selector, lowercase hex. */
  readonly data: string;
}

/** What became of a call inside an aggregate. */
export interface AggregateResult {
  readonly success: boolean;
  /** What it returned, or why it reverted. */
  readonly data: string;
}

/** Calldata of an `aggregate3` in which every call may fail. */
export function encodeAggregate(calls: readonly ContractCall[]): string {
  const heads: string[] = [];
  const tails: string[] = [];
  let offset = 32 * calls.length;
  for (const { data, to } of calls) {
    const digits = data.slice(2);
    const padded = digits.padEnd(Math.ceil(digits.length / WORD) * WORD, "0");
    heads.push(word(offset));
    tails.push(
      to.slice(2).padStart(WORD, "0"),
      word(1),
      word(96),
      word(digits.length / 2),
      padded,
    );
    offset += 128 + padded.length / 2;
  }
  const body = [word(32), word(calls.length), ...heads, ...tails];
  return AGGREGATE3 + body.join("");
}

/** Length of the calldata that a call adds to an aggregate, in bytes. */
export function encodedSize({ data }: ContractCall): number {
  return 160 + 32 * Math.ceil((data.length - 2) / WORD);
}

/** What a call takes of a request, as text. */
export function weightOf(read: Read): Weight {
  // Two digits a byte; an answer has four words besides what was returned.
  const words = 4 + Math.ceil(read.size / 32);
  return { gas: read.gas, bytes: 2 * (encodedSize(read) + 32 * words) };
}

/**
 * What each call of an aggregate returned.
 *
 * @throws {MalformedError} It is no answer to that many calls.
 */
export function decodeAggregate(
  answer: string,
  count: number,
): readonly AggregateResult[] {
  const digits = answer.slice(2);
  const list = 2 * wordAt(digits, 0) + WORD;
  if (wordAt(digits, list - WORD) !== count) {
    throw malformed(`an answer to ${count} calls`);
  }
  return Array.from({ length: count }, (_, index) => {
    const start = list + 2 * wordAt(digits, list + WORD * index);
    const success = wordAt(digits, start) === 1;
    const tail = start + 2 * wordAt(digits, start + WORD);
    const length = 2 * wordAt(digits, tail);
    const data = digits.slice(tail + WORD, tail + WORD + length);
    if (data.length !== length) throw malformed("whole");
    return { success, data: `0x${data}` };
  });
}

function word(value: number): string {
  return value.toString(16).padStart(WORD, "0");
}

/** The word at a place, which must fit a number. */
function wordAt(digits: string, at: number): number {
  const text = digits.slice(at, at + WORD);
  const value = text.length === WORD && /^0{52}/.test(text)
    ? parseInt(text.slice(52), 16)
    : NaN;
  if (Number.isNaN(value)) throw malformed("whole");
  return value;
}

function malformed(what: string): MalformedError {
  return new MalformedError(`the result of Multicall3 should be ${what}`);
}
