/**
 * Which blocks a call is about, as its parameters say.
 *
 * @module
 */
import type { Call } from "../rpc/rpc.ts";

/** Blocks from the first to the last, both inclusive. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
}

/** Where the parameters of a method name a block. */
const places: Readonly<Record<string, number>> = {
  eth_getBlockByNumber: 0,
  eth_getBlockReceipts: 0,
  eth_call: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getStorageAt: 2,
};

/** The blocks of a call; undefined where it names none by number. */
export function calledBlocks(
  { method, params }: Call,
): BlockRange | undefined {
  if (method === "eth_getLogs") {
    const { fromBlock, toBlock } = (params[0] ?? {}) as {
      readonly fromBlock?: unknown;
      readonly toBlock?: unknown;
    };
    const [from, to] = [numberOf(fromBlock), numberOf(toBlock)];
    return from === undefined || to === undefined ? undefined : { from, to };
  }
  const place = places[method];
  const number = place === undefined ? undefined : numberOf(params[place]);
  return number === undefined ? undefined : { from: number, to: number };
}

/** How many blocks there are. */
export function lengthOf({ from, to }: BlockRange): number {
  return to - from + 1;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "string" && /^0x[0-9a-f]{1,13}$/i.test(value)
    ? Number(value)
    : undefined;
}

/** The last block whose logs are asked for; -1: none. */
export function lastOfLogs(calls: readonly Call[]): number {
  const asked = calls.filter(({ method }) => method === "eth_getLogs");
  return Math.max(-1, ...asked.map((call) => calledBlocks(call)?.to ?? -1));
}
