/**
 * A chain, a source and two kinds of sink in memory, for tests of the
 * runtime alone.
 *
 * @module
 */
import {
  defineSink,
  defineSource,
  type Head,
  type OpenSource,
  optional,
  type Position,
  type ReadOptions,
  type Row,
  type Schema,
  type SourceUnit,
} from "../../../runtime/component.ts";
import { fields } from "../../../runtime/component.ts";
import type {
  Deliver,
  SinkStage,
  SourceStage,
  Spec,
  Stage,
} from "../../../runtime/spec/spec.ts";

/** Columns of the toy rows. */
export const schema: Schema = [
  { name: "block", type: "uint64", doc: "Block" },
  { name: "index", type: "uint64", doc: "Row in the block" },
  { name: "hash", type: "string", doc: "Id of the block" },
];

/** A chain that can be extended and reorganised. */
export class ToyChain {
  readonly blocks: Position[] = [{ number: 0, id: "0" }];
  /** Number of blocks below the head that are not final. */
  finality = 64;
  /** Whether the node says what is final. */
  saysFinal = true;
  #fork = 0;
  #finalized = 0;

  /** The last final block; what was final once stays so. */
  get finalized(): number {
    this.#finalized = Math.max(this.#finalized, this.head - this.finality);
    return this.#finalized;
  }

  get head(): number {
    return this.blocks.length - 1;
  }

  extend(count: number): this {
    for (let i = 0; i < count; i++) {
      const number = this.blocks.length;
      this.blocks.push({ number, id: `${number}/${this.#fork}` });
    }
    return this;
  }

  /** Replace the last `depth` blocks, as far as they are open, by others. */
  reorg(depth: number, length = depth + 1): this {
    return this.replace(Math.min(depth, this.head - this.finalized), length);
  }

  /** Replace the last `depth` blocks by `length` others, final or not. */
  replace(depth: number, length = depth + 1): this {
    this.#fork++;
    this.blocks.splice(Math.max(1, this.blocks.length - depth));
    return this.extend(length);
  }

  /** Rows of a block: 0 to 3, from its number and id alone. */
  rows({ id, number }: Position): Row[] {
    const fork = Number(id.split("/")[1] ?? 0);
    return Array.from({ length: (number * 7 + fork * 5) % 4 }, (_, index) => ({
      block: number,
      index,
      hash: id,
    }));
  }

  /** What a sink must hold: `block/index/hash`, sorted. */
  expected(upTo = this.head, from = 1): string[] {
    return this.blocks.filter(({ number }) => number >= from && number <= upTo)
      .flatMap((block) => this.rows(block)).map(rowKey).sort();
  }

  source(hooks: { onUnit?: () => void } = {}): OpenSource {
    const identify = (number: number) =>
      Promise.resolve(this.blocks[number]?.id);
    const head = (): Head => ({
      latest: this.head,
      ...(this.saysFinal
        ? {
          finalized: this.finalized,
          safe: Math.max(
            this.finalized,
            this.head - Math.floor(this.finality / 2),
          ),
        }
        : {}),
    });
    const read = async function* (
      this: ToyChain,
      { after, from, onHead, signal, to }: ReadOptions,
    ): AsyncGenerator<SourceUnit | "fork"> {
      onHead(head());
      if (after?.id && this.blocks[after.number]?.id !== after.id) {
        yield "fork";
        return;
      }
      for (let n = after ? after.number + 1 : from ?? 1;; n++) {
        const isThere = n < this.blocks.length && n <= (to ?? Infinity);
        if (!isThere || signal.aborted) return;
        await Promise.resolve();
        onHead(head());
        hooks.onUnit?.();
        // What is final now need not be what was there before.
        const block = this.blocks[n];
        if (!block) return;
        const rows = this.rows(block);
        const parent = this.blocks[n - 1]?.id;
        yield {
          ...block,
          ...(parent === undefined ? {} : { parent }),
          time: n * 12_000,
          rows: { rows },
          bytes: 100,
          final: this.saysFinal && n <= this.finalized,
        };
      }
    };
    return { read: read.bind(this), identify };
  }
}

/** A row's identity. */
export function rowKey(row: Row): string {
  return `${row["block"]}/${row["index"]}/${row["hash"]}`;
}

/** Throws at random points, as a crash would end a process. */
export class Crash extends Error {
  override name = "Crash";
}

/** A store in memory that outlives its sinks. */
export interface Store {
  readonly definition: ReturnType<typeof ledger>;
  /** Rows that it holds now, sorted. */
  net(): string[];
}

type Hook = () => void | Promise<void>;

