/**
 * Calls about blocks.
 *
 * @module
 */
import type { Call } from "../../../../connectors/evm/rpc/rpc.ts";

/** A number as calls have it. */
export function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

/** The logs of a range. */
export function logs(from: number, to: number): Call {
  const range = { fromBlock: hex(from), toBlock: hex(to) };
  return { method: "eth_getLogs", params: [range] };
}

/** A balance at a block. */
export function balance(block: number): Call {
  const address = `0x${"11".repeat(20)}`;
  return { method: "eth_getBalance", params: [address, hex(block)] };
}
