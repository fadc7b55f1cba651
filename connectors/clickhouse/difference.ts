/**
 * How an existing table differs from the one that a sink writes to.
 *
 * @module
 */
import type { Refusal } from "../../runtime/component.ts";
import {
  addColumn,
  addIndex,
  dropColumn,
  forgetTokens,
  indexName,
  layoutOf,
  modifyTokens,
  modifyTtl,
  rebuildTable,
  type TableShape,
} from "./table.ts";
import { addedColumns, clickhouseType } from "./types.ts";

/** A column as the database describes it. */
export interface Described {
  readonly name: string;
  readonly type: string;
  /** `DEFAULT`, `MATERIALIZED` and so on; empty for a plain one. */
  readonly default_kind: string;
}

/** A table as the database describes it. */
export interface Existing {
  readonly engine: string;
  /** The engine with its parameters, keys and settings. */
  readonly engine_full: string;
  readonly partition_key: string;
  readonly sorting_key: string;
  readonly columns: readonly Described[];
  /** Names of the skip indices. */
  readonly indices: readonly string[];
}

/** What has to happen before the sink can write. */
export interface Difference {
  /** What is added, one word each: `column "label"`. */
  readonly added: readonly string[];
  /** The statements that add it. */
  readonly statements: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** Compare a table with what the spec has. */
export function compareTable(
  shape: TableShape,
  existing: Existing,
): Difference {
  const lacking = addedColumns.filter(({ name }) =>
    !existing.columns.some((column) => column.name === name)
  );
  if (lacking.length > 0 || !existing.engine.endsWith(engine)) {
    const names = lacking.map(({ name }) => `"${name}"`).join(", ");
    const why = names === ""
      ? `its engine is ${existing.engine}`
      : `no ${names}`;
    const reason = `it is another table (${why}); choose another name`;
    return {
      added: [],
      statements: [],
      refusals: [{ reason, statements: [] }],
    };
  }
  const names = new Set(existing.columns.map(({ name }) => name));
  const columns = shape.schema.filter(({ name }) => !names.has(name));
  const indices = shape.index.filter((index) =>
    !existing.indices.includes(indexName(index))
  );
  const remembers = !existing.engine_full.includes(forgetTokens(shape));
  return {
    added: [
      ...columns.map(({ name }) => `column "${name}"`),
      ...indices.map(({ column }) => `index of "${column}"`),
      ...(remembers ? [`setting "${forgetTokens(shape)}"`] : []),
    ],
    statements: [
      ...columns.flatMap((column) => addColumn(shape, column)),
      ...indices.flatMap((index) => addIndex(shape, index)),
      ...(remembers ? [modifyTokens(shape)] : []),
    ],
    refusals: [
      ...rebuilding(shape, existing),
      ...unknownColumns(shape, existing),
      ...otherTtl(shape, existing),
    ],
  };
}

/** The end of the engine's name, be it replicated or of the cloud. */
const engine = "ReplacingMergeTree";

/** What only another table can have: types and keys. */
function rebuilding(shape: TableShape, existing: Existing): Refusal[] {
  const types = new Map(existing.columns.map(({ name, type }) => [name, type]));
  const wanted = [
    ...shape.schema.map((column) => ({
      name: column.name,
      type: clickhouseType(column),
    })),
    ...addedColumns,
  ];
  const reasons = wanted.flatMap(({ name, type }) => {
    const found = types.get(name);
    return found === undefined || plainType(found) === plainType(type)
      ? []
      : [`column "${name}" is ${found}, the spec has ${type}`];
  });
  const layout = layoutOf(shape);
  const keys = [
    ["ordered by", existing.sorting_key, layout.order],
    ["partitioned by", existing.partition_key, layout.partition ?? ""],
  ] as const;
  for (const [what, found, spec] of keys) {
    if (plain(found) === plain(spec)) continue;
    const say = (key: string) => `(${key.replaceAll("`", "")})`;
    reasons.push(`it is ${what} ${say(found)}, the spec has ${say(spec)}`);
  }
  if (shape.sharding && existing.engine === engine) {
    reasons.push("it is not replicated, and the connection has a cluster");
  }
  if (reasons.length === 0) return [];
  const statements = rebuildTable(shape, existing.columns);
  return [{ reason: reasons.join("; "), statements }];
}

/** Columns that inserts would fill with zeros and empty texts. */
function unknownColumns(shape: TableShape, existing: Existing): Refusal[] {
  const known = new Set(
    [...shape.schema, ...addedColumns].map(({ name }) => name),
  );
  return existing.columns
    .filter(({ default_kind, name, type }) =>
      !known.has(name) && default_kind === "" &&
      !/^(LowCardinality\()?Nullable\(|^Array\(/.test(type)
    )
    .map(({ name, type }) => ({
      reason: `column "${name}" (${type}) is not in the spec and takes no null`,
      statements: [dropColumn(shape, name)],
    }));
}

/** Another time to live deletes rows, or stops deleting them. */
function otherTtl(shape: TableShape, existing: Existing): Refusal[] {
  const { expiry } = layoutOf(shape);
  const [, found] = /\bTTL (.*?)(?: SETTINGS |$)/.exec(existing.engine_full) ??
    [];
  const own = /^toDateTime\(`?\w+`?\) \+ toIntervalSecond\(\d+\)$/;
  const wanted = expiry?.replace(
    /INTERVAL (\d+) SECOND/,
    "toIntervalSecond($1)",
  );
  // Whoever keeps the database may have added rules of their own.
  const fits = wanted === undefined
    ? found === undefined || !own.test(found)
    : found !== undefined && plain(found).includes(plain(wanted));
  if (fits) return [];
  return [{
    reason: `its TTL is ${found ?? "none"}, the spec has ${wanted ?? "none"}`,
    statements: [modifyTtl(shape)],
  }];
}

/** A column kept as LowCardinality takes the same values. */
function plainType(type: string): string {
  return plain(
    type.replaceAll(/LowCardinality\(([^()]*(?:\([^()]*\))?)\)/g, "$1"),
  );
}

function plain(sql: string): string {
  return sql.replaceAll(/[`\s]/g, "");
}
