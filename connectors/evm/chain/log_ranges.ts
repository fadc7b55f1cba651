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
import { PackedBlock, PackedLogs, readLogs } from "./packed_logs.ts";
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
  readonly logs: BlockLogs;
}

/** Logs of a block, in order. */
export type BlockLogs = readonly Raw[] | PackedBlock;

/** What a range has brought. */
export interface FetchedRange {
  /** Every block of the range, in order. */
  readonly blocks: readonly RangedBlock[];
  readonly bytes: number;
  readonly latency: number;
}

/** Logs with what their answers have cost. */
interface Found {
  /** Of one answer after the other. */
  readonly logs: readonly (readonly Raw[] | PackedLogs)[];
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
    const byNumber = grouped(found);
    const fetched = every ?? await this.#blocks(untimed(byNumber), options);
    return {
      blocks: numbers(range).map((number) => {
        const logs = byNumber.get(number) ?? [];
        const block = fetched.get(number) ?? placeOf(logs);
        const flaw = block && blockLogsFlaw(block, ofEachHash(logs), query);
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
        read: readLogs,
      }, { ...options, validate: (logs) => answerFlaw(logs, range) });
      const logs = result as readonly Raw[] | PackedLogs;
      size.observe({ blocks: lengthOf(range), bytes, logs: logs.length });
      return { logs: [logs], bytes, took };
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

/** Why an answer about a range cannot be right, or undefined. */
function answerFlaw(answer: unknown, range: BlockRange): string | undefined {
  if (!(answer instanceof PackedLogs)) return rangeFlaw(answer, range);
  const { blocks } = answer;
  const inRange = (blocks[0]?.number ?? -1) >= range.from &&
    (blocks.at(-1)?.number ?? Infinity) <= range.to;
  return inRange ? undefined : rangeFlaw(answer.raw(), range);
}

/** Answers to several filters as one: two may bring the same log. */
export function distinct(
  answers: readonly (readonly Raw[])[],
): readonly Raw[] {
  const [first, ...others] = answers;
  if (others.length === 0) return first ?? [];
  const logs = new Map(
    answers.flatMap((logs) =>
      logs.map((log) => [`${log["blockNumber"]} ${log["logIndex"]}`, log])
    ),
  );
  return [...logs.values()];
}

/** Logs by the number of their block. */
function grouped(found: readonly Found[]): ReadonlyMap<number, BlockLogs> {
  const answers = found.flatMap(({ logs }) => logs);
  // Answers to one filter are about ranges of their own.
  if (found.length === 1 && answers.every((one) => one instanceof PackedLogs)) {
    const blocks = answers.flatMap(({ blocks }) => blocks);
    return new Map(blocks.map((block) => [block.number, block]));
  }
  const groups = new Map<number, Raw[]>();
  for (const log of distinct(answers.map(rawOf))) {
    const number = whole(log["blockNumber"], "blockNumber");
    const group = groups.get(number);
    if (group) group.push(log);
    else groups.set(number, [log]);
  }
  return new Map([...groups].map(([number, logs]) => [number, inOrder(logs)]));
}

function rawOf(logs: readonly Raw[] | PackedLogs): readonly Raw[] {
  return logs instanceof PackedLogs ? logs.raw() : logs;
}

/** Logs of a block among which every hash is that they name. */
function ofEachHash(logs: BlockLogs): readonly Raw[] {
  return logs instanceof PackedBlock ? [logs.first] : logs;
}

function firstOf(logs: BlockLogs): Raw | undefined {
  return logs instanceof PackedBlock ? logs.first : logs[0];
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
  logs: ReadonlyMap<number, BlockLogs>,
): readonly number[] {
  return [...logs]
    .filter(([, logs]) => !firstOf(logs)?.["blockTimestamp"])
    .map(([number]) => number);
}

/** What the logs of a block tell of it. */
function placeOf(logs: BlockLogs): Raw | undefined {
  const log = firstOf(logs);
  return log && {
    number: log["blockNumber"],
    hash: log["blockHash"],
    timestamp: log["blockTimestamp"],
  };
}

function numbers({ from, to }: BlockRange): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
