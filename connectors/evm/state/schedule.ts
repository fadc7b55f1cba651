/**
 * The blocks at which a state is read, found one after the other.
 *
 * @module
 */
import type { EvmClient } from "../rpc/client.ts";
import type { HeadTracker } from "../chain/head.ts";
import { type Header, headerAt, headerOf } from "../chain/header.ts";
import type { BlockTrigger } from "./triggers.ts";

/** What a schedule works with. */
export interface ScheduleOptions {
  readonly client: EvmClient;
  readonly head: HeadTracker;
  readonly trigger: BlockTrigger;
  /** The first block that may be read. */
  readonly from: number;
  readonly signal: AbortSignal;
}

/** Finds the blocks that a trigger means. */
export class Schedule {
  readonly #options: ScheduleOptions;
  /** The next block that may be one. */
  #next: number;
  /** The header before it, where times decide. */
  #before: Header | undefined;
  /** The last one that may be read, for its time alone. */
  #limit: Header | undefined;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#next = options.from;
  }

  /** The next block up to a number; undefined: there is none yet. */
  async next(limit: number): Promise<number | undefined> {
    const { trigger } = this.#options;
    const found = trigger.kind === "blocks"
      ? Math.ceil(this.#next / trigger.count) * trigger.count
      : await this.#byTime(limit, trigger.next);
    if (found === undefined || found > limit) return undefined;
    this.#next = found + 1;
    return found;
  }

  /** A block's header; those of the head and of the last one are at hand. */
  async header(number: number): Promise<Header> {
    const { client, head, signal } = this.#options;
    const known = head.block(number);
    if (known) return headerOf(known);
    if (this.#before?.number === number) return this.#before;
    return await headerAt(number, { client, signal });
  }

  /** The first block at or behind the instant that comes after the last. */
  async #byTime(
    limit: number,
    instant: (after: number) => number | undefined,
  ): Promise<number | undefined> {
    if (this.#next > limit) return undefined;
    const before = await this.#last();
    const due = instant(before?.time ?? -1);
    if (due === undefined) return undefined;
    const last = this.#limit?.number === limit
      ? this.#limit
      : await this.header(limit);
    this.#limit = last;
    if (last.time < due) {
      // All blocks up to here are before it.
      this.#before = last;
      this.#next = limit + 1;
      return undefined;
    }
    const found = await this.#search(due, { before, last });
    this.#before = found;
    return found.number;
  }

  async #last(): Promise<Header | undefined> {
    const number = this.#next - 1;
    if (number < 0) return undefined;
    if (this.#before?.number !== number) {
      this.#before = await this.header(number);
    }
    return this.#before;
  }

  /**
   * The first block whose time is not before an instant. Blocks come nearly
   * evenly: guess by the line between the ends, and halve now and then.
   */
  async #search(
    due: number,
    { before, last }: { readonly before: Header | undefined; last: Header },
  ): Promise<Header> {
    let low = before;
    let high = last;
    for (let step = 1;; step++) {
      const first = low ? low.number + 1 : 0;
      if (first >= high.number) return high;
      const room = high.number - first;
      const share = low && step % 3 !== 0
        ? (due - low.time) / (high.time - low.time)
        : 0.5;
      const guess = first + Math.min(room - 1, Math.floor(share * room));
      const header = await this.header(guess);
      if (header.time < due) low = header;
      else high = header;
    }
  }
}
