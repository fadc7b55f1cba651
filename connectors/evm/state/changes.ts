/**
 * What a state is compared with: the last values of its rows, and the
 * contracts that were seen so far.
 *
 * @module
 */
import type { Memory, Row, Value } from "../../../runtime/component.ts";
import type { KeyedRow, ReadBlock } from "./table.ts";

// In front of an address that was seen; keys of rows begin with an address.
const SEEN = "seen ";

/** Passes rows that have changed, and remembers which contracts there are. */
export class Changes {
  /** Undefined: every row passes. */
  readonly #columns: readonly string[] | undefined;
  readonly #memory: Memory;
  #last = new Map<string, string>();
  #at = -1;

  constructor(columns: readonly string[] | undefined, memory: Memory) {
    this.#columns = columns;
    this.#memory = memory;
  }

  /**
   * Go on behind a block: what came after it is forgotten.
   *
   * @returns the contracts that were seen up to there.
   */
  async resume(number: number): Promise<readonly string[]> {
    this.#at = number;
    this.#last = await this.#memory.recall(number);
    return [...this.#last.keys()].filter((key) => key.startsWith(SEEN))
      .map((key) => key.slice(SEEN.length));
  }

  /**
   * The rows of the next block that differ from the last ones.
   *
   * @param seen Contracts that this block has shown first.
   */
  async pass(
    rows: readonly KeyedRow[],
    block: ReadBlock,
    seen: readonly string[] = [],
  ): Promise<readonly Row[]> {
    const entries = new Map(seen.map((address) => [SEEN + address, ""]));
    const passed = this.#changed(rows, entries);
    const { hash, number, time } = block;
    const after = this.#at;
    await this.#memory.remember({ id: hash, number, time, after }, entries);
    for (const [key, value] of entries) this.#last.set(key, value);
    this.#at = number;
    return passed;
  }

  #changed(
    rows: readonly KeyedRow[],
    entries: Map<string, string>,
  ): readonly Row[] {
    const columns = this.#columns;
    if (columns === undefined) return rows.map(({ row }) => row);
    return rows.filter(({ key, row }) => {
      const values = columns.map((column) => row[column] ?? null);
      const value = JSON.stringify(values, exact);
      if ((entries.get(key) ?? this.#last.get(key)) === value) return false;
      entries.set(key, value);
      return true;
    }).map(({ row }) => row);
  }
}

function exact(_key: string, value: Value) {
  return typeof value === "bigint" ? String(value) : value;
}
