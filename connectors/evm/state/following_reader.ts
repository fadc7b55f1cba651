/**
 * Reads contracts at blocks that another source gives: when its rows say so,
 * and those that its rows have shown.
 *
 * @module
 */
import type {
  OpenSource,
  ReadOptions,
  Row,
  SourceUnit,
} from "../../../runtime/component.ts";
import type { EvmClient } from "../client.ts";
import { outward } from "../errors.ts";
import { ahead } from "./ahead.ts";
import type { CallReader } from "./calls.ts";
import type { Changes } from "./changes.ts";
import { addressesIn, type Contract, type Contracts } from "./contracts.ts";
import { headerAt } from "./history.ts";
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

  async *read(options: ReadOptions): AsyncGenerator<SourceUnit | "fork"> {
    const stop = new AbortController();
    const signal = AbortSignal.any([options.signal, stop.signal]);
    try {
      yield* this.#read({ ...options, signal });
    } catch (error) {
      // Nobody wants more units: that is an end, not a failure.
      if (!options.signal.aborted) throw outward(error);
    } finally {
      stop.abort();
    }
  }

  async *#read(options: ReadOptions): AsyncGenerator<SourceUnit | "fork"> {
    const { changes, inFlight, upstream } = this.#options;
    const { after, signal } = options;
    const known = await changes.resume(after?.number ?? -1);
    const block = new Blocks(this.#options, known, signal);
    const units = ahead(
      upstream.read(options),
      async (unit) => unit === "fork" ? unit : await block.read(unit),
      inFlight,
    );
    for await (const one of units) {
      if (one === "fork") {
        yield one;
        continue;
      }
      const { rows, seen, unit } = one;
      const passed = await changes.pass(rows, blockOf(unit), seen);
      yield {
        ...unit,
        rows: { rows: passed },
        bytes: ROW_BYTES * passed.length,
      };
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
  #before: { readonly number: number; readonly time: number } | undefined;

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
    const before = this.#before;
    this.#before = unit;
    let targets: readonly Target[];
    if (trigger.kind === "rows") {
      targets = this.#asked(unit.rows["every"] ?? [], trigger);
    } else {
      const more = fresh.map(contractAt)
        .flatMap((one) => table.targetsOf(one));
      this.#targets.push(...more);
      // Those that come while this block is read are none of its.
      const count = this.#targets.length;
      targets = await this.#isDue(unit, before)
        ? this.#targets.slice(0, count)
        : [];
    }
    const rows = await table.read(targets, blockOf(unit), {
      calls,
      priority: unit.final ? "backfill" : "head",
      signal: this.#signal,
    });
    return { unit, rows, seen: fresh };
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
    const all = [...known, ...[...this.#seen].map(contractAt)];
    const byAddress = new Map(all.map((one) => [one.address, one]));
    for (const row of matching) {
      const address = contract === undefined ? undefined : row[contract];
      const one = typeof address === "string"
        ? byAddress.get(address) ??
          (all.length === 0 ? contractAt(address) : undefined)
        : undefined;
      const wanted = contract === undefined ? all : one ? [one] : [];
      for (const target of wanted.flatMap((one) => table.targetsOf(one, row))) {
        targets.set(target.key, target);
      }
    }
    return [...targets.values()];
  }

  async #isDue(
    { number, time }: SourceUnit,
    before: { readonly number: number; readonly time: number } | undefined,
  ): Promise<boolean> {
    const { client, trigger } = this.#options;
    if (trigger.kind === "rows") return true;
    if (trigger.kind === "blocks") return number % trigger.count === 0;
    // An instant lies between this block and the one before it.
    let since = before?.time;
    if (before === undefined && number > 0) {
      ({ time: since } = await headerAt(number - 1, {
        client,
        signal: this.#signal,
      }));
    }
    const due = trigger.next(since ?? -1);
    return due !== undefined && due <= time;
  }
}

function contractAt(address: string): Contract {
  return { name: undefined, address, values: {} };
}

function blockOf({ id, number, time }: SourceUnit): ReadBlock {
  return { hash: id, number, time };
}
