/**
 * Logs of many blocks by few calls: `eth_getLogs` over ranges of blocks that
 * stay for ever.
 *
 * A range that is too large is split; the rest of what a provider can refuse
 * is the client's. Every block with logs is held against what is known of it:
 * its logs must be of one block, and of the block that its number has.
 *
 * @module
 */
import { RetryableError } from "../../../runtime/component.ts";
import type { CallOptions } from "../rpc/answer.ts";
import { type BlockRange, lengthOf } from "./called_blocks.ts";
import type { EvmClient } from "../rpc/client.ts";
import { blockFlaw, blockLogsFlaw, rangeFlaw } from "./consistency.ts";
import { RpcError } from "../rpc/errors.ts";
import type { Raw } from "./extra.ts";
import { quantity, whole } from "../hex.ts";
import { proposedEnd } from "./log_limits.ts";
import type { LogFilter, LogQuery } from "./log_query.ts";
import type { RangeSize } from "./range_size.ts";

/** What a range reader works with. */
export interface LogRangesOptions {
  readonly client: EvmClient;
  readonly query: LogQuery;
  readonly size: RangeSize;
  /**
   * Which blocks are fetched besides: those with logs that do not tell their
   * time, or every one, with its transactions or without.
   */
  readonly blocks: "untimed" | "bare" | "whole";
}

/** A block of a range, as far as it was asked for. */
export interface RangedBlock {
  readonly number: number;
  /** Undefined where nothing has told of the block. */
  readonly block: Raw | undefined;
  readonly logs: readonly Raw[];
}

/** What a range has brought. */
export interface FetchedRange {
  /** Every block of the range, in order. */
  readonly blocks: readonly RangedBlock[];
  readonly bytes: number;
  readonly latency: number;
}

/** Logs with what their answers have cost. */
interface Found {
  readonly logs: readonly Raw[];
  readonly bytes: number;
  readonly took: number;
}

/** Fetches ranges of blocks. */
export class LogRanges {
  readonly #options: LogRangesOptions;

  constructor(options: LogRangesOptions) {
    this.#options = options;
  }

  /**
   * Fetch the logs of a range.
   *
   * @throws {RpcError} No endpoint gives them, or what came does not fit
   * together; of kind "size" when already those of one block are too many.
   */
  async fetch(range: BlockRange, options: CallOptions): Promise<FetchedRange> {
    const { blocks: wanted, query } = this.#options;
    const all = (async () => {
      const found: Found[] = [];
      for (const filter of query.filters) {
        found.push(await this.#logs(filter, range, options));
      }
      return found;
    })();
    const [found, every] = await Promise.all([
      all,
      wanted === "untimed" ? undefined : this.#blocks(numbers(range), options),
    ]);
    const byNumber = grouped(distinct(found));
    const fetched = every ?? await this.#blocks(untimed(byNumber), options);
    return {
      blocks: numbers(range).map((number) => {
        const logs = inOrder(byNumber.get(number) ?? []);
        const block = fetched.get(number) ?? placeOf(logs);
        const flaw = block && blockLogsFlaw(block, logs, query);
        if (flaw !== undefined) {
          const message = `Block ${number} cannot be right: ${flaw}`;
          throw new RpcError("other", message);
        }
        return { number, block, logs };
      }),
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
      latency: Math.max(0, ...found.map(({ took }) => took)),
    };
  }

  /** Logs of one filter; a range that is too large is split. */
  async #logs(
    filter: LogFilter,
    range: BlockRange,
    options: CallOptions,
  ): Promise<Found> {
    const { client, size } = this.#options;
    const { from, to } = range;
    const span = { fromBlock: quantity(from), toBlock: quantity(to) };
    try {
      const { bytes, result, took } = await client.ask({
        method: "eth_getLogs",
        params: [{ ...span, ...filter }],
      }, { ...options, validate: (logs) => rangeFlaw(logs, range) });
      const logs = result as readonly Raw[];
      size.observe({ blocks: lengthOf(range), bytes, logs: logs.length });
      return { logs, bytes, took };
    } catch (error) {
      const text = tooLarge(error);
      if (text === undefined || from === to) throw error;
      const end = proposedEnd(text, range) ??
        from + Math.ceil(lengthOf(range) / 2) - 1;
      size.shrink(end - from + 1);
      const first = await this.#logs(filter, { from, to: end }, options);
      // What is left may be wider than what was proposed.
      const rest = await this.#rest(filter, { from: end + 1, to }, options);
      return united([first, ...rest]);
    }
  }

