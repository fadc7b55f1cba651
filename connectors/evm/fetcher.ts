/**
 * Fetches a block with its receipts: one call or two, checked together.
 *
 * @module
 */
import {
  type Clock,
  type Priority,
  RetryableError,
} from "../../runtime/component.ts";
import type { EvmClient } from "./client.ts";
import { blockFlaw, hashOf, matchReceipts } from "./consistency.ts";
import { RpcError } from "./errors.ts";
import type { Raw } from "./extra.ts";
import type { RawUnit } from "./rows.ts";

// A reorg between the two calls is over by the third try.
const MATCH_TRIES = 5;
const MATCH_PAUSE_MS = 250;

// Receipts of a block that is this deep are there or will never be.
const DEEP = 64;
const DEEP_PATIENCE_MS = 3000;

/** What is fetched of a block. */
export interface Needs {
  /** Whole transactions, not only their hashes. */
  readonly transactions: boolean;
  readonly receipts: boolean;
}

/** Options of {@linkcode Fetcher.fetch}. */
export interface FetchOptions {
  readonly priority: Priority;
  readonly signal: AbortSignal;
  /** The head as last seen. */
  readonly head: number;
  /** The block, when the head has brought it already. */
  readonly block?: Raw | undefined;
}

/** A block and its receipts that belong together. */
export interface Fetched extends RawUnit {
  /** Length of the answers' texts. */
  readonly bytes: number;
}

/** Fetches blocks. */
export class Fetcher {
  readonly #client: EvmClient;
  readonly #needs: Needs;
  readonly #clock: Clock;

  constructor(client: EvmClient, options: { needs: Needs; clock: Clock }) {
    this.#client = client;
    this.#needs = options.needs;
    this.#clock = options.clock;
  }

  /** Fetch a block and, when they are needed, its receipts. */
  async fetch(number: number, options: FetchOptions): Promise<Fetched> {
    let given = options.block;
    for (let tries = 1;; tries++) {
      const [block, receipts] = await both(
        given
          ? Promise.resolve({ result: given, bytes: 0 })
          : this.block(number, options),
        this.#needs.receipts
          ? this.#receipts(number, options)
          : Promise.resolve(undefined),
      );
      const raw = block.result as Raw;
      if (!this.#needs.receipts) {
        return { block: raw, receipts: undefined, bytes: block.bytes };
      }
      const answer = receipts ?? await this.#single(raw, options);
      const matched = matchReceipts(raw, answer.result);
      if (typeof matched !== "string") {
        const bytes = block.bytes + answer.bytes;
        return { block: raw, receipts: matched, bytes };
      }
      if (tries === MATCH_TRIES) {
        throw new RetryableError(
          `Block ${number} and its receipts do not match: ${matched}`,
        );
      }
      // Both may be of an abandoned fork: ask for both again.
      given = undefined;
      await this.#clock.sleep(MATCH_PAUSE_MS * tries, options.signal);
    }
  }

  /** Fetch a block alone, by its number or a tag. */
  block(
    at: number | "latest",
    options: { priority: Priority; signal: AbortSignal },
  ): Promise<{ result: unknown; bytes: number }> {
    const { priority, signal } = options;
    const number = at === "latest" ? undefined : at;
    return this.#client.ask({
      method: "eth_getBlockByNumber",
      params: [
        at === "latest" ? at : quantity(at),
        this.#needs.transactions,
      ],
    }, {
      priority,
      signal,
      validate: (block) => blockFlaw(block, number),
    });
  }

  /** Receipts of a block at once; undefined: they must be asked singly. */
  async #receipts(
    number: number,
    { head, priority, signal }: FetchOptions,
  ): Promise<{ result: unknown; bytes: number } | undefined> {
    const deep = head - number >= DEEP;
    try {
      return await this.#client.ask({
        method: "eth_getBlockReceipts",
        params: [quantity(number)],
      }, {
        priority,
        signal,
        ...(deep ? { patience: DEEP_PATIENCE_MS } : {}),
      });
    } catch (error) {
      const cause = error instanceof RetryableError ? error.cause : error;
      if (cause instanceof RpcError) return undefined;
      throw error;
    }
  }

  /** Receipts one by one: the dear way, for this block only. */
  async #single(
    block: Raw,
    { priority, signal }: FetchOptions,
  ): Promise<{ result: unknown; bytes: number }> {
    const transactions = block["transactions"] as readonly unknown[];
    const answers = await Promise.all(
      transactions.map((transaction) =>
        this.#client.ask({
          method: "eth_getTransactionReceipt",
          params: [hashOf(transaction)],
        }, { priority, signal })
      ),
    );
    return {
      result: answers.map(({ result }) => result),
      bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}

/** Wait for both; when one fails the other's failure is not left alone. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}

/** A number as JSON-RPC writes it. */
export function quantity(number: number): string {
  return `0x${number.toString(16)}`;
}
