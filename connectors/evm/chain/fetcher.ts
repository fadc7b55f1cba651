/**
 * Fetches a block with its receipts or logs: two calls, or one, checked
 * together.
 *
 * @module
 */
import {
  type Clock,
  type Priority,
  RetryableError,
} from "../../../runtime/component.ts";
import type { CallOptions, Result } from "../rpc/answer.ts";
import type { EvmClient } from "../rpc/client.ts";
import { isFilled } from "./bloom.ts";
import {
  blockFlaw,
  blockLogsFlaw,
  bloomFlaw,
  hashOf,
  matchReceipts,
  rangeFlaw,
} from "./consistency.ts";
import type { Endpoint } from "../rpc/endpoint.ts";
import { RpcError } from "../rpc/errors.ts";
import type { Raw } from "./extra.ts";
import { MalformedError, quantity } from "../hex.ts";
import type { LogQuery } from "./log_query.ts";
import { distinct, inOrder } from "./log_ranges.ts";
import type { Route } from "./routes.ts";
import type { RawUnit } from "./rows.ts";
import type { Call } from "../rpc/rpc.ts";

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
  /** What receipts alone tell. */
  readonly receipts: boolean;
  /** The logs that are needed; undefined: none. */
  readonly logs: LogQuery | undefined;
}

/** What a fetcher works with. */
export interface FetcherOptions<T> {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly needs: Needs;
  /**
   * Ways to what a block alone does not tell, the cheapest first; for a block
   * of so many transactions where that is known.
   */
  readonly routes: (transactions?: number) => readonly Route[];
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

/** What was fetched of a block, as it came. */
interface Parts {
  readonly block: Part;
  readonly receipts?: Part;
  readonly logs?: Part;
}

const nothing: Result = { result: undefined, bytes: 0, took: 0 };

/** Fetches blocks. */
export class Fetcher<T> {
  readonly #options: FetcherOptions<T>;
  /** Whether the chain's blocks have blooms: some chains leave them empty. */
  #blooms = false;

  constructor(options: FetcherOptions<T>) {
    this.#options = options;
  }

