/**
 * The head of a chain: asked for when a block is due.
 *
 * @module
 */
import {
  type Clock,
  type Head,
  type Logger,
  RetryableError,
} from "../../../runtime/component.ts";
import { Cadence } from "./cadence.ts";
import type { EvmClient } from "../rpc/client.ts";
import { blockFlaw } from "./consistency.ts";
import type { Endpoint } from "../rpc/endpoint.ts";
import { RpcError } from "../rpc/errors.ts";
import { isPublic, SETTLED_MS } from "../rpc/chains.ts";
import type { Raw } from "./extra.ts";
import { EPOCH, STALE_MS } from "./following.ts";
import { HeadFeed } from "./head_feed.ts";
import { MalformedError, quantity, whole } from "../hex.ts";
import type { PushedHead } from "./subscription.ts";

// Blocks this close to the head are waited for: they go before history.
const NEAR_HEAD = 32;

// A node whose head stands still for so many slots, and so long at least,
// may be stuck: ask another one.
const STUCK_SLOTS = 3;
const STUCK_MS = 15_000;

/** What the head tracker works with. */
export interface HeadOptions {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ask for whole transactions, so that the head's block can be used. */
  readonly transactions: boolean;
  /** Ask this often, ms; undefined: when a block is due. */
  readonly interval: number | undefined;
}

/** For whom the head is looked at. */
export interface PollOptions {
  readonly signal: AbortSignal;
  /** Ask another endpoint than last time: that one seems to lag. */
  readonly elsewhere?: boolean;
}

/** What a poll has shown. */
export interface Sighting {
  /** Which poll it was; 0 before the first. */
  readonly poll: number;
  readonly head: Head;
}

/** The latest block as last seen. */
export interface LatestBlock {
  readonly number: number;
  readonly hash: string;
  /** Its header, at least. */
  readonly header: Raw;
  /** The whole of it; absent when only its header was pushed. */
  readonly raw?: Raw;
  /** Length of its text. */
  readonly bytes: number;
}

