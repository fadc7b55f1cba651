/**
 * Arguments of constructors: they stand behind the code that deploys.
 *
 * @module
 */
import type { Hex } from "viem";
import { getContractAddress } from "viem/utils";
import type { Row } from "../../../runtime/component.ts";
import { type AbiArguments, compileParameters } from "../abi/decoder.ts";
import { argumentList, encodeValues, headLayout } from "../abi/encode.ts";
import { DecodeError } from "../abi/input.ts";
import type { AbiParameter } from "../abi/types.ts";

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
  return getContractAddress({
    from: from as Hex,
    nonce: BigInt(nonce as number | bigint),
  }).toLowerCase();
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
