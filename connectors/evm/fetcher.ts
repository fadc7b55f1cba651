/**
 * Fetches a block with its receipts: two calls, or one, checked together.
 *
 * @module
 */
import {
  type Clock,
  type Priority,
  RetryableError,
} from "../../runtime/component.ts";
import type { CallOptions, Result } from "./answer.ts";
import type { EvmClient } from "./client.ts";
import { blockFlaw, hashOf, matchReceipts } from "./consistency.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import type { Raw } from "./extra.ts";
import { MalformedError } from "./hex.ts";
import type { RawUnit } from "./rows.ts";
import type { Call } from "./rpc.ts";

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

/** What a fetcher works with. */
export interface FetcherOptions<T> {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly needs: Needs;
  /**
   * Turn what was fetched into what is wanted.
   *
   * @throws {MalformedError} It is not what a node should answer.
   */
  readonly build: (unit: Fetched) => T;
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
  /** Milliseconds that the calls took, without the wait for a budget. */
  readonly latency: number;
}

/** An answer, or one that was at hand. */
type Part = Result & { readonly endpoint?: Endpoint };

const nothing: Result = { result: undefined, bytes: 0, took: 0 };

/** Fetches blocks. */
export class Fetcher<T> {
  readonly #options: FetcherOptions<T>;

  constructor(options: FetcherOptions<T>) {
    this.#options = options;
  }

  /**
   * Fetch a block and, when they are needed, its receipts.
   *
   * @throws {RetryableError} No endpoint gives both so that they match.
   */
  async fetch(number: number, options: FetchOptions): Promise<T> {
    const { build, clock, needs } = this.#options;
    let given: Part | undefined = options.block &&
      { ...nothing, result: options.block };
    let avoid: Endpoint | undefined;
    for (let tries = 1;; tries++) {
      const [block, receipts] = await this.#parts(number, {
        ...options,
        given,
        avoid,
      });
      let problem: string;
      try {
        const matched = needs.receipts
          ? matchReceipts(block.result as Raw, receipts.result)
          : undefined;
        if (typeof matched !== "string") {
          return build({
            block: block.result as Raw,
            receipts: matched,
            bytes: block.bytes + receipts.bytes,
            latency: Math.max(block.took, receipts.took),
          });
        }
        problem = matched;
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        problem = error.message;
      }
      if (tries === MATCH_TRIES) {
        throw new RetryableError(`Block ${number} cannot be right: ${problem}`);
      }
      // The two may be of different forks: ask for both again, elsewhere.
      given = undefined;
      avoid = receipts.endpoint ?? block.endpoint;
      await clock.sleep(MATCH_PAUSE_MS * (tries - 1), options.signal);
    }
  }

  /** The block and its receipts, as they came. */
  async #parts(
    number: number,
    options: FetchOptions & {
      given: Part | undefined;
      avoid: Endpoint | undefined;
    },
  ): Promise<[Part, Part]> {
    const { avoid, given, head, priority, signal } = options;
    const { client, needs } = this.#options;
    const shared = { priority, signal, avoid };
    const ofBlock = {
      ...shared,
      validate: (block: unknown) => blockFlaw(block, number),
    };
    const ofReceipts = head - number >= DEEP
      ? { ...shared, patience: DEEP_PATIENCE_MS }
      : shared;
    const blockCall = this.#blockCall(number);
    if (!needs.receipts) {
      const block = given ?? await client.ask(blockCall, ofBlock);
      return [block, nothing];
    }
    const receiptsCall = {
      method: "eth_getBlockReceipts",
      params: [quantity(number)],
    };
    const [block, receipts] = given
      ? [given, undefined]
      : await client.askTogether(
        [[blockCall, ofBlock], [receiptsCall, ofReceipts]],
        options,
      );
    const [whole, list] = await both(
      block ?? client.ask(blockCall, ofBlock),
      receipts ?? this.#receipts(receiptsCall, ofReceipts),
    );
    return [whole, list ?? await this.#single(whole.result as Raw, shared)];
  }

  #blockCall(number: number): Call {
    const { transactions } = this.#options.needs;
    return {
      method: "eth_getBlockByNumber",
      params: [quantity(number), transactions],
    };
  }

  /** Receipts of a block at once; undefined: they must be asked singly. */
  async #receipts(
    call: Call,
    options: CallOptions,
  ): Promise<Part | undefined> {
    try {
      return await this.#options.client.ask(call, options);
    } catch (error) {
      const cause = error instanceof RetryableError ? error.cause : error;
      if (cause instanceof RpcError) return undefined;
      throw error;
    }
  }

  /** Receipts one by one: the dear way, for this block only. */
  async #single(block: Raw, options: CallOptions): Promise<Part> {
    const transactions = block["transactions"] as readonly unknown[];
    const answers = await Promise.all(
      transactions.map((transaction) =>
        this.#options.client.ask({
          method: "eth_getTransactionReceipt",
          params: [hashOf(transaction)],
        }, options)
      ),
    );
    return {
      result: answers.map(({ result }) => result),
      bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
      took: Math.max(0, ...answers.map(({ took }) => took)),
    };
  }
}

/** Wait for both; when one fails the other's failure is not left alone. */
async function both<A, B>(
  a: A | Promise<A>,
  b: B | Promise<B>,
): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}

/** A number as JSON-RPC writes it. */
export function quantity(number: number): string {
  return `0x${number.toString(16)}`;
}