/** Follows the head of a chain. */
export class HeadTracker {
  readonly #options: HeadOptions;
  readonly #cadence: Cadence;
  readonly #feed: HeadFeed | undefined;
  #latest: LatestBlock | undefined;
  #safe: number | undefined;
  #finalized: number | undefined;
  /** Tags that no endpoint knows. */
  readonly #unknown = new Set<string>();
  #tagsAt = -Infinity;
  #polledAt = 0;
  #grewAt = 0;
  #endpoint: Endpoint | undefined;
  /** The last block of a range, for when its turn comes. */
  #end: {
    readonly number: number;
    readonly raw: Raw;
    readonly at: number;
  } | undefined;
  /** The last block that the head need not be known for. */
  #settled = -1;
  #sighting: Sighting = { poll: 0, head: { latest: -1 } };

  constructor(options: HeadOptions) {
    this.#options = options;
    this.#cadence = new Cadence(options.interval);
    // Who says how often to ask wants to be asked.
    const pushes = options.interval === undefined &&
      options.client.endpoints.some(({ pushes }) => pushes);
    this.#feed = pushes ? new HeadFeed(options) : undefined;
  }

  /** The number of the latest block as far as is known; -1: nothing is. */
  get number(): number {
    return this.#latest?.number ?? this.#settled;
  }

  /** The latest block as last seen. */
  get latest(): LatestBlock | undefined {
    return this.#latest;
  }

  /** What the last poll has shown. */
  get sighting(): Sighting {
    return this.#sighting;
  }

  /** Milliseconds between two blocks, as far as is known. */
  get slot(): number {
    return this.#cadence.slot;
  }

  /** Whether it was not looked at for long. */
  get stale(): boolean {
    return this.#settled < 0 &&
      this.#options.clock.now() - this.#polledAt > STALE_MS;
  }

  /** The latest block, when it is this one and was seen just now. */
  block(number: number): Raw | undefined {
    const isFresh = (at: number) => this.#options.clock.now() - at < STALE_MS;
    if (this.#end?.number === number) {
      const { at, raw } = this.#end;
      this.#end = undefined;
      if (number <= this.#settled || isFresh(at)) return raw;
    }
    if (this.#latest?.number !== number) return undefined;
    return isFresh(this.#polledAt) ? this.#latest.raw : undefined;
  }

  [Symbol.dispose](): void {
    this.#feed?.[Symbol.dispose]();
  }

  /**
   * Look at the last block of a range instead: where it is there and old, all
   * is there and stays, and no call was spent on anything else.
   *
   * @returns whether it is; else the head has to be looked at.
   */
  async settle(number: number, signal: AbortSignal): Promise<boolean> {
    const { client, clock, transactions } = this.#options;
    if (number <= this.#settled) return true;
    this.#settled = -1;
    try {
      const { result } = await client.ask({
        method: "eth_getBlockByNumber",
        params: [quantity(number), transactions],
      }, {
        priority: "backfill",
        signal,
        patience: 0,
        validate: (block) => blockFlaw(block, number),
      });
      const raw = result as Raw;
      const timestamp = whole(raw["timestamp"], "timestamp") * 1000;
      const at = clock.now();
      this.#end = { number, raw, at };
      const isOld = at - timestamp >= SETTLED_MS;
      if (!isOld || !isPublic(client.chainId)) return false;
    } catch (error) {
      const fails = [MalformedError, RetryableError, RpcError];
      if (fails.some((one) => error instanceof one)) return false;
      throw error;
    }
    this.#settled = number;
    const head = { latest: number, safe: number, finalized: number };
    this.#sighting = { poll: this.#sighting.poll + 1, head };
    return true;
  }

  /** Whether a block is so near to the head that somebody waits for it. */
  isNear(number: number): boolean {
    return this.#settled < 0 && this.number - number < NEAR_HEAD;
  }

  /** Wait until a head is pushed, or until one is due and look. */
  async next(options: PollOptions): Promise<void> {
    const { clock } = this.#options;
    if (this.#feed?.isOpen && !options.elsewhere) {
      return await this.#awaitPush(this.#feed, options);
    }
    const wait = this.#cadence.due() - clock.now();
    if (wait > 0) await clock.sleep(wait, options.signal);
    await this.poll(options);
  }

  /** Look at the head now. */
  async poll(options: PollOptions): Promise<void> {
    const { client, clock, transactions } = this.#options;
    const { elsewhere = false, signal } = options;
    // First what is final: the latest block is then on the same chain.
    await this.#updateTags(signal);
    const stuck = clock.now() - this.#grewAt > this.#patience;
    const { bytes, endpoint, result } = await client.ask({
      method: "eth_getBlockByNumber",
      params: ["latest", transactions],
    }, {
      priority: "head",
      signal,
      validate: (block) => blockFlaw(block, undefined),
      avoid: stuck || elsewhere ? this.#endpoint : undefined,
    });
    const raw = result as Raw;
    const number = whole(raw["number"], "number");
    const hash = String(raw["hash"]).toLowerCase();
    const timestamp = whole(raw["timestamp"], "timestamp") * 1000;
    const now = clock.now();
    if (number > this.number) this.#grewAt = now;
    this.#cadence.observe({ number, timestamp }, now);
    this.#polledAt = now;
    this.#endpoint = endpoint;
    this.#latest = { number, hash, header: raw, raw, bytes };
    if (this.#tagsAt === -1) this.#tagsAt = number;
    this.#see(number);
  }

  /** How long a head may stand still before something may be wrong. */
  get #patience(): number {
    return Math.max(STUCK_MS, STUCK_SLOTS * this.#cadence.slot);
  }

  async #awaitPush(feed: HeadFeed, options: PollOptions): Promise<void> {
    const before = this.number;
    const head = await feed.next(this.#patience, options.signal);
    if (head !== undefined) return await this.#take(head, options);
    await this.poll(options);
    if (this.number > before && feed.isOpen) {
      feed.drop("it was silent while the chain went on");
    }
  }

  /** Take note of a head that was pushed; its block comes with the others. */
  async #take(head: PushedHead, options: PollOptions): Promise<void> {
    const { hash, header, number, timestamp } = head;
    // One below is of a node that lags, or of a reorg whose end comes next.
    if (number < this.number) return;
    // What is final is asked before the head that it belongs to.
    if (number - this.#tagsAt >= EPOCH) return await this.poll(options);
    const now = this.#options.clock.now();
    if (number > this.number) this.#grewAt = now;
    this.#cadence.observe({ number, timestamp }, now);
    this.#polledAt = now;
    if (hash !== this.#latest?.hash) {
      this.#latest = { number, hash, header, bytes: 0 };
    }
    this.#see(number);
  }

  #see(number: number): void {
    const head = {
      latest: number,
      ...(this.#safe === undefined ? {} : { safe: this.#safe }),
      ...(this.#finalized === undefined ? {} : { finalized: this.#finalized }),
    };
    this.#sighting = { poll: this.#sighting.poll + 1, head };
  }

  async #updateTags(signal: AbortSignal): Promise<void> {
    const { number } = this;
    const { range } = this.#options.client;
    if (range !== undefined) {
      this.#safe = range.to;
      this.#finalized = range.to;
      return;
    }
    if (number - this.#tagsAt < EPOCH) return;
    this.#tagsAt = number;
    const [safe, finalized] = await Promise.all([
      this.#tag("safe", signal),
      this.#tag("finalized", signal),
    ]);
    // What was final stays final, whatever a node that lags may say.
    this.#safe = highest(this.#safe, safe);
    this.#finalized = highest(this.#finalized, finalized);
  }

  /** The number behind a tag; undefined where nodes do not know the tag. */
  async #tag(
    tag: "safe" | "finalized",
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (this.#unknown.has(tag)) return undefined;
    const { client, log } = this.#options;
    try {
      const { result } = await client.ask({
        method: "eth_getBlockByNumber",
        params: [tag, false],
      }, {
        priority: "head",
        signal,
        patience: 0,
        validate: (block) => blockFlaw(block, undefined),
      });
      return whole((result as Raw)["number"], "number");
    } catch (error) {
      if (error instanceof RetryableError) return undefined;
      if (!(error instanceof RpcError)) throw error;
      this.#unknown.add(tag);
      log.info("The node does not know this tag", {
        tag,
        reason: error.message,
      });
      return undefined;
    }
  }
}

function highest(a: number | undefined, b: number | undefined) {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
