/**
 * The tables and view of a sink: their statements.
 *
 * Rows live in `<table>_rows`, a ReplacingMergeTree: a retraction is the same
 * row with a higher version and the deletion flag. `<table>` is a view that
 * is right at every moment, so that nobody has to know about `FINAL`. On a
 * cluster `<table>_sharded` lies between the two.
 *
 * A retraction carries the whole row, so that a row and its retraction agree
 * in every column: they are in the same partition, match the same index
 * entries, expire together and belong to the same shard. The settings of the
 * view and every choice of `partition_by`, `index`, `ttl` and `shard_by` rest
 * on that.
 *
 * The layout was chosen by `tests/bench/clickhouse_tables.ts`, on rows of
 * mainnet (figures in `docs/clickhouse.md`). ZSTD halves the disk:
 * transactions take 560 bytes a row instead of 1107, logs 48 instead of 98.
 * Delta, DoubleDelta, T64 and Gorilla save less than a byte a row behind it;
 * LowCardinality of addresses and hashes is larger and slower to write than
 * ZSTD of their text. Projections are not read with FINAL.
 *
 * @module
 */
import type { Column, Schema } from "../../runtime/component.ts";
import { addedColumns, storedType } from "./types.ts";

/** Halves what LZ4 leaves of hex text, at little more CPU. */
const codec = "CODEC(ZSTD(1))";

/** A skip index as the spec has it. */
export interface SkipIndex {
  readonly column: string;
  readonly type: "bloom_filter" | "minmax";
  /** Granules of 8192 rows that share an entry. */
  readonly granularity: number;
}

/** Where tables of a cluster are. */
export interface Sharding {
  readonly cluster: string;
  /** Columns that say on which shard a row is; none: its block. */
  readonly by: readonly string[];
}

/** What a sink's table is made of. */
export interface TableShape {
  readonly database: string;
  readonly table: string;
  readonly schema: Schema;
  readonly orderBy: readonly string[];
  readonly index: readonly SkipIndex[];
  /** The timestamp that partitions and `ttl` go by. */
  readonly time?: string | undefined;
  readonly partition?: "month" | undefined;
  /** Milliseconds after `time` that a row is kept. */
  readonly ttl?: number | undefined;
  readonly sharding?: Sharding | undefined;
}

/** The table that holds the rows, on each shard its own. */
export function rowsTable({ database, table }: TableShape): string {
  return `${quoted(database)}.${quoted(`${table}_rows`)}`;
}

/** The table that inserts go to. */
export function insertTable(shape: TableShape): string {
  return shape.sharding ? shardedTable(shape) : rowsTable(shape);
}

function shardedTable({ database, table }: TableShape): string {
  return `${quoted(database)}.${quoted(`${table}_sharded`)}`;
}

/** The statements that create the tables where they are missing. */
export function createTables(shape: TableShape): readonly string[] {
  return [createRows(shape), ...createSharded(shape)];
}

/** The statement that creates the table of the rows. */
export function createRows(shape: TableShape): string {
  const { index, schema, sharding } = shape;
  const lines = [
    ...schema.map(columnLine),
    ...addedColumns.map(({ name, type }) => `${quoted(name)} ${type} ${codec}`),
    ...index.map(indexLine),
  ];
  const { expiry, order, partition, primary } = layoutOf(shape);
  return [
    `CREATE TABLE IF NOT EXISTS ${rowsTable(shape)}${onCluster(shape)} (`,
    lines.map((line) => `  ${line}`).join(",\n"),
    ")",
    // Path and name of a replica are the server's defaults: from the macros
    // {shard} and {replica} and the table's UUID.
    `ENGINE = ${sharding ? "Replicated" : ""}` +
    "ReplacingMergeTree(_version, _deleted)",
    ...(partition ? [`PARTITION BY ${partition}`] : []),
    `PRIMARY KEY (${primary})`,
    `ORDER BY (${order})`,
    ...(expiry ? [`TTL ${expiry}`] : []),
    `SETTINGS ${forgetTokens(shape)}`,
  ].join("\n");
}

/**
 * The setting that has every repetition stored: the key merges it, while a
 * token may lose it. A server that is killed after it noted the token and
 * before it has their part drops the rows when they come again: once in about
 * 500 kills that met an insert.
 */
export function forgetTokens({ sharding }: TableShape): string {
  return `${sharding ? "" : "non_"}replicated_deduplication_window = 0`;
}

/** The statement that creates the table over all shards. */
function createSharded(shape: TableShape): string[] {
  const { database, sharding, table } = shape;
  if (!sharding) return [];
  // By block as a rule: rows of a block are on one shard in every table, so
  // that joins stay there, and each shard takes its part of every insert.
  const key = sharding.by.length === 0
    ? quoted("_unit")
    : `cityHash64(${sharding.by.map(quoted).join(", ")})`;
  const engine = [sharding.cluster, database, `${table}_rows`].map(text);
  return [
    [
      `CREATE TABLE IF NOT EXISTS ${shardedTable(shape)}${onCluster(shape)}`,
      `AS ${rowsTable(shape)}`,
      `ENGINE = Distributed(${engine.join(", ")}, ${key})`,
    ].join("\n"),
  ];
}

