/**
 * Reads contracts at blocks that another source gives: when its rows say so,
 * and those that its rows have shown.
 *
 * @module
 */
import type {
  Head,
  OpenSource,
  ReadOptions,
  Row,
  SourceUnit,
} from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import { headerAt } from "../chain/header.ts";
import { type Units, untilStopped } from "../chain/reading.ts";
import { ahead } from "./ahead.ts";
import type { CallReader } from "./calls.ts";
import type { Changes } from "./changes.ts";
import { addressesIn, type Contract, type Contracts } from "./contracts.ts";
import type { KeyedRow, ReadBlock, StateTable, Target } from "./table.ts";
import type { RowTrigger, Trigger } from "./triggers.ts";

// Rows with their values in memory, as measured on twelve columns.
const ROW_BYTES = 600;

/** What a reader that follows another source works with. */
export interface FollowingOptions {
  readonly upstream: OpenSource;
  readonly client: EvmClient;
  readonly changes: Changes;
  readonly calls: CallReader;
  readonly table: StateTable;
  readonly contracts: Contracts;
  readonly trigger: Trigger;
  /** Blocks read at once at most. */
  readonly inFlight: number;
}

/** A unit of the other source and what was read for it. */
interface ReadUnit {
  readonly unit: SourceUnit;
  /** The block, as far as it had to be known. */
  readonly block: ReadBlock;
  readonly rows: readonly KeyedRow[];
  /** Contracts that the unit has shown first. */
  readonly seen: readonly string[];
}

/** An open source that adds states to the units of another one. */
export class FollowingReader implements OpenSource {
  readonly #options: FollowingOptions;

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  read(options: ReadOptions): Units {
    return untilStopped(options, (until) => this.#read(until));
  }

  async *#read(options: ReadOptions): Units {
    const { changes, inFlight, upstream } = this.#options;
    const { after, signal } = options;
    const heads = new HeldHeads(options);
    const known = await changes.resume(after?.number ?? -1);
    const blocks = new Blocks(this.#options, known, signal);
    const units = ahead(
      heads.counted(upstream.read({ ...options, onHead: heads.see })),
      async (unit) => unit === "fork" ? unit : await blocks.read(unit),
      inFlight,
    );
    for await (const one of units) {
      if (one === "fork") {
        yield one;
        heads.taken();
        continue;
      }
      const { block, rows, seen, unit } = one;
      const passed = await changes.pass(rows, block, seen);
      yield {
        ...unit,
        rows: { rows: passed },
        bytes: ROW_BYTES * passed.length,
      };
      heads.taken();
    }
  }
}

/**
 * Heads that the other source tells of units which nobody has taken yet: what
 * is final is told only of units that are known to follow each other.
 */
class HeldHeads {
  readonly #onHead: ReadOptions["onHead"];
  readonly #held: { readonly after: number; readonly head: Head }[] = [];
  #given = 0;
  #taken = 0;

  constructor({ onHead }: ReadOptions) {
    this.#onHead = onHead;
  }

  readonly see = (head: Head): void => {
    if (this.#taken === this.#given) this.#onHead(head);
    else this.#held.push({ after: this.#given, head });
  };

  /** Count what is read ahead. */
  async *counted<T>(units: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const unit of units) {
      this.#given++;
      yield unit;
    }
  }

  /** One more was taken, and found to follow the one before. */
  taken(): void {
    this.#taken++;
    for (;;) {
      const [first] = this.#held;
      if (!first || first.after > this.#taken) return;
      this.#held.shift();
      this.#onHead(first.head);
    }
  }
}

/** The blocks of one reading, as they come. */
class Blocks {
  readonly #options: FollowingOptions;
  readonly #signal: AbortSignal;
  /** Those known from the beginning, then those seen, in order. */
  readonly #targets: Target[];
  readonly #seen: Set<string>;
  /** The block before the next one, where times decide. */
  #before: Promise<ReadBlock> | undefined;

