/**
 * What every sink has to do, as tests that a sink passes by being opened:
 *
 * ```ts
 * sinkContract({
 *   name: "file, jsonl",
 *   definition: fileSink,
 *   async arrange() {
 *     const folder = await Deno.makeTempDir();
 *     const path = join(folder, "rows.jsonl");
 *     return {
 *       config: { path },
 *       connection: {},
 *       read: async () => netRows(everyType, await changesIn(path)),
 *       [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
 *     };
 *   },
 * });
 * ```
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  Batch,
  Chunk,
  Config,
  Connected,
  Fields,
  OpenSink,
  Row,
  Schema,
  SinkDefinition,
  SinkState,
  UnitInfo,
} from "../../runtime/component.ts";
import { type CanonicalRow, canonicalRows } from "./canonical.ts";
import { everyType, extremeRows, type Largest } from "./extreme_rows.ts";
import { openContext } from "./open_context.ts";

/** A fresh place for one test: an empty folder, a new table. */
export interface Arranged<F extends Fields, C> extends AsyncDisposable {
  readonly config: Config<F>;
  readonly connection: C;
  /**
   * What a reader of the store sees: net of retractions, in canonical form
   * and order (`canonicalRows` or `netRows` of `canonical.ts`).
   */
  read(): Promise<readonly CanonicalRow[]>;
}

/** A sink and how to try it. */
export interface SinkCase<F extends Fields, C extends Connected, T> {
  /** What the tests are called. */
  readonly name: string;
  readonly definition: SinkDefinition<F, C, T>;
  /**
   * Make a fresh place for rows of the schema, whose key is `block_number`
   * and `log_index`.
   */
  arrange(schema: Schema): Promise<Arranged<F, C>>;
  /** Columns of the rows; by default every type. */
  readonly schema?: Schema;
  /** By default everything; "nothing" for a sink that stores nothing. */
  readonly delivers?: "everything" | "nothing";
  /** Largest values that the store can hold. */
  readonly largest?: Largest;
  /** Values that cannot be stored and whose row must be rejected. */
  readonly rejected?: Readonly<Record<string, Row[string]>>;
  /** The store is not there: the tests are shown as ignored. */
  readonly ignore?: boolean;
}

