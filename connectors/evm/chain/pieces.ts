/**
 * Pieces of a chain: one block with what belongs to it, or a range of old
 * blocks of which only logs are needed.
 *
 * Ranges are for blocks that stay for ever. A block in one has no id unless
 * a log tells it; the last one before blocks are read one by one always has,
 * so that the parent of the next is held against it.
 *
 * @module
 */
import {
  type Clock,
  type Logger,
  RetryableError,
  type SourceUnit,
  type Used,
} from "../../../runtime/component.ts";
import type { BlockRange } from "./called_blocks.ts";
import type { EvmClient } from "../rpc/client.ts";
import { RpcError } from "../rpc/errors.ts";
import { type Fetched, Fetcher, type Needs } from "./fetcher.ts";
import type { HeadTracker } from "./head.ts";
import { hash, MalformedError, whole } from "../hex.ts";
import {
  type FetchedRange,
  LogRanges,
  type RangedBlock,
} from "./log_ranges.ts";
import { MOST_WHOLE_BLOCKS, RangeSize } from "./range_size.ts";
import {
  LOGS,
  methods,
  planRoutes,
  type Route,
  type RouteDemand,
  type RoutePlan,
  without,
} from "./routes.ts";
import { type PortRows, RowBuilder } from "./rows.ts";
import type { PortName } from "./schema.ts";
import { openTariffs } from "../rpc/tariffs.ts";
import type { Measured } from "./window.ts";

// Where nobody says what is final, the runtime takes blocks that are so deep
// for final.
const FINAL_DEPTH = 512;

// Rows and their values take about this many times the JSON's length.
const MEMORY_FACTOR = 2;

// What a unit takes that has no rows.
const EMPTY_BYTES = 200;

// A way that was refused, though it should be there, is left for so long.
const REFUSED_MS = 600_000;

// A call that waits for a quota is looked after so often.
const WATCH_MS = 1000;

// Why a call is given up: an exception would be made for every piece.
const CLOSED = "Endpoints have closed: reads on by other calls";

// Before a block has been seen it is taken to be this small: where blocks that
// are could be read more cheaply, the first ones are counted first.
const FEW = 2;

// Weight of the newest block in the number of transactions of a block.
const LEARNING = 0.05;

/** What pieces are made of. */
export interface PiecesOptions {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly head: HeadTracker;
  /** Ports that some stage uses. */
  readonly ports: readonly PortName[];
  /** Their columns that some stage uses. */
  readonly used: Used;
  readonly needs: Needs;
  /** What decides which calls are made, as `plan` shows them. */
  readonly demand: RouteDemand;
  /** Leave out the rows that nobody has asked for. */
  readonly restrict: (rows: PortRows) => PortRows;
}

/** Consecutive units. */
export interface Piece extends Measured {
  /**
   * Made when they are taken: rows that wait are rows that live long.
   *
   * @throws {RetryableError} A log is not what a node should answer.
   */
  readonly units: Iterable<SourceUnit>;
}

/** Fetches pieces of a chain. */
export class Pieces {
  readonly #options: PiecesOptions;
  readonly #fetcher: Fetcher<SourceUnit & Measured>;
  readonly #ranges: LogRanges | undefined;
  readonly #size = new RangeSize();
  readonly #rows: RowBuilder;
  #planned: { readonly key: string; readonly plan: RoutePlan } | undefined;
  #transactions: number | undefined;
  #refusedUntil = -Infinity;
  #ranged = false;
  /** Time of the last block of which it is known. */
  #time = 0;

