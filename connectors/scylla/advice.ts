/**
 * What `check` says about a primary key: what cannot be, and what would end
 * in hot partitions or in rows that overwrite each other.
 *
 * @module
 */
import type { Column, Place, Schema } from "../../runtime/component.ts";
import type { TableShape } from "./table.ts";

/** A primary key and where it stands. */
export interface CheckedKey
  extends Pick<TableShape, "clustering" | "partition" | "schema"> {
  /** The place of `primary_key`. */
  readonly place: Place;
}

/** Names of columns that have few values, whatever their type. */
const few =
  /(^|_)(date|day|hour|week|month|year|type|kind|case|op|status|standard|chain|chain_id|network|version)$/;

/** Columns that all rows of a block, or of a transaction, have in common. */
const shared = /^(block_(number|hash|timestamp|date)|transaction_hash)$/;

/** Columns that tell rows of one block apart, from the outermost inwards. */
const positions = [
  "transaction_index",
  "log_index",
  "batch_index",
  "call_path",
  "index",
] as const;

/** Report what is wrong, or likely to hurt, with a primary key. */
export function checkKey(key: CheckedKey): void {
  const { clustering, partition, place, schema } = key;
  if (partition.length === 0) {
    place.report("No partition key", "write primary_key: [[a, b], c]");
    return;
  }
  const names = [...partition, ...clustering];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    place.report(
      `Column "${twice}" is twice in the primary key`,
      "leave one out",
    );
    return;
  }
  const columns = names.flatMap((name) =>
    schema.find((column) => column.name === name) ?? []
  );
  let fits = true;
  for (const { name, nullable, type } of columns) {
    const bad = nullable
      ? "it may be null"
      : type === "json" || type.startsWith("list<")
      ? `it is ${type}`
      : undefined;
    if (bad === undefined) continue;
    fits = false;
    place.report(
      `Cannot key by "${name}": ${bad}`,
      "key by columns that every row has, such as hash or block_number",
    );
  }
  if (!fits) return;
  warnOfHotPartition(key);
  warnOfOverwriting(key);
}

function warnOfHotPartition(
  { clustering, partition, place, schema }: CheckedKey,
): void {
  const columns = partition.flatMap((name) =>
    schema.find((column) => column.name === name) ?? []
  );
  if (!columns.every(gathers)) return;
  const text = partition.map((name) => `"${name}"`).join(", ");
  const spread = clustering.find((name) =>
    schema.some((column) => column.name === name && !gathers(column))
  );
  place.report(
    `Hot partitions: every row of the moment has one of few ${text}, so one ` +
      "node takes the load, and partitions grow without end",
    "add a column with many values to the partition key: " +
      `[[${[...partition, spread ?? "…"].join(", ")}], …]`,
    { severity: "warning" },
  );
}

/** Whether the rows of the moment have but few values in a column. */
function gathers({ name, type, values }: Column): boolean {
  return values !== undefined || type === "bool" || type === "uint8" ||
    type === "timestamp" || few.test(name);
}

function warnOfOverwriting(
  { clustering, partition, place, schema }: CheckedKey,
): void {
  const names = [...partition, ...clustering];
  const missing = whatTellsApart(names, schema);
  if (missing === undefined) return;
  place.report(
    "Rows overwrite each other: many have the same " +
      names.map((name) => `"${name}"`).join(", "),
    `add "${missing}" to the primary key`,
    { severity: "warning" },
  );
}

/**
 * The column that the key lacks to tell rows of one block apart; undefined
 * for a key without any place in the chain, such as an address alone, which
 * wants the latest row.
 */
function whatTellsApart(
  names: readonly string[],
  schema: Schema,
): string | undefined {
  const has = (name: string) => schema.some((column) => column.name === name);
  const known = new Set<string>(positions);
  const placed = names.some((name) => shared.test(name) || known.has(name));
  const columns = schema.filter(({ name }) => names.includes(name));
  if (names.includes("hash") || !(placed || columns.every(gathers))) return;
  // A log's index counts through the block, whatever its transaction.
  const whole = has("log_index") || names.includes("transaction_hash");
  return positions.filter((name) => name !== "transaction_index" || !whole)
    .find((name) => has(name) && !names.includes(name));
}
