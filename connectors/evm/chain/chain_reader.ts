/**
 * Reads a chain in order: history through a window, then the head.
 *
 * @module
 */
import type {
  Clock,
  Logger,
  OpenSource,
  ReadOptions,
} from "../../../runtime/component.ts";
import type { BlockRange, EvmClient } from "../rpc/client.ts";
import { outward } from "../rpc/errors.ts";
import { HeadTracker, type Sighting } from "./head.ts";
import { blockHashAt } from "./header.ts";
import { type Piece, Pieces, type PiecesOptions } from "./pieces.ts";
import { teller, type Units, untilStopped } from "./reading.ts";
import { firstOf, type Start } from "./start.ts";
import { FetchWindow } from "./window.ts";

// Hashes kept to notice that the head is on another fork.
const REMEMBERED = 1024;

// A head below the last unit is a node that lags, until so many polls over so
// many slots have said the same.
const SHRUNK_POLLS = 5;
const SHRUNK_SLOTS = 2;

/** What a reader of a chain works with. */
export interface ChainOptions extends Omit<PiecesOptions, "head"> {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly start: Start;
  /** Blocks fetched at once at most. */
  readonly inFlight: number;
  /** Ask for the head this often, ms; undefined: when a block is due. */
  readonly poll: number | undefined;
}

/** An open chain. */
export class ChainReader implements OpenSource {
  readonly #options: ChainOptions;
  readonly #pieces: Pieces;
  readonly #head: HeadTracker;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.#head = new HeadTracker({
      ...options,
      transactions: options.needs.transactions,
      interval: options.poll,
    });
    this.#pieces = new Pieces({ ...options, head: this.#head });
  }

  read(options: ReadOptions): Units {
    return untilStopped(options, (until) => this.#read(until));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#head[Symbol.dispose]();
    return Promise.resolve();
  }

  async identify(
    number: number,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const { client } = this.#options;
    try {
      return await blockHashAt(number, { client, signal });
    } catch (error) {
      throw outward(error);
    }
  }

  async *#read(options: ReadOptions): Units {
    const { after, from, signal, to } = options;
    const { client, clock, inFlight, start } = this.#options;
    const head = this.#head;
    const tell = teller(options);
    const pieces = this.#pieces;
    const end = Math.min(to ?? Infinity, client.range?.to ?? Infinity);
    if (!await this.#isSettled(end, options)) await head.poll({ signal });
    let next = after ? after.number + 1 : from ??
      await firstOf(start, { client, latest: head.number });
    const ids = new Map<number, string>();
    if (after && after.id !== "") ids.set(after.number, after.id);

    const window = new FetchWindow<SightedPiece>(inFlight, clock);
    const shrunk = new Shrinkage(clock);
    let asked = next;
    if (isForked(head, { ids, next })) {
      yield "fork";
      return;
    }
    if (isReached(head, ids)) tell(head.sighting);
    const ask = () => {
      const limit = Math.min(head.number, end);
      while (asked <= limit && window.open) {
        // How much there is in a range is told by the first.
        if (pieces.isLearning && !window.empty) break;
        const blocks = pieces.next(asked, limit);
        window.push(this.#fetch(blocks, signal));
        asked = blocks.to + 1;
      }
    };
    while (next <= end) {
      ask();
      if (window.empty) {
        // A head below the last unit is of a node that lags: ask another.
        const elsewhere = head.number < next - 1;
        await head.next({ signal, elsewhere });
        const gone = ids.size > 0 && shrunk.observe(head, next);
        if (gone || isForked(head, { ids, next })) {
          yield "fork";
          return;
        }
        if (isReached(head, ids)) tell(head.sighting);
        continue;
      }
      const { sighting, units } = await window.shift();
      // The other side works while these units are taken.
      ask();
      const { finalized = -1 } = sighting.head;
      for (const unit of units) {
        if (unit.id !== "") ids.set(unit.number, unit.id);
        ids.delete(unit.number - REMEMBERED);
        next++;
        yield { ...unit, final: unit.final || unit.number <= finalized };
        // Whoever comes back for more has found that it follows the one before.
        tell(sighting);
      }
      if (head.stale) await head.poll({ signal });
    }
  }

  /** Whether a range ends so long ago that the head does not matter. */
  async #isSettled(
    end: number,
    { after, from, signal }: ReadOptions,
  ): Promise<boolean> {
    const { client, start } = this.#options;
    const first = after ? after.number + 1 : from ?? start;
    const isRange = end < Infinity && client.range === undefined &&
      (typeof first === "number" ? first <= end : "instant" in first);
    return isRange && await this.#head.settle(end, signal);
  }

  async #fetch(blocks: BlockRange, signal: AbortSignal): Promise<SightedPiece> {
    const { sighting } = this.#head;
    return { ...await this.#pieces.fetch(blocks, signal), sighting };
  }
}

/** Units on their way through the window. */
interface SightedPiece extends Piece {
  /**
   * The head as it was seen before the units were asked for. What was final
   * then is part of the units' chain; what became final later need not be,
   * because a unit may have been abandoned in between.
   */
  readonly sighting: Sighting;
}

/**
 * Tells a chain that has become shorter from a node that lags: only the first
 * stays so.
 */
class Shrinkage {
  readonly #clock: Clock;
  #polls = 0;
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the head has been below the last unit for too long. */
  observe(head: HeadTracker, next: number): boolean {
    if (head.number >= next - 1) {
      this.#polls = 0;
      return false;
    }
    if (this.#polls === 0) this.#since = this.#clock.now();
    this.#polls++;
    const lasted = this.#clock.now() - this.#since;
    return this.#polls >= SHRUNK_POLLS && lasted >= SHRUNK_SLOTS * head.slot;
  }
}

/**
 * Whether what was taken is on the head's chain: it ends there, or was final
 * when it was taken, as all that has no id.
 */
function isReached(
  { latest }: HeadTracker,
  ids: ReadonlyMap<number, string>,
): boolean {
  if (latest === undefined) return false;
  return ids.size === 0 || ids.get(latest.number) === latest.hash;
}

/** Whether the head shows that the last unit is on an abandoned fork. */
function isForked(
  { latest }: HeadTracker,
  { ids, next }: { ids: ReadonlyMap<number, string>; next: number },
): boolean {
  if (latest === undefined || latest.number >= next) return false;
  const id = ids.get(latest.number);
  return id !== undefined && id !== latest.hash;
}
