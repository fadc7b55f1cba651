/**
 * The table of a sink: its statements, and whether what exists fits.
 *
 * @module
 */
import type { Column, Schema } from "../../runtime/component.ts";
import { cqlType } from "./types.ts";

/** How the store keeps a table's files in order. */
export const compactions = [
  "size_tiered",
  "leveled",
  "time_window",
  "incremental",
  "unified",
] as const;

/** The name of a compaction. */
export type Compaction = typeof compactions[number];

/** The store's names of compactions. */
const classes: Readonly<Record<Compaction, string>> = {
  size_tiered: "SizeTieredCompactionStrategy",
  leveled: "LeveledCompactionStrategy",
  time_window: "TimeWindowCompactionStrategy",
  incremental: "IncrementalCompactionStrategy",
  unified: "UnifiedCompactionStrategy",
};

/** Windows that rows live through: their files go as a whole at the end. */
const windowsOfLife = 24;

const hour = 3_600_000;

/** What a sink's table is made of. */
export interface TableShape {
  /** The keyspace in use when undefined. */
  readonly keyspace: string | undefined;
  readonly table: string;
  readonly schema: Schema;
  /** Columns that say which node has a row. */
  readonly partition: readonly string[];
  /** Columns that order rows within their partition. */
  readonly clustering: readonly string[];
  readonly compaction: Compaction | undefined;
  /** How long rows live, in ms; for ever when undefined. */
  readonly ttl: number | undefined;
}

/** The table as CQL names it. */
export function tableName({ keyspace, table }: TableShape): string {
  const name = quoted(table);
  return keyspace === undefined ? name : `${quoted(keyspace)}.${name}`;
}

/** The columns of the primary key, in its order. */
export function keyColumns(
  { clustering, partition }: Pick<TableShape, "clustering" | "partition">,
): string[] {
  return [...partition, ...clustering];
}

/** The key's columns and then all others: the order of every statement. */
export function orderedColumns(shape: TableShape): Column[] {
  const { schema } = shape;
  const names = keyColumns(shape);
  const key = names.flatMap((name) =>
    schema.find((column) => column.name === name) ?? []
  );
  return [...key, ...schema.filter(({ name }) => !names.includes(name))];
}

/** The statement that creates the table. */
export function createTable(shape: TableShape): string {
  const { clustering, partition, schema } = shape;
  const key = [
    `(${partition.map(quoted).join(", ")})`,
    ...clustering.map(quoted),
  ];
  const lines = [
    ...schema.map(columnLine),
    `PRIMARY KEY (${key.join(", ")})`,
  ];
  return [
    `CREATE TABLE IF NOT EXISTS ${tableName(shape)} (`,
    lines.map((line) => `  ${line}`).join(",\n"),
    `)${compactionClause(shape)}`,
  ].join("\n");
}

function compactionClause({ compaction, ttl }: TableShape): string {
  if (compaction === undefined) return "";
  const hours = Math.max(1, Math.round((ttl ?? 0) / hour / windowsOfLife));
  const options = [
    `'class': '${classes[compaction]}'`,
    // A day, as the store has it, where rows live for ever.
    ...compaction === "time_window" && ttl !== undefined
      ? [
        "'compaction_window_unit': 'HOURS'",
        `'compaction_window_size': '${hours}'`,
      ]
      : [],
  ];
  return ` WITH compaction = {${options.join(", ")}}`;
}

/** The statement that adds a missing column. */
export function addColumn(shape: TableShape, column: Column): string {
  return `ALTER TABLE ${tableName(shape)} ADD ${columnLine(column)}`;
}

/** The statement that removes the table with its rows. */
export function dropTable(shape: TableShape): string {
  return `DROP TABLE ${tableName(shape)}`;
}

/** The statement that stores a row: its values, then its timestamp. */
export function insertRow(shape: TableShape): string {
  const { ttl } = shape;
  const names = orderedColumns(shape).map(({ name }) => quoted(name));
  return `INSERT INTO ${tableName(shape)} (${names.join(", ")}) ` +
    `VALUES (${names.map(() => "?").join(", ")}) USING TIMESTAMP ?` +
    (ttl === undefined ? "" : ` AND TTL ${Math.ceil(ttl / 1000)}`);
}

/** The statement that takes a row back: a timestamp, then its key. */
export function deleteRow(shape: TableShape): string {
  const where = keyColumns(shape).map((name) => `${quoted(name)} = ?`);
  return `DELETE FROM ${tableName(shape)} USING TIMESTAMP ? ` +
    `WHERE ${where.join(" AND ")}`;
}

/** A column as the store describes it. */
export interface Described {
  readonly column_name: string;
  readonly type: string;
  /** partition_key, clustering, regular or static. */
  readonly kind: string;
  /** Place within the partition key or the clustering. */
  readonly position: number;
}

/** How an existing table differs from the schema. */
export interface Difference {
  readonly missing: readonly Column[];
  /** One sentence a conflict: the column, what was found and wanted. */
  readonly conflicts: readonly string[];
}

/** Compare an existing table with the schema, column by column. */
export function compareTable(
  shape: TableShape,
  existing: readonly Described[],
): Difference {
  const found = keyText({
    partition: namesOf(existing, "partition_key"),
    clustering: namesOf(existing, "clustering"),
  });
  const wanted = keyText(shape);
  const conflicts = found === wanted
    ? []
    : [`its primary key is ${found}, the spec has ${wanted}`];
  const known = new Map(existing.map((one) => [one.column_name, one]));
  for (const { name, type } of shape.schema) {
    const column = known.get(name);
    if (column === undefined) continue;
    const expected = cqlType(type);
    if (column.type !== expected) {
      conflicts.push(
        `column "${name}" is ${column.type}, the spec has ${expected}`,
      );
    }
    if (column.kind === "static") {
      conflicts.push(`column "${name}" is static: rows share its value`);
    }
  }
  return {
    missing: shape.schema.filter(({ name }) => !known.has(name)),
    conflicts,
  };
}

/** A primary key as the spec writes it: `[[a, b], c]`. */
function keyText(
  { clustering, partition }: Pick<TableShape, "clustering" | "partition">,
): string {
  return `[${[`[${partition.join(", ")}]`, ...clustering].join(", ")}]`;
}

function namesOf(existing: readonly Described[], kind: string): string[] {
  return existing.filter((one) => one.kind === kind)
    .sort((a, b) => a.position - b.position)
    .map(({ column_name }) => column_name);
}

/** A name as CQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function columnLine({ name, type }: Column): string {
  return `${quoted(name)} ${cqlType(type)}`;
}
