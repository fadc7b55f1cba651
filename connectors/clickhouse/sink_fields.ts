/**
 * The fields of the sink: what may be in them, and the table that they make.
 *
 * @module
 */
import {
  type Config,
  fields,
  optional,
  type Place,
  type Schema,
} from "../../runtime/component.ts";
import type { SkipIndex, TableShape } from "./table.ts";
import { addedColumns } from "./types.ts";

const indexFields = {
  column: fields.column("Column to look rows up by"),
  type: optional(
    fields.choice(
      ["bloom_filter", "minmax"],
      "bloom_filter for hashes and addresses, minmax for what grows along " +
        "with the key",
    ),
    "bloom_filter",
  ),
  granularity: optional(
    fields.integer("Granules of 8192 rows that share an entry", { min: 1 }),
    1,
  ),
};

/** The fields of the sink. */
export const sinkFields = {
  table: fields.string(
    "View to query; its rows live in <table>_rows. Both are created",
  ),
  order_by: fields.list(
    fields.column("Column"),
    "Sorting key; begin with the block, so that reads after a reorg stay cheap",
  ),
  index: optional(
    fields.list(
      fields.either<string | Config<typeof indexFields>>([
        fields.column("Column"),
        fields.object(indexFields, "{ column: value, type: minmax }"),
      ], "Column, or { column: value, type: minmax }"),
      "Columns that rows are looked up by; each gets a skip index",
    ),
    [],
  ),
  partition_by: optional(fields.choice(
    ["month", "none"],
    "Partitions of a month of `time`; month where there is such a column",
  )),
  time: optional(fields.column(
    "Timestamp that partition_by and ttl go by; block_timestamp or timestamp " +
      "where there is one",
  )),
  ttl: optional(fields.duration(
    "How long rows are kept, from `time` on; for ever when left out",
  )),
  shard_by: optional(
    fields.list(
      fields.column("Column"),
      "On a cluster: columns that say on which shard a row is; by default " +
        "its block, so that rows of a block are joined on their shard",
    ),
    [],
  ),
};

/** The sink's typed fields. */
export type SinkConfig = Config<typeof sinkFields>;

/** Timestamps that blocks and what is in them have. */
const usualTimes = ["block_timestamp", "timestamp"];

/** What a sink is for, as its statements need it. */
export interface ShapeOptions {
  readonly config: SinkConfig;
  readonly schema: Schema;
  readonly database: string;
  readonly cluster: string | undefined;
}

/** The table that the fields make. */
export function shapeOf(
  { cluster, config, database, schema }: ShapeOptions,
): TableShape {
  const { order_by: orderBy, shard_by: by, table, ttl } = config;
  const time = timeOf(config, schema);
  return {
    ...{ database, table, schema, orderBy, time, ttl },
    index: config.index.map(indexOf),
    partition: time && config.partition_by !== "none" ? "month" : undefined,
    sharding: cluster === undefined ? undefined : { cluster, by },
  };
}

/** Report what is wrong with the fields. */
export function checkFields(
  { config, place, schema }: {
    readonly config: SinkConfig;
    readonly place: Place;
    readonly schema: Schema;
  },
): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(config.table)) {
    place.at("table").report(
      `"${config.table}" cannot be a table`,
      "letters, digits and _ only; the database is a field of the connection",
    );
  }
  checkOrder({ config, place, schema });
  checkTime({ config, place, schema });
  checkIndices({ config, place, schema });
  for (const { name } of addedColumns) {
    if (!schema.some((column) => column.name === name)) continue;
    place.at("from").report(
      `The input has a column "${name}", which the table needs for itself`,
      "rename it with a select transform",
    );
  }
}

interface Checking {
  readonly config: SinkConfig;
  readonly place: Place;
  readonly schema: Schema;
}

function checkOrder({ config, place, schema }: Checking): void {
  if (config.order_by.length === 0) {
    place.at("order_by").report("No column to order by");
  }
  for (const [position, name] of config.order_by.entries()) {
    const column = schema.find((one) => one.name === name);
    const type = column?.type ?? "string";
    if (!column?.nullable && type !== "json" && !type.startsWith("list<")) {
      continue;
    }
    place.at("order_by").at(position).report(
      column?.nullable
        ? `Cannot order by "${name}": it may be null`
        : `Cannot order by "${name}": it is ${type}`,
      "order by block_number and an index, which every row has",
    );
  }
}

function checkTime({ config, place, schema }: Checking): void {
  const column = schema.find(({ name }) => name === config.time);
  if (column && (column.type !== "timestamp" || column.nullable)) {
    place.at("time").report(
      `Cannot go by "${column.name}": it ` +
        (column.nullable ? "may be null" : `is ${column.type}`),
      "name a timestamp that every row has",
    );
  }
  if (timeOf(config, schema) !== undefined) return;
  for (const name of ["ttl", "partition_by"] as const) {
    if (config[name] === undefined || config[name] === "none") continue;
    place.at(name).report(
      "The input has neither block_timestamp nor timestamp",
      "name a timestamp column in `time`",
    );
  }
}

function checkIndices({ config, place, schema }: Checking): void {
  for (const [position, index] of config.index.map(indexOf).entries()) {
    const type = schema.find(({ name }) => name === index.column)?.type ?? "";
    const wide = /^(u?int256|bool)$/.test(type);
    if (index.type === "bloom_filter" ? !wide : !/^(list<|json)/.test(type)) {
      continue;
    }
    place.at("index").at(position).report(
      `${index.type} cannot index "${index.column}": it is ${type}`,
      index.type === "bloom_filter"
        ? `write { column: ${index.column}, type: minmax }`
        : "leave it out, or index it with bloom_filter",
    );
  }
}

function timeOf(config: SinkConfig, schema: Schema): string | undefined {
  if (config.time !== undefined) return config.time;
  return usualTimes.find((usual) =>
    schema.some(({ name, nullable, type }) =>
      name === usual && type === "timestamp" && !nullable
    )
  );
}

function indexOf(index: SinkConfig["index"][number]): SkipIndex {
  return typeof index === "string"
    ? { column: index, type: "bloom_filter", granularity: 1 }
    : index;
}