  constructor(options: PiecesOptions) {
    this.#options = options;
    const { client, demand, log, needs, ports } = options;
    this.#rows = new RowBuilder(ports, log, options.used);
    this.#fetcher = new Fetcher({
      ...options,
      routes: (transactions) => this.#plan(transactions).routes,
      build: (fetched) => this.#unitOf(fetched),
    });
    this.#ranges = needs.logs && !needs.receipts
      ? new LogRanges({
        client,
        query: needs.logs,
        size: this.#size,
        blocks: demand.blocks === undefined
          ? "untimed"
          : needs.transactions
          ? "whole"
          : "bare",
      })
      : undefined;
  }

  /** Whether a range is under way that will tell how wide others may be. */
  get isLearning(): boolean {
    return this.#ranged && !this.#size.isKnown;
  }

  /**
   * The blocks of the next piece.
   *
   * @param limit The last block that will be asked for as things are now.
   */
  next(from: number, limit: number): BlockRange {
    const last = this.#rangedTo(limit);
    const { range, routes } = this.#plan();
    this.#ranged = from < last && routes[0] === "logs";
    if (!this.#ranged) return { from, to: from };
    const { demand } = this.#options;
    const most = demand.blocks === undefined ? range : MOST_WHOLE_BLOCKS;
    const size = this.#size.next({
      ...this.#limits(),
      range: Math.min(range, most),
    });
    return { from, to: Math.min(last, from + size - 1) };
  }

  /**
   * Fetch a piece.
   *
   * @throws {RetryableError} The endpoints that it was asked of have closed,
   * and there is another way.
   */
  async fetch(blocks: BlockRange, signal: AbortSignal): Promise<Piece> {
    const [route] = this.#plan().routes;
    if (route === undefined) return await this.#fetch(blocks, signal);
    signal.throwIfAborted();
    const watch = new AbortController();
    const call = new AbortController();
    // Not `AbortSignal.any`: the signal of a run would remember every call.
    const stop = () => call.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#watch(route, watch.signal).then(() => call.abort(CLOSED), () => {});
    try {
      return await this.#fetch(blocks, call.signal);
    } catch (error) {
      throw error === CLOSED ? new RetryableError(CLOSED, { after: 0 }) : error;
    } finally {
      watch.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Wait until a route is closed and another one is open. */
  async #watch(route: Route, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(WATCH_MS, signal);
      const { open } = this.#plan();
      if (open.length > 0 && !open.includes(route)) return;
    }
  }

  async #fetch({ from, to }: BlockRange, signal: AbortSignal): Promise<Piece> {
    if (from < to) return await this.#range({ from, to }, signal);
    const { head } = this.#options;
    const unit = await this.#fetcher.fetch(from, {
      priority: head.isNear(from) ? "head" : "backfill",
      signal,
      head: head.number,
      block: head.block(from),
    });
    return { units: [unit], bytes: unit.bytes, latency: unit.latency };
  }

  /** The last block that a range may have; the next one is read by itself. */
  #rangedTo(limit: number): number {
    if (this.#ranges === undefined) return -1;
    const { number, sighting: { head: { finalized } } } = this.#options.head;
    const final = finalized ?? number - FINAL_DEPTH;
    // The last that is final gets its id, for the parent of the next.
    return final < limit ? final - 1 : limit;
  }

  /** A range; one whose answer would be too large falls apart. */
  async #range(
    { from, to }: BlockRange,
    signal: AbortSignal,
  ): Promise<Piece> {
    const ranges = this.#ranges;
    if (ranges === undefined) throw new Error("No logs are asked for");
    try {
      return this.#pieceOf(await ranges.fetch({ from, to }, { signal }));
    } catch (error) {
      if (error instanceof MalformedError) {
        const blocks = `${from} to ${to}`;
        throw new RetryableError(
          `Logs of blocks ${blocks} cannot be right: ${error.message}`,
        );
      }
      if (!(error instanceof RpcError) || error.kind === "missing") throw error;
      if (error.kind === "size") {
        const middle = Math.floor((from + to) / 2);
        const first = await this.#fetch({ from, to: middle }, signal);
        const second = await this.#fetch({ from: middle + 1, to }, signal);
        return joined(first, second);
      }
      this.#refuse(error);
      throw new RetryableError(error.message, { cause: error, after: 0 });
    }
  }

  /** Leave ranges for a while: whole blocks may work where they do not. */
  #refuse({ message }: RpcError): void {
    const { clock, log } = this.#options;
    this.#refusedUntil = clock.now() + REFUSED_MS;
    log.warn("Logs cannot be asked for by ranges: reads whole blocks", {
      reason: message,
    });
  }

  /** The cheapest calls at the endpoints that are open now. */
  #plan(of?: number): RoutePlan {
    const { client, clock, demand } = this.#options;
    const now = clock.now();
    const tariffs = openTariffs(client.endpoints, now)
      .map((one) => now < this.#refusedUntil ? without(one, LOGS) : one);
    const range = this.#size.isKnown
      ? powerOfTwo(this.#size.next({}))
      : demand.range;
    const transactions = of ?? powerOfTwo(this.#transactions ?? FEW);
    const key = JSON.stringify([
      tariffs.map((one) => [
        one.name,
        methods.map((method) => one.cost(method) !== undefined),
        one.span?.(LOGS),
      ]),
      range,
      transactions,
    ]);
    if (this.#planned?.key !== key) {
      const plan = planRoutes({ ...demand, range, transactions }, tariffs);
      this.#planned = { key, plan };
    }
    return this.#planned.plan;
  }

  /** Results that no endpoint which may be asked refuses. */
  #limits(): { readonly results?: number } {
    const results = this.#options.client.endpoints.flatMap(({ can, closed }) =>
      closed === undefined && can.offers(LOGS) ? can.logs.results ?? [] : []
    );
    return results.length > 0 ? { results: Math.min(...results) } : {};
  }

  #pieceOf({ blocks, bytes, latency }: FetchedRange): Piece {
    const logs = blocks.reduce((sum, { logs }) => sum + logs.length, 0);
    const perLog = logs > 0 ? bytes / logs : 0;
    return {
      units: this.#rangedUnits(blocks, perLog),
      bytes: EMPTY_BYTES * blocks.length + MEMORY_FACTOR * bytes,
      latency,
    };
  }

  *#rangedUnits(
    blocks: readonly RangedBlock[],
    perLog: number,
  ): Generator<SourceUnit> {
    for (const { block, logs, number } of blocks) {
      if (block === undefined) {
        const [time, bytes] = [this.#time, EMPTY_BYTES];
        yield { number, id: "", time, rows: {}, bytes, final: true };
        continue;
      }
      const bytes = EMPTY_BYTES + logs.length * perLog;
      const fetched = { block, logs, receipts: undefined, bytes, latency: 0 };
      try {
        yield { ...this.#unitOf(fetched), final: true };
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        throw new RetryableError(
          `Logs of block ${number} cannot be right: ${error.message}`,
        );
      }
    }
  }

  #unitOf(fetched: Fetched): SourceUnit & Measured {
    const { block, bytes, latency } = fetched;
    const { parentHash, transactions } = block;
    if (Array.isArray(transactions)) this.#learn(transactions.length);
    const time = whole(block["timestamp"], "timestamp") * 1000;
    this.#time = Math.max(this.#time, time);
    return {
      number: whole(block["number"], "number"),
      id: hash(block["hash"], "hash"),
      ...parentHash === undefined
        ? {}
        : { parent: hash(parentHash, "parentHash") },
      time,
      rows: this.#options.restrict(this.#rows.build(fetched)),
      bytes: bytes * MEMORY_FACTOR,
      latency,
      final: false,
    };
  }

  #learn(transactions: number): void {
    const known = this.#transactions ?? transactions;
    this.#transactions = known + LEARNING * (transactions - known);
  }
}

function joined(a: Piece, b: Piece): Piece {
  function* units() {
    yield* a.units;
    yield* b.units;
  }
  return {
    units: units(),
    bytes: a.bytes + b.bytes,
    latency: a.latency + b.latency,
  };
}

/** Of much the same numbers one: a plan is not made anew for each. */
function powerOfTwo(number: number): number {
  return number < 1 ? 0.5 : 2 ** Math.floor(Math.log2(number));
}
