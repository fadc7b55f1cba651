/**
 * Reads contracts at one block: through Multicall3 in calls that the node can
 * answer, or one by one where there is none.
 *
 * @module
 */
import {
  type Logger,
  type Priority,
  RetryableError,
} from "../../../runtime/component.ts";
import type { CallOptions } from "../rpc/answer.ts";
import type { EvmClient } from "../rpc/client.ts";
import { RpcError } from "../rpc/errors.ts";
import { bytes, quantity } from "../hex.ts";
import { blockHashAt } from "../chain/header.ts";
import { deploymentOf, missingState } from "./history.ts";
import {
  type AggregateResult,
  type ContractCall,
  decodeAggregate,
  encodeAggregate,
  weightOf,
} from "./multicall.ts";
import { Allowance, halves, pack, type Weight } from "./packing.ts";
import { failureReason, revertReason } from "./reason.ts";

// A pinned block that a node lacks is replaced, or the node lags: the source
// then looks at the chain again, so nobody waits long here.
const PATIENCE_MS = 3000;

// A pairing of no points costs 45,000 gas (EIP-1108), no input and no time.
// Last in an aggregate it tells whether calls before it may have starved: one
// that does has used up all but a 64th (EIP-150) of what was left, so where
// the canary lives, whoever failed had 64 times its gas.
const CANARY: ContractCall = {
  to: "0x0000000000000000000000000000000000000008",
  data: "0x",
};

/** A call, and what it is expected to take. */
export interface Read extends ContractCall {
  /** Gas that it may use. */
  readonly gas: number;
  /** Bytes that it may return. */
  readonly size: number;
}

/** What a call returned, or why it did not. */
export type ReadResult = { readonly data: string } | {
  readonly reason: string;
};

/** The block that reads are pinned to. */
export interface Pin {
  readonly number: number;
  readonly hash: string;
}

/** How a block is read. */
export interface ReadOptions {
  readonly priority: Priority;
  readonly signal: AbortSignal;
}

/** What reading works with. */
export interface CallReaderOptions {
  readonly client: EvmClient;
  readonly log: Logger;
  /** Address of Multicall3. */
  readonly multicall: string;
  /** What one `eth_call` may take. */
  readonly limit: Weight;
}

/** Reads contracts. */
export class CallReader {
  readonly #options: CallReaderOptions;
  readonly #allowance: Allowance;
  /** Calls that have failed without a reason: the next time they go last. */
  readonly #silent = new Set<string>();
  /** Those of them that use up all gas that they get. */
  readonly #greedy = new Set<string>();
  /** Multicall3 is there from this block on, as far as is known. */
  #aggregatesFrom = 0;
  /** Whether the node takes a block's hash for a block (EIP-1898). */
  #takesHashes = true;

  constructor(options: CallReaderOptions) {
    this.#options = options;
    this.#allowance = new Allowance(options.limit);
  }

