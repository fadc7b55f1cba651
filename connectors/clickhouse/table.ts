/**
 * The table and view of a sink: their statements, and whether what exists
 * fits.
 *
 * Rows live in `<table>_rows`, a ReplacingMergeTree: a retraction is the same
 * row with a higher version and the deletion flag. `<table>` is a view that
 * is right at every moment, so that nobody has to know about `FINAL`.
 *
 * @module
 */
import type { Column, Schema } from "../../runtime/component.ts";
import { addedColumns, clickhouseType, codecOf } from "./types.ts";

/** Inserts whose tokens are remembered: far more than can be in doubt. */
const deduplicationWindow = 1000;

/** What a sink's table is made of. */
export interface TableShape {
  readonly database: string;
  readonly table: string;
  readonly schema: Schema;
  readonly orderBy: readonly string[];
  /** Columns with a skip index for look-ups. */
  readonly index: readonly string[];
}

/** The table that holds the rows. */
export function rowsTable({ database, table }: TableShape): string {
  return `${quoted(database)}.${quoted(`${table}_rows`)}`;
}

/** The statement that creates the table of the rows. */
export function createTable(shape: TableShape): string {
  const { index, orderBy, schema } = shape;
  const lines = [
    ...schema.map(columnLine),
    ...addedColumns.map(({ name, type }) => `${quoted(name)} ${type}`),
    ...index.map((name) =>
      `INDEX ${quoted(`by_${name}`)} ${quoted(name)} ` +
      "TYPE bloom_filter GRANULARITY 4"
    ),
  ];
  const key = orderBy.map(quoted);
  // A unit's row is told from any other by its place, so that rows with equal
  // `order_by` never replace each other.
  const place = [quoted("_unit"), quoted("_index")];
  return [
    `CREATE TABLE IF NOT EXISTS ${rowsTable(shape)} (`,
    lines.map((line) => `  ${line}`).join(",\n"),
    ")",
    "ENGINE = ReplacingMergeTree(_version, _deleted)",
    `PRIMARY KEY (${key.join(", ")})`,
    `ORDER BY (${[...key, ...place].join(", ")})`,
    `SETTINGS non_replicated_deduplication_window = ${deduplicationWindow}`,
  ].join("\n");
}

/** The statement that creates the view that people query. */
export function createView(shape: TableShape): string {
  const { database, schema, table } = shape;
  const names = schema.map(({ name }) => quoted(name));
  return [
    `CREATE OR REPLACE VIEW ${quoted(database)}.${quoted(table)} AS`,
    `SELECT ${names.join(", ")}`,
    `FROM ${rowsTable(shape)} FINAL`,
    "WHERE _deleted = 0",
  ].join("\n");
}

/** A column as the database describes it. */
export interface Described {
  readonly name: string;
  readonly type: string;
}

/** How an existing table differs from the schema. */
export interface Difference {
  readonly missing: readonly Column[];
  /** One sentence a conflict: the column and both types. */
  readonly conflicts: readonly string[];
}

/** Compare an existing table with the schema, column by column. */
export function compareTable(
  shape: TableShape,
  existing: readonly Described[],
): Difference {
  const types = new Map(existing.map(({ name, type }) => [name, type]));
  const known = new Set(shape.schema.map(({ name }) => name));
  const conflicts: string[] = [];
  const expect = (name: string, wanted: string) => {
    const found = types.get(name);
    if (found !== undefined && !sameType(found, wanted)) {
      conflicts.push(`column "${name}" is ${found}, the spec has ${wanted}`);
    }
  };
  for (const column of shape.schema) {
    expect(column.name, clickhouseType(column));
  }
  for (const { name, type } of addedColumns) {
    if (types.has(name)) expect(name, type);
    else conflicts.push(`column "${name}" is missing: it is another table`);
    known.add(name);
  }
  for (const { name, type } of existing) {
    if (known.has(name) || /^(Nullable|Array)\(/.test(type)) continue;
    conflicts.push(
      `column "${name}" (${type}) is not in the spec and takes no null`,
    );
  }
  const missing = shape.schema.filter(({ name }) => !types.has(name));
  return { missing, conflicts };
}

/** The statement that adds a missing column. */
export function addColumn(shape: TableShape, column: Column): string {
  return `ALTER TABLE ${rowsTable(shape)} ADD COLUMN IF NOT EXISTS ` +
    columnLine(column);
}

/**
 * The statements that put the rows of a table into one of the sink's shape,
 * for what no ALTER can do: the type of a key column.
 */
export function rebuildTable(
  shape: TableShape,
  existing: readonly Described[],
): readonly string[] {
  const before = rowsTable({ ...shape, table: `${shape.table}_before` });
  const wanted = [...shape.schema, ...addedColumns];
  const names = wanted.map(({ name }) => name)
    .filter((name) => existing.some((one) => one.name === name))
    .map(quoted).join(", ");
  const rows = rowsTable(shape);
  return [
    `RENAME TABLE ${rows} TO ${before}`,
    createTable(shape),
    `INSERT INTO ${rows} (${names}) SELECT ${names} FROM ${before}`,
    `DROP TABLE ${before}`,
  ];
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

function columnLine(column: Column): string {
  const { doc, name, type } = column;
  const comment = doc.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return `${quoted(name)} ${clickhouseType(column)} ` +
    `COMMENT '${comment}'${codecOf(type)}`;
}

function sameType(found: string, wanted: string): boolean {
  return plainType(found) === plainType(wanted);
}

/** A column kept as LowCardinality takes the same values. */
function plainType(type: string): string {
  return type.replaceAll(/LowCardinality\(([^()]*(?:\([^()]*\))?)\)/g, "$1")
    .replaceAll(" ", "");
}
