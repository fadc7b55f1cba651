/**
 * Why a call of a contract gave nothing, in words for a column.
 *
 * @module
 */
import { parseParameters } from "../abi/types.ts";
import { compileParameters } from "../abi/decoder.ts";
import { DecodeError } from "../abi/input.ts";

// Error(string) and Panic(uint256): what Solidity itself reverts with.
const ERROR = "0x08c379a0";
const PANIC = "0x4e487b71";

const message = compileParameters(
  parseParameters([{ type: "string", name: "reason" }], {
    label: "Error(string)",
    depth: 0,
  }),
);

// https://docs.soliditylang.org, "Panic via assert and Error via require".
const panics: Readonly<Record<string, string>> = {
  "01": "assertion failed",
  "11": "arithmetic overflow",
  "12": "division by zero",
  "21": "no such enum value",
  "31": "pop of an empty array",
  "32": "index out of range",
  "41": "out of memory",
};

/** Said of a contract without code, and of one that lacks the function. */
export const NO_ANSWER = "no answer: no contract here at this block, or one " +
  "without this function";

/** Why a contract reverted, from what it returned. */
export function revertReason(data: string): string {
  if (data === "0x") return "reverted without a reason";
  if (data.startsWith(ERROR)) {
    try {
      const { reason } = message.decode(`0x${data.slice(ERROR.length)}`);
      return `reverted: ${reason}`;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  if (data.startsWith(PANIC) && data.length === 74) {
    const code = data.slice(-2);
    return `reverted: panic 0x${code}${
      panics[code] === undefined ? "" : ` (${panics[code]})`
    }`;
  }
  return `reverted with ${data.slice(0, 10)}`;
}

/** Why a contract reverted, from what a node says of a single call. */
export function failureReason(text: string): string {
  const [, reason] = /revert(?:ed)?(?:: (.+))?$/i.exec(text.trim()) ?? [];
  if (reason !== undefined) {
    const panic = /panic code (0x[0-9a-f]+)|^panic: .*\((0x[0-9a-f]+)\)/i
      .exec(reason);
    const code = (panic?.[1] ?? panic?.[2])?.slice(2).padStart(64, "0");
    return code === undefined
      ? `reverted: ${reason}`
      : revertReason(PANIC + code);
  }
  return /revert/i.test(text) ? "reverted without a reason" : `failed: ${text}`;
}
