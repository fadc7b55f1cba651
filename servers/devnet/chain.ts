/**
 * Speak to the node: calls by batch, and blocks made of given transactions.
 *
 * @module
 */
import type { Hex } from "viem";

/** One JSON-RPC call: the method and its parameters. */
export type Call = readonly [method: string, params: readonly unknown[]];

/** What matters of a block that was made. */
export interface Block {
  readonly hash: string;
  readonly number: string;
  readonly baseFeePerGas: string;
  readonly transactions: readonly string[];
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** A node, by its URL. */
export class Chain {
  readonly #url: string;

  /** Speak to the node at that URL. */
  constructor(url: string) {
    this.#url = url;
  }

  /** Call one method. @throws {Error} The node refused, and said why. */
  async call<T = unknown>(
    method: string,
    params: readonly unknown[] = [],
  ): Promise<T> {
    const [result] = await this.calls([[method, params]]);
    return result as T;
  }

  /** Make several calls; the results are in the order of the calls. */
  async calls(calls: readonly Call[]): Promise<unknown[]> {
    const batch = calls.map(([method, params], id) => {
      return { jsonrpc: "2.0", id, method, params };
    });
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(batch),
    }).catch((cause) => {
      throw new Error(`Cannot reach the node at ${this.#url}`, { cause });
    });
    const replies: Reply[] | Reply = await response.json();
    if (!Array.isArray(replies)) {
      throw new Error(`The node refused a batch: ${JSON.stringify(replies)}`);
    }
    // A batch may be answered in any order (JSON-RPC 2.0, section 6).
    return replies.toSorted((a, b) => a.id - b.id).map((reply) => {
      if (reply.error) throw new Error(reply.error.message);
      return reply.result;
    });
  }

  /**
   * Put signed transactions, in this order, into the next block and make it.
   *
   * @throws {Error} The node refused one of them.
   */
  async mine(
    transactions: readonly Hex[],
    timestamp: number,
  ): Promise<Block> {
    // Not in one batch: anvil handles those concurrently, in an order of its
    // own as soon as there are more than about a hundred.
    for (const raw of transactions) {
      await this.call("eth_sendRawTransaction", [raw]);
    }
    await this.call("evm_setNextBlockTimestamp", [timestamp]);
    await this.call("evm_mine");
    return await this.call("eth_getBlockByNumber", ["latest", false]);
  }
}