  /** The rest of a range that was too large, in pieces of a size that did. */
  async #rest(
    filter: LogFilter,
    { from, to }: BlockRange,
    options: CallOptions,
  ): Promise<readonly Found[]> {
    const { size } = this.#options;
    const found: Found[] = [];
    for (let next = from; next <= to;) {
      const end = Math.min(to, next + size.next({}) - 1);
      found.push(await this.#logs(filter, { from: next, to: end }, options));
      next = end + 1;
    }
    return found;
  }

  /** Blocks by number, in as few requests as batches allow. */
  async #blocks(
    wanted: readonly number[],
    options: CallOptions,
  ): Promise<ReadonlyMap<number, Raw>> {
    const { blocks, client } = this.#options;
    const answers = await client.askMany(
      wanted.map((number) => [{
        method: "eth_getBlockByNumber",
        params: [quantity(number), blocks === "whole"],
      }, {
        ...options,
        validate: (block: unknown) => blockFlaw(block, number),
      }]),
      options,
    );
    return new Map(
      answers.map(({ result }, index) =>
        [wanted[index] ?? -1, result as Raw] as const
      ),
    );
  }
}

/** What a provider says of a question that is too large for it. */
function tooLarge(error: unknown): string | undefined {
  if (error instanceof RpcError && error.kind === "size") return error.message;
  const { cause } = error as { readonly cause?: unknown };
  // A search that takes too long is too large as well.
  const slow = error instanceof RetryableError && cause instanceof RpcError &&
    /time.?out|timed out/i.test(cause.message);
  return slow ? cause.message : undefined;
}

function united(found: readonly Found[]): Found {
  return {
    logs: found.flatMap(({ logs }) => logs),
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    took: found.reduce((sum, { took }) => sum + took, 0),
  };
}

/** Answers to several filters as one: two may bring the same log. */
export function distinct(
  answers: readonly { readonly logs: readonly Raw[] }[],
): readonly Raw[] {
  const [first, ...others] = answers;
  if (others.length === 0) return first?.logs ?? [];
  const logs = new Map(
    answers.flatMap(({ logs }) =>
      logs.map((log) => [`${log["blockNumber"]} ${log["logIndex"]}`, log])
    ),
  );
  return [...logs.values()];
}

/** Logs by the number of their block. */
function grouped(logs: readonly Raw[]): ReadonlyMap<number, readonly Raw[]> {
  const groups = new Map<number, Raw[]>();
  let text: unknown;
  let group: Raw[] = [];
  for (const log of logs) {
    // As a rule those of a block come together: then the text is the same.
    if (log["blockNumber"] !== text) {
      text = log["blockNumber"];
      const number = whole(text, "blockNumber");
      group = groups.get(number) ?? [];
      groups.set(number, group);
    }
    group.push(log);
  }
  return groups;
}

/** The logs of a block by their index. */
export function inOrder(logs: readonly Raw[]): readonly Raw[] {
  const indexes = logs.map((log) => whole(log["logIndex"], "logIndex"));
  // As a rule they are.
  if (
    indexes.every((index, at) => at === 0 || index > (indexes[at - 1] ?? 0))
  ) {
    return logs;
  }
  return logs.map((log, at) => [indexes[at] ?? 0, log] as const)
    .sort(([a], [b]) => a - b).map(([, log]) => log);
}

function untimed(
  logs: ReadonlyMap<number, readonly Raw[]>,
): readonly number[] {
  return [...logs].filter(([, [log]]) => !log?.["blockTimestamp"])
    .map(([number]) => number);
}

/** What the logs of a block tell of it. */
function placeOf([log]: readonly Raw[]): Raw | undefined {
  return log && {
    number: log["blockNumber"],
    hash: log["blockHash"],
    timestamp: log["blockTimestamp"],
  };
}

function numbers({ from, to }: BlockRange): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