/** Appends lines and truncates to the cursor, as files do. */
export function ledger(lines: string[], hook: Hook = () => {}) {
  return defineSink<Record<never, never>, object, string[]>({
    type: "ledger",
    summary: "Lines in memory",
    fields: {},
    batch: () => ({ rows: 5, bytes: 1000, every: 20 }),
    delivery: () => "exactly once",
    example: "",
    open(_config, { state }) {
      lines.splice(Number(state?.["length"] ?? 0));
      return {
        encode: (rows, { op }) => ({
          data: rows.map((row) =>
            `${op === "insert" ? "+" : "-"}${rowKey(row)}`
          ),
          bytes: rows.length * 50,
        }),
        async write({ chunks }) {
          await hook();
          lines.push(...chunks.flatMap(({ data }) => data));
          const state = { length: lines.length };
          await hook();
          return state;
        },
      };
    },
  });
}

/** What a ledger's lines leave; throws when a line takes what is not there. */
export function netOf(lines: readonly string[]): string[] {
  const rows = new Set<string>();
  for (const line of lines) {
    const row = line.slice(1);
    if (line.startsWith("+")) {
      if (rows.has(row)) throw new Error(`${row} is doubled`);
      rows.add(row);
    } else if (!rows.delete(row)) throw new Error(`${row} is not there`);
  }
  return [...rows].sort();
}

interface Merged {
  readonly version: number;
  readonly deleted: boolean;
  readonly row: string;
}

/** Merges by key and version, as ClickHouse does, and drops known tokens. */
export class MergeStore {
  readonly rows = new Map<string, Merged>();
  /** Sum over all accepted inserts: what a materialised view would hold. */
  readonly view = new Map<string, number>();
  readonly #tokens = new Set<string>();

  definition(hook: Hook = () => {}) {
    const { rows, view } = this;
    const tokens = this.#tokens;
    return defineSink<Record<never, never>, object, Row[]>({
      type: "merge",
      summary: "Rows in memory, merged by key",
      fields: {},
      batch: () => ({ rows: 7, bytes: 1000, every: 30 }),
      delivery: () => "exactly once",
      example: "",
      open: () => ({
        encode: (rows) => ({ data: [...rows], bytes: rows.length * 50 }),
        async write({ chunks, token }) {
          await hook();
          if (!tokens.has(token)) {
            tokens.add(token);
            for (const { data, unit } of chunks) {
              const deleted = unit.op === "retract";
              for (const row of data) {
                const key = `${row["block"]}/${row["index"]}`;
                const known = rows.get(key);
                const text = rowKey(row);
                view.set(text, (view.get(text) ?? 0) + (deleted ? -1 : 1));
                if (known && known.version > unit.version) continue;
                rows.set(key, { version: unit.version, deleted, row: text });
              }
            }
          }
          await hook();
        },
      }),
    });
  }

  net(): string[] {
    return [...this.rows.values()].filter(({ deleted }) => !deleted)
      .map(({ row }) => row).sort();
  }

  /** Rows of the view; throws when one is counted twice or less than never. */
  netOfView(): string[] {
    return [...this.view].flatMap(([row, count]) => {
      if (count !== 0 && count !== 1) throw new Error(`${row}: ${count} times`);
      return count === 1 ? [row] : [];
    }).sort();
  }
}

/** The toy source's definition over a chain. */
export function toySource(
  chain: ToyChain,
  hooks: { onUnit?: () => void } = {},
) {
  return defineSource({
    type: "toy",
    summary: "A chain in memory",
    reorgs: true,
    fields: { start: optional(fields.integer("First block"), 1) },
    outputs: () => ({ rows: schema }),
    example: "",
    open: () => chain.source(hooks),
  });
}

/** A stage of a toy spec. */
export function sinkStage(
  name: string,
  definition: SinkStage["definition"],
  deliver: Deliver = "latest",
): SinkStage {
  return {
    kind: "sink",
    name,
    definition,
    config: {},
    written: {},
    connection: undefined,
    inputs: [{ stage: "chain", port: "rows" }],
    schema,
    source: "chain",
    batch: definition.batch({}),
    deliver,
    renamedFrom: undefined,
  };
}

/** A spec with the toy source and these sinks. */
export function toySpec(
  source: SourceStage["definition"],
  sinks: readonly Stage[],
): Spec {
  const chain: SourceStage = {
    kind: "source",
    name: "chain",
    definition: source,
    config: {},
    written: {},
    connection: undefined,
    outputs: { rows: schema },
    used: new Map([["rows", new Set(["block", "index", "hash"])]]),
    needed: new Map(),
    renamedFrom: undefined,
    inputs: [],
    follows: undefined,
  };
  return {
    file: "toy.yaml",
    folder: ".",
    name: "toy",
    description: undefined,
    connections: new Map(),
    stages: [chain, ...sinks],
    tests: [],
    secrets: [],
  };
}