  /**
   * Make every call at a block; results are in the order of the calls.
   *
   * @throws {RetryableError} The block was replaced, or no node answers.
   * @throws {UserError} The nodes do not keep the state of this block.
   */
  async read(
    reads: readonly Read[],
    pin: Pin,
    options: ReadOptions,
  ): Promise<readonly ReadResult[]> {
    const results = new Map<Read, ReadResult>();
    const settle = (read: Read, result: ReadResult) => {
      results.set(read, result);
    };
    const work = { ...options, pin, settle };
    if (pin.number < this.#aggregatesFrom) {
      await this.#singly(reads, work);
    } else {
      const [modest, greedy] = parted(reads, (read) => this.#isGreedy(read));
      const [sound, silent] = parted(
        modest,
        (read) => this.#silent.has(keyOf(read)),
      );
      const parts = pack([...sound, ...silent], {
        limit: this.#allowance.limit,
        weigh: weightOf,
      });
      // Behind two of them in one call nothing would be left.
      for (const part of parts) part.push(...greedy.splice(0, 1));
      await all([
        ...parts.map((part) => this.#together(part, work)),
        this.#singly(greedy, work),
      ]);
    }
    if (!this.#takesHashes) await this.#confirm(pin, options);
    return reads.map((read) => results.get(read) ?? unread(read));
  }

  /** Make calls in one `eth_call`, or in several when they are too many. */
  async #together(reads: readonly Read[], work: Work): Promise<void> {
    const [only] = reads;
    if (!only || reads.length === 1) return await this.#singly(reads, work);
    let results: readonly AggregateResult[] | undefined;
    try {
      results = await this.#aggregate(reads, work);
    } catch (error) {
      if (isLate(error)) this.#allowance.suspect(total(reads));
      if (!isTooMuch(error)) throw error;
      this.#options.log.debug("Too many reads in one call: splits them", {
        reads: reads.length,
        block: work.pin.number,
        reason: error.reason,
      });
      await this.#halved(reads, work);
      // One that uses up all gas is no reason to ask for less at once; alone,
      // it shows that it does.
      const silent = reads.filter((read) => this.#silent.has(keyOf(read)));
      await this.#singly(silent, work);
      if (!reads.some((read) => this.#isGreedy(read))) {
        this.#allowance.refuse(total(reads));
      }
      return;
    }
    if (results === undefined) return await this.#singly(reads, work);
    this.#allowance.accept();
    const starving = results.at(-1)?.success === false;
    const doubtful: Read[] = [];
    reads.forEach((read, index) => {
      const { data, success } = results[index] ??
        { data: "0x", success: false };
      if (!success && data === "0x" && starving) doubtful.push(read);
      else if (success) {
        this.#silent.delete(keyOf(read));
        this.#greedy.delete(keyOf(read));
        work.settle(read, { data });
      } else {
        if (data === "0x") this.#silent.add(keyOf(read));
        work.settle(read, { reason: revertReason(data) });
      }
    });
    if (doubtful.length <= 2) await this.#singly(doubtful, work);
    else if (doubtful.length < reads.length) {
      await this.#together(doubtful, work);
    } else await this.#halved(doubtful, work);
  }

  async #halved(reads: readonly Read[], work: Work): Promise<void> {
    await all(halves(reads).map((half) => this.#together(half, work)));
  }

  /** Undefined: there is no Multicall3 at this block. */
  async #aggregate(
    reads: readonly Read[],
    work: Work,
  ): Promise<readonly AggregateResult[] | undefined> {
    const { client, multicall } = this.#options;
    const calls = [...reads, CANARY];
    const call = { to: multicall, data: encodeAggregate(calls) };
    let results: readonly AggregateResult[] | undefined;
    await this.#ask(call, {
      ...work,
      validate(answer) {
        const data = bytes(answer, "eth_call");
        results = data === "0x"
          ? undefined
          : decodeAggregate(data, calls.length);
        return undefined;
      },
    });
    if (results !== undefined) return results;
    this.#aggregatesFrom = await deploymentOf(multicall, {
      client,
      above: work.pin.number,
      signal: work.signal,
    });
    return undefined;
  }

  /** Make calls one by one, in batches where all endpoints take them. */
  async #singly(reads: readonly Read[], work: Work): Promise<void> {
    const { client } = this.#options;
    const size = Math.max(1, ...client.endpoints.map(({ batch }) => batch));
    const parts = Array.from(
      { length: Math.ceil(reads.length / size) },
      (_, index) => reads.slice(index * size, (index + 1) * size),
    );
    await all(parts.map(async (part) => {
      const answers = part.length === 1 || !this.#takesHashes
        ? []
        : await client.askTogether(
          part.map((read) =>
            [this.#callOf(read, work.pin), validated] as const
          ),
          work,
        );
      await all(part.map(async (read, index) => {
        const answer = answers[index];
        work.settle(
          read,
          answer
            ? { data: bytes(answer.result, "eth_call") }
            : await this.#single(read, work),
        );
      }));
    }));
  }

  async #single(read: Read, work: Work): Promise<ReadResult> {
    try {
      const answer = await this.#ask(read, { ...work, ...validated });
      return { data: bytes(answer, "eth_call") };
    } catch (error) {
      if (!isTooMuch(error)) throw error;
      if (!/revert/i.test(error.reason)) this.#greedy.add(keyOf(read));
      return { reason: failureReason(error.reason) };
    }
  }

  async #ask(
    call: ContractCall,
    work: Work & Pick<CallOptions, "validate">,
  ): Promise<unknown> {
    const { client } = this.#options;
    const { pin, priority, signal, validate } = work;
    try {
      const { result } = await client.ask(this.#callOf(call, pin), {
        priority,
        signal,
        patience: PATIENCE_MS,
        ...(validate ? { validate } : {}),
      });
      return result;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (this.#takesHashes && isForeignToHashes(error)) {
        this.#takesHashes = false;
        this.#options.log.info(
          "The node takes no block hash: reads by number",
          {
            reason: error.reason,
          },
        );
        return await this.#ask(call, work);
      }
      if (error.kind !== "missing") throw error;
      throw await missingState(pin, { client, signal, cause: error });
    }
  }

  #callOf({ data, to }: ContractCall, pin: Pin) {
    const block = this.#takesHashes
      ? { blockHash: pin.hash }
      : quantity(pin.number);
    return { method: "eth_call", params: [{ to, data }, block] };
  }

  /** What was read by number may be of another block with that number. */
  async #confirm(pin: Pin, { signal }: ReadOptions): Promise<void> {
    const { client } = this.#options;
    const hash = await blockHashAt(pin.number, { client, signal });
    if (hash === pin.hash) return;
    throw new RetryableError(
      `Block ${pin.number} was replaced while its state was read`,
    );
  }

  #isGreedy(read: Read): boolean {
    return this.#greedy.has(keyOf(read));
  }
}

/** One reading of a block. */
interface Work extends ReadOptions {
  readonly pin: Pin;
  settle(read: Read, result: ReadResult): void;
}

const validated: Pick<CallOptions, "validate"> = {
  validate(answer) {
    bytes(answer, "eth_call");
    return undefined;
  },
};

/** Whether fewer calls at once could succeed where these did not. */
function isTooMuch(error: unknown): error is RpcError {
  return error instanceof RpcError && (error.certain || error.kind === "size");
}

/** Whether an answer did not come in time: the question may be too large. */
function isLate(error: unknown): boolean {
  return error instanceof RetryableError &&
    /no answer within|time.?out|timed out/i.test(error.message);
}

/** Whether a node has not understood `{ blockHash }`. */
function isForeignToHashes({ kind, reason }: RpcError): boolean {
  return kind === "other" &&
    /cannot unmarshal|invalid (argument|param|type|block)|expected|deseriali/i
      .test(reason);
}

function total(reads: readonly Read[]): Weight {
  const weights = reads.map(weightOf);
  return {
    gas: weights.reduce((sum, { gas }) => sum + gas, 0),
    bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function keyOf({ data, to }: ContractCall): string {
  return to + data;
}

function parted<T>(items: readonly T[], test: (item: T) => boolean) {
  return [items.filter((one) => !test(one)), items.filter(test)] as const;
}

function unread({ to }: Read): never {
  throw new Error(`The read of ${to} was lost`);
}

/** Wait for all; when one fails the others are not left alone. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
}
