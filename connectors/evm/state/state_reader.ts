/**
 * Reads contracts at the blocks of a trigger: history through a window, then
 * the head.
 *
 * @module
 */
import type {
  Clock,
  Logger,
  OpenSource,
  Position,
  ReadOptions,
  Unit,
} from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import { outward } from "../rpc/errors.ts";
import { HeadTracker, type Sighting } from "../chain/head.ts";
import { blockHashAt, type Header } from "../chain/header.ts";
import { teller, type Units, untilStopped } from "../chain/reading.ts";
import { firstOf, type Start } from "../chain/start.ts";
import { FetchWindow, type Measured } from "../chain/window.ts";
import type { CallReader } from "./calls.ts";
import type { Changes } from "./changes.ts";
import { Lineage } from "./lineage.ts";
import { Schedule } from "./schedule.ts";
import type { KeyedRow, StateTable, Target } from "./table.ts";
import type { BlockTrigger } from "./triggers.ts";

// Blocks this close to the head are waited for: they go before history.
const NEAR_HEAD = 32;

// A row with its values, in memory: so many bytes, as measured on twelve
// columns.
const ROW_BYTES = 600;

/** What a reader of states works with. */
export interface StateOptions {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly calls: CallReader;
  readonly table: StateTable;
  readonly targets: readonly Target[];
  readonly trigger: BlockTrigger;
  readonly changes: Changes;
  readonly start: Start;
  /** Blocks read at once at most. */
  readonly inFlight: number;
  /** Ask for the head this often, ms; undefined: when a block is due. */
  readonly poll: number | undefined;
}

/** A block on its way through the window. */
interface ReadUnit extends Measured {
  readonly header: Header;
  /** The head when it was asked for. */
  readonly sighting: Sighting;
  readonly rows: readonly KeyedRow[];
}

/** An open source of states. */
export class StateReader implements OpenSource {
  readonly #options: StateOptions;
  readonly #head: HeadTracker;

  constructor(options: StateOptions) {
    this.#options = options;
    this.#head = new HeadTracker({
      ...options,
      transactions: false,
      interval: options.poll,
    });
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
    const { changes, client, clock, inFlight, start, trigger } = this.#options;
    const { after, from, signal, to } = options;
    const head = this.#head;
    const tell = teller(options);
    await head.poll({ signal });
    const first = after ? after.number + 1 : from ??
      await firstOf(start, { client, latest: head.number });
    const end = Math.min(to ?? Infinity, client.range?.to ?? Infinity);
    await changes.resume(first - 1);
    const schedule = new Schedule({
      ...{ client, head, trigger, signal },
      from: first,
    });
    const window = new FetchWindow<ReadUnit>(inFlight, clock);
    const lineage = new Lineage({ client, signal });
    lineage.see(head.latest);
    // The last unit, while it may still be replaced.
    let open: Position | undefined = after?.id ? after : undefined;
    let last = open;

    for (;;) {
      const limit = Math.min(head.number, end);
      while (window.open) {
        const number = await schedule.next(limit);
        if (number === undefined) break;
        window.push(this.#fetch(number, { schedule, signal }));
      }
      if (window.empty) {
        if (open && await lineage.isGone(open)) return yield "fork";
        if (head.number >= (last?.number ?? -1)) tell(head.sighting);
        if (head.number >= end) return;
        await head.next({ signal });
        lineage.see(head.latest);
        continue;
      }
      const { header, rows, sighting } = await window.shift();
      if (open && !await lineage.leads(open, header)) return yield "fork";
      const final = header.number <= (sighting.head.finalized ?? -1);
      const unit = await this.#unitOf(header, rows, last);
      last = { number: unit.number, id: unit.id };
      open = final ? undefined : last;
      yield { ...unit, final };
      // Whoever comes back for more has found that it follows the one before.
      tell(sighting);
      if (head.stale) await head.poll({ signal });
    }
  }

  async #fetch(
    number: number,
    { schedule, signal }: {
      readonly schedule: Schedule;
      readonly signal: AbortSignal;
    },
  ): Promise<ReadUnit> {
    const { calls, clock, table, targets } = this.#options;
    const begun = clock.now();
    const { sighting } = this.#head;
    const near = this.#head.number - number < NEAR_HEAD;
    const priority = near ? "head" : "backfill";
    const header = await schedule.header(number);
    const rows = await table.read(targets, header, {
      calls,
      priority,
      signal,
    });
    return {
      header,
      rows,
      sighting,
      bytes: ROW_BYTES * rows.length,
      latency: clock.now() - begun,
    };
  }

  async #unitOf(
    header: Header,
    rows: readonly KeyedRow[],
    last: Position | undefined,
  ): Promise<Unit> {
    const passed = await this.#options.changes.pass(rows, header);
    const { hash: id, number, parent, time } = header;
    return {
      ...{ id, number, time },
      ...last === undefined ? {} : {
        after: last.number,
        // It has been found to lead here, where blocks lie between them.
        parent: last.number === number - 1 ? parent : last.id,
      },
      rows: { rows: passed },
      bytes: ROW_BYTES * passed.length,
    };
  }
}