/** Register the tests of a sink. */
export function sinkContract<F extends Fields, C extends Connected, T>(
  options: SinkCase<F, C, T>,
): void {
  const test = (name: string, run: (bench: Bench<F, C, T>) => Promise<void>) =>
    Deno.test({
      name: `${options.name} sink: ${name}`,
      ignore: options.ignore ?? false,
      async fn() {
        const schema = options.schema ?? everyType;
        await using place = await options.arrange(schema);
        await using bench = new Bench(options, place);
        await run(bench);
      },
    });

  test("delivers every value of every type", async (bench) => {
    await bench.open();
    await bench.write([unit(1), unit(2), unit(3)]);
    await bench.holds([unit(1), unit(2), unit(3)]);
  });

  test("delivers batches one after the other", async (bench) => {
    await bench.open();
    for (const number of [1, 2, 3, 4]) await bench.write([unit(number)]);
    await bench.holds([unit(1), unit(2), unit(3), unit(4)]);
  });

  test("takes an empty batch and units without rows", async (bench) => {
    await bench.open();
    await bench.writeChunks([]);
    await bench.writeChunks([bench.chunk(unit(1), [])]);
    await bench.write([unit(2)]);
    await bench.writeChunks([bench.chunk(unit(3), [])]);
    await bench.writeChunks([]);
    await bench.holds([unit(2)]);
  });

  test("encodes the same rows to the same data", async (bench) => {
    await bench.open();
    const first = bench.chunk(unit(1));
    bench.chunk(unit(2, { op: "retract" }));
    const second = bench.chunk(unit(1));
    assert.deepEqual(second.data, first.data);
    assert.equal(second.bytes, first.bytes);
  });

  test("encodes for good: rows that change later do not", async (bench) => {
    await bench.open();
    const rows = structuredClone(bench.rows(unit(1))) as Record<
      string,
      Row[string]
    >[];
    const chunk = bench.chunk(unit(1), rows);
    for (const row of rows) {
      for (const value of Object.values(row)) {
        if (Array.isArray(value)) value.length = 0;
      }
      for (const name of Object.keys(row)) row[name] = null;
    }
    rows.length = 0;
    await bench.writeChunks([chunk]);
    await bench.holds([unit(1)]);
  });

  test("goes on after a restart", async (bench) => {
    await bench.open();
    const state = await bench.write([unit(1), unit(2)]);
    await bench.open(state);
    await bench.write([unit(3)]);
    await bench.holds([unit(1), unit(2), unit(3)]);
  });

  test("loses and doubles nothing after a crash", async (bench) => {
    await bench.open();
    const state = await bench.write([unit(1), unit(2)]);
    await bench.write([unit(3), unit(4)]);
    // Killed before the cursor of the second write was saved.
    await bench.open(state);
    await bench.write([unit(3), unit(4)]);
    await bench.holds([unit(1), unit(2), unit(3), unit(4)]);
  });

  test("takes units again in other batches after a crash", async (bench) => {
    await bench.open();
    const state = await bench.write([unit(1)]);
    await bench.write([unit(2), unit(3)]);
    await bench.write([unit(4)]);
    await bench.open(state);
    await bench.write([unit(2)]);
    await bench.write([unit(3), unit(4), unit(5)]);
    await bench.holds([unit(1), unit(2), unit(3), unit(4), unit(5)]);
  });

  test("starts over after a crash in the first write", async (bench) => {
    await bench.open();
    await bench.write([unit(1), unit(2)]);
    await bench.open(undefined);
    await bench.write([unit(1)]);
    await bench.write([unit(2), unit(3)]);
    await bench.holds([unit(1), unit(2), unit(3)]);
  });

  test("retracts exactly", async (bench) => {
    await bench.open();
    await bench.write([unit(1), unit(2), unit(3)]);
    await bench.write([
      unit(3, { op: "retract", version: 2 }),
      unit(2, { op: "retract", version: 2 }),
    ]);
    await bench.holds([unit(1)]);
    const replaced = [
      unit(2, { id: "0xb2", version: 3 }),
      unit(3, { id: "0xb3", version: 3 }),
    ];
    await bench.write(replaced);
    await bench.holds([unit(1), ...replaced]);
  });

  test("retracts and replaces in one batch", async (bench) => {
    await bench.open();
    await bench.write([unit(1), unit(2)]);
    const replaced = unit(2, { id: "0xb2", version: 3 });
    await bench.write([unit(2, { op: "retract", version: 2 }), replaced]);
    await bench.holds([unit(1), replaced]);
  });

  test("retracts once, also after a crash", async (bench) => {
    await bench.open();
    const state = await bench.write([unit(1), unit(2)]);
    const retracted = unit(2, { op: "retract", version: 2 });
    await bench.write([retracted]);
    await bench.open(state);
    await bench.write([retracted]);
    await bench.holds([unit(1)]);
  });

  test("can be disposed twice", async (bench) => {
    await bench.open();
    await bench.write([unit(1)]);
    await bench.close();
    await bench.close();
    await bench.holds([unit(1)]);
  });

  for (const [column, value] of Object.entries(options.rejected ?? {})) {
    test(`rejects a ${column} that it cannot hold`, async (bench) => {
      await bench.open();
      const [first, ...rest] = bench.rows(unit(1));
      const bad = { ...first, [column]: value } as Row;
      const rejects: Row[] = [];
      const reasons: string[] = [];
      const chunk = bench.chunk(unit(1), [bad, ...rest], (row, reason) => {
        rejects.push(row);
        reasons.push(reason);
      });
      await bench.writeChunks([chunk]);
      assert.deepEqual(rejects, [bad]);
      assert.match(reasons.join(), new RegExp(column));
      assert.deepEqual(await bench.read(), canonicalRows(bench.schema, rest));
    });
  }
}

