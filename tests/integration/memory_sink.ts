/**
 * A store in memory that merges rows by place and version and drops a
 * repetition of a token, as ClickHouse does.
 *
 * @module
 */
import { defineSink, type Row } from "../../runtime/component.ts";

interface Merged {
  readonly version: number;
  readonly deleted: boolean;
  readonly row: Row;
}

/** The rows of one sink; outlives the runs that fill it. */
export class MemoryTable {
  readonly #merged = new Map<string, Merged>();
  readonly #tokens = new Set<string>();

  /** Take a batch's rows once. */
  insert(
    token: string,
    rows: Iterable<Merged & { readonly place: string }>,
  ): void {
    if (this.#tokens.has(token)) return;
    this.#tokens.add(token);
    for (const { place, ...row } of rows) {
      const known = this.#merged.get(place);
      if (known === undefined || known.version <= row.version) {
        this.#merged.set(place, row);
      }
    }
  }

  /** What the view shows. */
  rows(): Row[] {
    return [...this.#merged.values()]
      .flatMap(({ deleted, row }) => deleted ? [] : [row]);
  }
}

/** Called before and after every write; what it throws ends the run. */
export type WriteHook = () => void | Promise<void>;

/** The sink `memory` over tables by the name of the stage. */
export function memorySink(
  tables: Map<string, MemoryTable>,
  hook: WriteHook = () => {},
) {
  return defineSink<Record<never, never>, object, readonly Row[]>({
    type: "memory",
    summary: "Rows in memory, merged by place and version",
    fields: {},
    batch: () => ({ rows: 40, bytes: 100_000, every: 300 }),
    delivery: () => "exactly once",
    example: "",
    open(_config, { name }) {
      const table = tables.get(name) ?? new MemoryTable();
      tables.set(name, table);
      return {
        encode: (rows) => ({ data: rows, bytes: rows.length * 500 }),
        async write({ chunks, token }) {
          await hook();
          table.insert(
            token,
            chunks.flatMap(({ data, unit: { number, op, version } }) =>
              data.map((row, index) => ({
                place: `${number}/${index}`,
                version,
                deleted: op === "retract",
                row,
              }))
            ),
          );
          await hook();
        },
      };
    },
  });
}
