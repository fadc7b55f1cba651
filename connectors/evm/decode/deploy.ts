/**
 * Arguments of constructors: they stand behind the code that deploys.
 *
 * @module
 */
import type { Row } from "../../../runtime/component.ts";
import { type AbiArguments, compileParameters } from "../abi/decoder.ts";
import { argumentList, encodeValues, headLayout } from "../abi/encode.ts";
import { DecodeError } from "../abi/input.ts";
import type { AbiParameter } from "../abi/types.ts";
import { keccak256 } from "../keccak.ts";

/** Longest arguments that are looked for, in words: 128 KiB. */
const MOST_WORDS = 4096;

const WORD_DIGITS = 64;

/** The address that a transaction deploys to, by EIP-161's nonce. */
export function deployedAddress(row: Row): string | undefined {
  const { from_address: from, nonce, receipt_contract_address: known } = row;
  if (typeof known === "string") return known;
  if (typeof from !== "string" || nonce === undefined || nonce === null) {
    return undefined;
  }
  return createdAddress(from, BigInt(nonce as number | bigint));
}

/** The end of keccak256(rlp([from, nonce])): yellow paper, section 7. */
function createdAddress(from: string, nonce: bigint): string {
  const digits = nonce === 0n ? "" : nonce.toString(16);
  const bytes = digits.padStart(digits.length + digits.length % 2, "0");
  const size = bytes.length / 2;
  // RLP: a byte below 0x80 stands for itself, others follow their length.
  const item = size === 1 && nonce < 0x80n
    ? bytes
    : rlpHead(0x80, size) + bytes;
  const list = rlpHead(0x80, 20) + from.slice(2) + item;
  const hash = keccak256(
    Uint8Array.fromHex(rlpHead(0xc0, list.length / 2) + list),
  );
  return `0x${hash.slice(-40)}`;
}

/** What stands before up to 55 bytes. */
function rlpHead(kind: number, size: number): string {
  return (kind + size).toString(16);
}

/**
 * Find the arguments of a constructor at the end of creation code: the
 * shortest end that is exactly what its own values encode to.
 */
export function constructorArguments(
  parameters: readonly AbiParameter[],
  input: string,
): AbiArguments | undefined {
  if (parameters.length === 0) return {};
  const { decode } = compileParameters(parameters);
  const types = parameters.map(({ type }) => type);
  const { dynamicAt, words: least } = headLayout(types);
  const most = dynamicAt === undefined ? least : MOST_WORDS;
  const offset = (least * 32).toString(16).padStart(WORD_DIGITS, "0");
  for (let words = least; words <= most; words++) {
    const start = input.length - words * WORD_DIGITS;
    if (start < 2) return undefined;
    // The first offset leads to just behind the head; all else is cheap to skip.
    const at = start + (dynamicAt ?? 0) * WORD_DIGITS;
    if (dynamicAt !== undefined && !input.startsWith(offset, at)) continue;
    const digits = input.slice(start);
    try {
      const args = decode(`0x${digits}`);
      if (encodeValues(types, argumentList(parameters, args)) === digits) {
        return args;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  return undefined;
}