  /**
   * Fetch a block and what is needed besides.
   *
   * @throws {RetryableError} No endpoint gives parts that fit together.
   */
  async fetch(number: number, options: FetchOptions): Promise<T> {
    const { build, clock } = this.#options;
    let given: Part | undefined = options.block &&
      { ...nothing, result: options.block };
    let avoid: Endpoint | undefined;
    for (let tries = 1;; tries++) {
      const parts = await this.#parts(number, { ...options, given, avoid });
      const { block, logs, receipts } = parts;
      const rest = logs ?? receipts ?? nothing;
      let problem: string;
      try {
        const matched = matchParts(parts, this.#options.needs);
        if (typeof matched !== "string") {
          return build({
            ...matched,
            bytes: block.bytes + rest.bytes,
            latency: Math.max(block.took, rest.took),
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
      avoid = (logs ?? receipts)?.endpoint ?? block.endpoint;
      await clock.sleep(MATCH_PAUSE_MS * (tries - 1), options.signal);
    }
  }

  /** The block and what is needed besides, as they came. */
  async #parts(
    number: number,
    options: FetchOptions & {
      given: Part | undefined;
      avoid: Endpoint | undefined;
    },
  ): Promise<Parts> {
    const { avoid, given, head, priority, signal } = options;
    const { client, needs, routes } = this.#options;
    const shared = { priority, signal, avoid };
    const ofBlock = {
      ...shared,
      validate: (block: unknown) => blockFlaw(block, number),
    };
    const ofReceipts = head - number >= DEEP
      ? { ...shared, patience: DEEP_PATIENCE_MS }
      : shared;
    const blockCall = this.#blockCall(number);
    const bare = !needs.receipts && needs.logs === undefined;
    const [first, ...others] = bare ? [] : routes();
    if (given || first !== "receipts") {
      const block = given ?? await client.ask(blockCall, ofBlock);
      if (first === undefined) return { block };
      // Now that its transactions can be counted, another way may be cheaper.
      const { transactions } = block.result as Raw;
      const count = (transactions as readonly unknown[]).length;
      return await this.#rest(block, routes(count), ofReceipts);
    }
    // Both at the same time: a block is not needed to ask for its receipts.
    const receiptsCall = receiptsOf(number);
    const [block, receipts] = await client.askTogether(
      [[blockCall, ofBlock], [receiptsCall, ofReceipts]],
      options,
    );
    const [whole, list] = await both(
      block ?? client.ask(blockCall, ofBlock),
      receipts ?? refusable(client.ask(receiptsCall, ofReceipts)),
    );
    if (list) return { block: whole, receipts: list };
    return await this.#rest(whole, others, ofReceipts);
  }

  /** What belongs to a block, on the first of the routes that leads there. */
  async #rest(
    block: Part,
    ...[[route, ...others], options]: readonly [
      routes: readonly Route[],
      options: CallOptions,
    ]
  ): Promise<Parts> {
    const raw = block.result as Raw;
    const asked = this.#by(route ?? "transactions", raw, options);
    if (others.length === 0) return { block, ...await asked };
    const found = await refusable(asked);
    return found
      ? { block, ...found }
      : await this.#rest(block, others, options);
  }

  async #by(
    route: Route,
    block: Raw,
    options: CallOptions,
  ): Promise<Omit<Parts, "block">> {
    const { client } = this.#options;
    switch (route) {
      case "logs":
        return { logs: await this.#logs(block, options) };
      case "receipts": {
        const call = receiptsOf(block["number"]);
        return { receipts: await client.ask(call, options) };
      }
      case "transactions":
        return { receipts: await this.#single(block, options) };
    }
  }

  #blockCall(number: number): Call {
    const { transactions } = this.#options.needs;
    return {
      method: "eth_getBlockByNumber",
      params: [quantity(number), transactions],
    };
  }

  /** Logs by the hash of the block; none where its bloom says so. */
  async #logs(block: Raw, options: CallOptions): Promise<Part> {
    const { client, needs: { logs: query } } = this.#options;
    const { hash, logsBloom, transactions } = block;
    const at = Number(block["number"]);
    this.#blooms ||= isFilled(logsBloom);
    const empty = (transactions as readonly unknown[]).length === 0 ||
      (this.#blooms && !isFilled(logsBloom));
    const filters = empty ? [] : query?.fitting(logsBloom) ?? [];
    const ask = (options: CallOptions) =>
      Promise.all(filters.map((filter) =>
        client.ask({
          method: "eth_getLogs",
          params: [{ blockHash: hash, ...filter }],
        }, {
          ...options,
          validate: (logs) => rangeFlaw(logs, { from: at, to: at }),
        })
      ));
    const first = await ask(options);
    const [{ endpoint } = { endpoint: undefined }] = first;
    const others = client.endpoints.some((one) =>
      one !== endpoint && one.closed === undefined
    );
    const none = first.every(({ result }) => (result as []).length === 0);
    // A node may have a block and not its logs yet: where the bloom filter has
    // what is looked for, it takes two nodes to say that there is none.
    const doubtful = none && others && endpoint && isFilled(logsBloom);
    const answers = doubtful
      ? await ask({ ...options, avoid: endpoint })
      : first;
    const logs = distinct(
      answers.map(({ result }) => result as readonly Raw[]),
    );
    const [one] = answers;
    return {
      result: inOrder(logs),
      bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
      took: Math.max(0, ...answers.map(({ took }) => took)),
      ...(one ? { endpoint: one.endpoint } : {}),
    };
  }

  /** Receipts one by one: as a rule the dear way, for this block only. */
  async #single(block: Raw, options: CallOptions): Promise<Part> {
    const transactions = block["transactions"] as readonly unknown[];
    const answers = await this.#options.client.askMany(
      transactions.map((transaction) => [{
        method: "eth_getTransactionReceipt",
        params: [hashOf(transaction)],
      }, options]),
      options,
    );
    return {
      result: answers.map(({ result }) => result),
      bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
      took: Math.max(0, ...answers.map(({ took }) => took)),
    };
  }
}

/** What belongs together, or why it does not. */
function matchParts(
  { block: { result }, logs, receipts }: Parts,
  { logs: query }: Needs,
): RawUnit | string {
  const block = result as Raw;
  if (logs) {
    const list = logs.result as readonly Raw[];
    const { isWhole = false } = query ?? {};
    const flaw = blockLogsFlaw(block, list, { isWhole }) ??
      bloomFlaw(block, list, { isWhole });
    return flaw ?? { block, receipts: undefined, logs: list };
  }
  if (!receipts) return { block, receipts: undefined };
  const matched = matchReceipts(block, receipts.result);
  return typeof matched === "string" ? matched : { block, receipts: matched };
}

function receiptsOf(number: unknown): Call {
  return {
    method: "eth_getBlockReceipts",
    params: [typeof number === "number" ? quantity(number) : number],
  };
}

/** An answer, or undefined where endpoints do not give it: ask otherwise. */
async function refusable<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const cause = error instanceof RetryableError ? error.cause : error;
    if (cause instanceof RpcError) return undefined;
    throw error;
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
