/**
 * Rows whose values differ from the last ones.
 *
 * @module
 */
import type { Memory, Row, Value } from "../../../runtime/component.ts";
import type { KeyedRow, ReadBlock } from "./table.ts";

/** Passes the rows in which one of some columns has changed. */
export class Changes {
  readonly #columns: readonly string[];
  readonly #memory: Memory;
  #last = new Map<string, string>();
  #at = -1;

  constructor(columns: readonly string[], memory: Memory) {
    this.#columns = columns;
    this.#memory = memory;
  }

  /** Go on behind a block: what came after it is forgotten. */
  async resume(number: number): Promise<void> {
    this.#at = number;
    this.#last = await this.#memory.recall(number);
  }

  /** The rows of the next block that differ; remembered before they leave. */
  async pass(rows: readonly KeyedRow[], block: ReadBlock): Promise<Row[]> {
    const entries = new Map<string, string>();
    const passed: Row[] = [];
    for (const { key, row } of rows) {
      const value = JSON.stringify(
        this.#columns.map((column) => row[column] ?? null),
        exact,
      );
      if (this.#last.get(key) === value) continue;
      entries.set(key, value);
      passed.push(row);
    }
    const { hash, number, time } = block;
    const after = this.#at;
    await this.#memory.remember({ id: hash, number, time, after }, entries);
    for (const [key, value] of entries) this.#last.set(key, value);
    this.#at = number;
    return passed;
  }
}

function exact(_key: string, value: Value) {
  return typeof value === "bigint" ? String(value) : value;
}