/** The statement that creates the view that people query. */
export function createView(shape: TableShape): string {
  const { database, schema, table, time, ttl } = shape;
  const names = schema.map(({ name }) => quoted(name));
  return [
    `CREATE OR REPLACE VIEW ${quoted(database)}.${quoted(table)}` +
    `${onCluster(shape)} AS`,
    `SELECT ${names.join(", ")}`,
    `FROM ${insertTable(shape)} FINAL`,
    "WHERE _deleted = 0",
    // Expired rows leave the disk part by part, and might take a retraction
    // along before its row.
    ...(time && ttl
      ? [`  AND ${quoted(time)} >= now() - INTERVAL ${seconds(ttl)} SECOND`]
      : []),
    "SETTINGS do_not_merge_across_partitions_select_final = 1, " +
    "use_skip_indexes_if_final = 1",
  ].join("\n");
}

/** Keys and clauses of the table of the rows, as SQL. */
export function layoutOf(
  { orderBy, partition, time, ttl }: TableShape,
): {
  readonly primary: string;
  readonly order: string;
  readonly partition: string | undefined;
  readonly expiry: string | undefined;
} {
  const key = orderBy.map(quoted);
  // A unit's row is told from any other by its place, so that rows with equal
  // `order_by` never replace each other.
  const place = [quoted("_unit"), quoted("_index")];
  return {
    primary: key.join(", "),
    order: [...key, ...place].join(", "),
    partition: time && partition === "month"
      ? `toYYYYMM(${quoted(time)})`
      : undefined,
    expiry: time && ttl
      ? `toDateTime(${quoted(time)}) + INTERVAL ${seconds(ttl)} SECOND`
      : undefined,
  };
}

/** The statements that add a missing column. */
export function addColumn(
  shape: TableShape,
  column: Column,
): readonly string[] {
  const added = `${onCluster(shape)} ADD COLUMN IF NOT EXISTS ` +
    columnLine(column);
  const before = shape.schema[shape.schema.indexOf(column) - 1];
  const where = before ? ` AFTER ${quoted(before.name)}` : " FIRST";
  return [
    `ALTER TABLE ${rowsTable(shape)}${added}${where}`,
    // A table over shards has no codecs of its own.
    ...(shape.sharding
      ? [
        `ALTER TABLE ${shardedTable(shape)}${
          added.replace(` ${codec}`, "")
        }${where}`,
      ]
      : []),
  ];
}

/** The statements that add a missing skip index, also to the rows there are. */
export function addIndex(
  shape: TableShape,
  index: SkipIndex,
): readonly string[] {
  const table = `ALTER TABLE ${rowsTable(shape)}${onCluster(shape)}`;
  return [
    `${table} ADD ${indexLine(index).replace("INDEX", "INDEX IF NOT EXISTS")}`,
    `${table} MATERIALIZE INDEX ${quoted(indexName(index))}`,
  ];
}

/** The statement that has a table store every repetition. */
export function modifyTokens(shape: TableShape): string {
  return `ALTER TABLE ${rowsTable(shape)}${onCluster(shape)} ` +
    `MODIFY SETTING ${forgetTokens(shape)}`;
}

/** The statement that gives the rows another time to live. */
export function modifyTtl(shape: TableShape): string {
  const { expiry } = layoutOf(shape);
  return `ALTER TABLE ${rowsTable(shape)}${onCluster(shape)} ` +
    (expiry ? `MODIFY TTL ${expiry}` : "REMOVE TTL");
}

/** The statement that drops a column. */
export function dropColumn(shape: TableShape, name: string): string {
  return `ALTER TABLE ${rowsTable(shape)}${onCluster(shape)} ` +
    `DROP COLUMN ${quoted(name)}`;
}

/**
 * The statements that put the rows of a table into one of the sink's shape,
 * for what no ALTER can do: another key, other partitions, the type of a
 * column.
 */
export function rebuildTable(
  shape: TableShape,
  existing: readonly { readonly name: string }[],
): readonly string[] {
  const before = `${quoted(shape.database)}.` +
    quoted(`${shape.table}_rows_before`);
  const names = [...shape.schema, ...addedColumns].map(({ name }) => name)
    .filter((name) => existing.some((one) => one.name === name))
    .map(quoted).join(", ");
  const rows = rowsTable(shape);
  const where = onCluster(shape);
  return [
    `RENAME TABLE ${rows} TO ${before}${where}`,
    createRows(shape),
    (shape.sharding ? "-- on one replica of every shard:\n" : "") +
    `INSERT INTO ${rows} (${names}) SELECT ${names} FROM ${before} ` +
    // Blocks of many months would be refused.
    "SETTINGS max_partitions_per_insert_block = 0",
    `DROP TABLE ${before}${where}`,
  ];
}

/** The name that a skip index has in the table. */
export function indexName({ column }: SkipIndex): string {
  return `by_${column}`;
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

function text(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function onCluster({ sharding }: TableShape): string {
  return sharding ? ` ON CLUSTER ${quoted(sharding.cluster)}` : "";
}

function columnLine(column: Column): string {
  const { doc, name } = column;
  return `${quoted(name)} ${storedType(column)} COMMENT ${text(doc)} ` +
    codec;
}

function indexLine(index: SkipIndex): string {
  const { column, granularity, type } = index;
  // One in a thousand granules is read in vain; with the default of one in
  // forty a look-up in a billion rows would read three thousand.
  const how = type === "bloom_filter" ? "bloom_filter(0.001)" : type;
  return `INDEX ${quoted(indexName(index))} ${quoted(column)} ` +
    `TYPE ${how} GRANULARITY ${granularity}`;
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}