/** A unit of the test's own chain: two ids a height, `0xa…` and `0xb…`. */
function unit(number: number, other: Partial<UnitInfo> = {}): UnitInfo {
  const time = Date.parse("2024-01-01T00:00:00Z") + number * 12_000;
  return {
    number,
    id: `0xa${number}`,
    time,
    op: "insert",
    version: 1,
    ...other,
  };
}

/** One sink under test and the rows that it gets. */
class Bench<F extends Fields, C extends Connected, T>
  implements AsyncDisposable {
  readonly schema: Schema;
  readonly #options: SinkCase<F, C, T>;
  readonly #place: Arranged<F, C>;
  #sink: OpenSink<T> | undefined;

  constructor(options: SinkCase<F, C, T>, place: Arranged<F, C>) {
    this.#options = options;
    this.#place = place;
    this.schema = options.schema ?? everyType;
  }

  /** Open the sink, as a restart does when it was open. */
  async open(state?: SinkState | void): Promise<void> {
    await this.close();
    const { definition } = this.#options;
    const { config, connection } = this.#place;
    // What a state store gives back has been through JSON.
    const saved = state ? JSON.parse(JSON.stringify(state)) : undefined;
    this.#sink = await definition.open(config, {
      ...openContext({ name: "sink", pipeline: "contract" }),
      connection,
      schema: this.schema,
      state: saved,
    });
  }

  /** The rows of a unit; another id at the same height has other values. */
  rows({ id, number }: UnitInfo): Row[] {
    const names = this.schema.map(({ name }) => name);
    const rows = extremeRows(number, this.#options.largest)
      .map((row) => ({ ...row, label: `${row["label"]} of ${id}` }));
    return (id.startsWith("0xb") ? rows.slice(1) : rows).map((row) =>
      Object.fromEntries(
        names.map((name) => [name, (row as Row)[name] ?? null]),
      )
    );
  }

  chunk(
    unit: UnitInfo,
    rows: readonly Row[] = this.rows(unit),
    reject = (row: Row, reason: string): void =>
      assert.fail(`Rejected ${row["log_index"]}: ${reason}`),
  ): Chunk<T> {
    assert(this.#sink);
    let rejected = 0;
    const encoded = this.#sink.encode(rows, unit, (row, reason) => {
      rejected++;
      reject(row, reason);
    });
    return { ...encoded, rows: rows.length - rejected, unit };
  }

  write(units: readonly UnitInfo[]): Promise<SinkState | void> {
    return this.writeChunks(units.map((one) => this.chunk(one)));
  }

  async writeChunks(chunks: readonly Chunk<T>[]): Promise<SinkState | void> {
    assert(this.#sink);
    const sum = (pick: (chunk: Chunk<T>) => number) =>
      chunks.reduce((total, chunk) => total + pick(chunk), 0);
    const batch: Batch<T> = {
      chunks,
      rows: sum(({ rows }) => rows),
      bytes: sum(({ bytes }) => bytes),
      token: chunks.map(({ unit }) => `${unit.op}:${unit.id}`).join(),
      signal: new AbortController().signal,
    };
    return await this.#sink.write(batch);
  }

  read(): Promise<readonly CanonicalRow[]> {
    return this.#place.read();
  }

  /** The store holds the rows of these units and no other. */
  async holds(units: readonly UnitInfo[]): Promise<void> {
    const { delivers = "everything" } = this.#options;
    const rows = delivers === "nothing"
      ? []
      : units.flatMap((unit) => this.rows(unit));
    assert.deepEqual(await this.read(), canonicalRows(this.schema, rows));
  }

  async close(): Promise<void> {
    await this.#sink?.[Symbol.asyncDispose]?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