  constructor(
    options: FollowingOptions,
    seen: readonly string[],
    signal: AbortSignal,
  ) {
    const { contracts: { known }, table, trigger } = options;
    this.#options = options;
    this.#signal = signal;
    this.#seen = new Set(seen);
    // Rows may bring arguments: what they ask for is made when they come.
    this.#targets = trigger.kind === "rows" ? [] : [
      ...known,
      ...seen.map(contractAt),
    ].flatMap((one) => table.targetsOf(one));
  }

  /** Called in the order of the units, whenever one has come. */
  async read(unit: SourceUnit): Promise<ReadUnit> {
    const { calls, contracts, table, trigger } = this.#options;
    const fresh = contracts.seen
      ? addressesIn(unit.rows["contracts"] ?? [], contracts.seen)
        .filter((address) => !this.#seen.has(address))
      : [];
    for (const address of fresh) this.#seen.add(address);
    const due = this.#isDue(unit);
    let targets: readonly Target[];
    if (trigger.kind === "rows") {
      targets = this.#asked(unit.rows["every"] ?? [], trigger);
    } else {
      const more = fresh.map(contractAt)
        .flatMap((one) => table.targetsOf(one));
      this.#targets.push(...more);
      // Those that come while this block is read are none of its.
      const count = this.#targets.length;
      targets = await due ? this.#targets.slice(0, count) : [];
    }
    const block = targets.length > 0
      ? await this.#located(unit)
      : blockOf(unit);
    const rows = await table.read(targets, block, {
      calls,
      priority: unit.final ? "backfill" : "head",
      signal: this.#signal,
    });
    return { unit, block, rows, seen: fresh };
  }

  /** What the rows of a block ask for, each once. */
  #asked(rows: readonly Row[], trigger: RowTrigger): readonly Target[] {
    const { contracts: { known, seen }, table } = this.#options;
    const { contract = seen || known.length > 0 ? undefined : "address" } =
      trigger;
    const { where } = trigger;
    const matching = where ? rows.filter(where) : rows;
    const targets = new Map<string, Target>();
    if (matching.length === 0) return [];
    for (const row of matching) {
      const named = contract === undefined ? undefined : row[contract];
      const wanted = contract === undefined
        ? [...known, ...[...this.#seen].map(contractAt)]
        : this.#named(named);
      for (const target of wanted.flatMap((one) => table.targetsOf(one, row))) {
        targets.set(target.key, target);
      }
    }
    return [...targets.values()];
  }

  /** The contract that a row names, if it is one of those to read. */
  #named(address: unknown): readonly Contract[] {
    const { known, seen } = this.#options.contracts;
    if (typeof address !== "string") return [];
    const one = known.find((one) => one.address === address);
    if (one) return [one];
    const any = known.length === 0 && !seen;
    return any || this.#seen.has(address) ? [contractAt(address)] : [];
  }

  /** Called in the order of the units. */
  async #isDue(unit: SourceUnit): Promise<boolean> {
    const { trigger } = this.#options;
    if (trigger.kind === "rows") return true;
    if (trigger.kind === "blocks") return unit.number % trigger.count === 0;
    const before = this.#before;
    const here = this.#located(unit);
    // Whoever asks for it next is told of its failure as well.
    here.catch(() => {});
    this.#before = here;
    const { number, time } = await here;
    // An instant lies between this block and the one before it.
    const { time: since = -1 } = await before ??
      (number > 0 ? await this.#header(number - 1) : {});
    const due = trigger.next(since);
    return due !== undefined && due <= time;
  }

  /** A block that nothing has told of yet has a number, and is final. */
  async #located(unit: SourceUnit): Promise<ReadBlock> {
    return unit.id === "" ? await this.#header(unit.number) : blockOf(unit);
  }

  async #header(number: number): Promise<ReadBlock> {
    const { client } = this.#options;
    return await headerAt(number, { client, signal: this.#signal });
  }
}

function contractAt(address: string): Contract {
  return { name: undefined, address, values: {} };
}

function blockOf({ id, number, time }: SourceUnit): ReadBlock {
  return { hash: id, number, time };
}
