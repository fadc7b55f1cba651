/**
 * Blocks without their contents: which one is at a number now.
 *
 * @module
 */
import type { EvmClient } from "../rpc/client.ts";
import { RpcError } from "../rpc/errors.ts";
import { hash, quantity, whole } from "../hex.ts";
import { blockFlaw } from "./consistency.ts";
import type { Raw } from "./extra.ts";

/** Whom to ask. */
export interface Asking {
  readonly client: EvmClient;
  readonly signal: AbortSignal | undefined;
}

/** What is known of a block without its contents. */
export interface Header {
  readonly number: number;
  readonly hash: string;
  readonly parent: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** The header in a block as a node gives it. */
export function headerOf(raw: Raw): Header {
  return {
    number: whole(raw["number"], "number"),
    hash: hash(raw["hash"], "hash"),
    parent: hash(raw["parentHash"], "parentHash"),
    time: whole(raw["timestamp"], "timestamp") * 1000,
  };
}

/** The header at a number. */
export async function headerAt(
  number: number,
  { client, signal }: Asking,
): Promise<Header> {
  const { result } = await client.ask({
    method: "eth_getBlockByNumber",
    params: [quantity(number), false],
  }, { signal, validate: (block) => blockFlaw(block, number) });
  return headerOf(result as Raw);
}

/** The canonical hash at a number; undefined: there is no such block yet. */
export async function blockHashAt(
  number: number,
  { client, signal }: Asking,
): Promise<string | undefined> {
  try {
    const block = await client.call<Raw>("eth_getBlockByNumber", [
      quantity(number),
      false,
    ], {
      priority: "head",
      patience: 0,
      signal,
      validate: (block) => blockFlaw(block, number),
    });
    return hash(block["hash"], "hash");
  } catch (error) {
    if (error instanceof RpcError && error.kind === "missing") return undefined;
    throw error;
  }
}
