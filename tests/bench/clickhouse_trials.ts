/**
 * What `clickhouse_tables.ts` tries: types and codecs of columns, and layouts
 * of whole tables.
 *
 * @module
 */
import { clickhouseType } from "../../connectors/clickhouse/types.ts";
import { schemas } from "../../connectors/evm/chain/schema.ts";

type Port = "transactions" | "logs";

/** Types and codecs of one column; every type with every codec. */
export interface ColumnTrial {
  readonly port: Port;
  readonly name: string;
  readonly types: readonly string[];
  readonly codecs: readonly string[];
}

const text = ["LZ4", "ZSTD(1)", "ZSTD(3)"];
const low = (type: string) => [type, `LowCardinality(${type})`];
const whole = [
  ...text.slice(0, 2),
  "Delta, LZ4",
  "Delta, ZSTD(1)",
  "DoubleDelta, LZ4",
  "T64, LZ4",
  "T64, ZSTD(1)",
  "Gorilla, LZ4",
];

/** The columns that differ in kind. */
export const columnTrials: readonly ColumnTrial[] = [
  trial("transactions", "hash", { types: ["FixedString(66)"], codecs: text }),
  trial("logs", "transaction_hash", {
    types: low("FixedString(66)"),
    codecs: text,
  }),
  trial("logs", "block_hash", { types: low("FixedString(66)"), codecs: text }),
  trial("logs", "address", { types: low("FixedString(42)"), codecs: text }),
  trial("transactions", "from_address", {
    types: low("FixedString(42)"),
    codecs: text,
  }),
  trial("transactions", "to_address", {
    types: [
      "Nullable(FixedString(42))",
      "LowCardinality(Nullable(FixedString(42)))",
    ],
    codecs: text,
  }),
  trial("logs", "topics", {
    types: ["Array(FixedString(66))", "Array(LowCardinality(FixedString(66)))"],
    codecs: text,
  }),
  trial("logs", "data", { types: ["String"], codecs: text }),
  trial("transactions", "input", { types: ["String"], codecs: text }),
  trial("transactions", "receipt_logs_bloom", {
    types: ["Nullable(String)"],
    codecs: text,
  }),
  trial("transactions", "r", {
    types: ["Nullable(FixedString(66))"],
    codecs: text,
  }),
  trial("transactions", "value", { types: ["UInt256"], codecs: text }),
  trial("transactions", "receipt_effective_gas_price", {
    types: ["Nullable(UInt256)"],
    codecs: text,
  }),
  trial("logs", "block_number", { types: ["UInt64"], codecs: whole }),
  trial("logs", "block_timestamp", {
    types: ["DateTime64(3, 'UTC')"],
    codecs: whole,
  }),
  trial("logs", "log_index", { types: ["UInt32"], codecs: whole }),
  trial("logs", "_index", { types: ["UInt64"], codecs: whole }),
  trial("logs", "_version", { types: ["UInt64"], codecs: whole }),
  trial("transactions", "nonce", { types: ["UInt64"], codecs: whole }),
  trial("transactions", "gas", { types: ["UInt64"], codecs: whole }),
  trial("transactions", "transaction_type", {
    types: ["UInt8"],
    codecs: ["LZ4", "ZSTD(1)", "T64, LZ4"],
  }),
  trial("transactions", "receipt_status", {
    types: low("Nullable(UInt8)"),
    codecs: ["LZ4", "ZSTD(1)"],
  }),
];

function trial(
  port: Port,
  name: string,
  { codecs, types }: Pick<ColumnTrial, "codecs" | "types">,
): ColumnTrial {
  return { port, name, types, codecs };
}

/** One layout of a whole table. */
export interface TableTrial {
  readonly title: string;
  readonly port: Port;
  /** Columns that people look rows up by. */
  readonly hash: string;
  readonly address: string;
  /** What a scan computes. */
  readonly measure: string;
  readonly settings?: string;
  create(table: string): string;
}

interface Layout {
  readonly partition?: string;
  readonly order?: string;
  readonly primary?: string;
  readonly extra?: readonly string[];
  readonly codec?: (type: string) => string;
  readonly settings?: string;
  readonly engine?: string;
}

const perPartition = "SETTINGS do_not_merge_across_partitions_select_final = 1";
const month = "toYYYYMM(block_timestamp)";
const zstd = () => " CODEC(ZSTD(1))";
const wide = (type: string) =>
  /String|UInt256/.test(type)
    ? " CODEC(ZSTD(1))"
    : /DateTime|UInt64/.test(type)
    ? " CODEC(Delta, ZSTD(1))"
    : " CODEC(ZSTD(1))";

/** The layouts, each against the first of its port. */
export const tableTrials: readonly TableTrial[] = [
  ...layouts("logs", "transaction_hash", "address"),
  ...layouts("transactions", "hash", "from_address"),
];

function layouts(port: Port, hash: string, address: string): TableTrial[] {
  const bloom = (granularity: number, rate = "") => [
    `INDEX h ${hash} TYPE bloom_filter${rate} GRANULARITY ${granularity}`,
  ];
  const place = "_unit, _index";
  const list: [string, Layout][] = [
    ["plain", {}],
    ["ZSTD(1)", { codec: zstd }],
    ["ZSTD(1), Delta", { codec: wide }],
    ["by month", { partition: month }],
    ["by month, FINAL each", { partition: month, settings: perPartition }],
    ["by day, FINAL each", {
      partition: "toYYYYMMDD(block_timestamp)",
      settings: perPartition,
    }],
    ["bloom 1", { extra: bloom(1) }],
    ["bloom 4", { extra: bloom(4) }],
    ["bloom 1, 0.001", { extra: bloom(1, "(0.001)") }],
    ["bloom 4, 0.001", { extra: bloom(4, "(0.001)") }],
    ["bloom 1 of both", {
      extra: [
        ...bloom(1),
        `INDEX a ${address} TYPE bloom_filter GRANULARITY 1`,
      ],
    }],
    ["bloom 1 of both, by month, FINAL each", {
      partition: month,
      settings: perPartition,
      extra: [
        ...bloom(1),
        `INDEX a ${address} TYPE bloom_filter GRANULARITY 1`,
      ],
    }],
    ["projection by hash", {
      engine: "deduplicate_merge_projection_mode = 'rebuild'",
      extra: [`PROJECTION p (SELECT * ORDER BY ${hash})`],
    }],
    ["key: address, block", {
      order: `${address}, block_number, ${place}`,
      primary: `${address}, block_number`,
    }],
    ["key: address, block, by month, FINAL each", {
      order: `${address}, block_number, ${place}`,
      primary: `${address}, block_number`,
      partition: month,
      settings: perPartition,
    }],
    ["key: hash", { order: `${hash}, ${place}`, primary: hash }],
  ];
  return list.map(([title, layout]) => ({
    title,
    port,
    hash,
    address,
    measure: port === "logs" ? "sum(length(data))" : "sum(receipt_gas_used)",
    ...(layout.settings === undefined ? {} : { settings: layout.settings }),
    create: (table) => createTable(table, { port, layout }),
  }));
}

function createTable(
  table: string,
  { layout, port }: { readonly port: Port; readonly layout: Layout },
): string {
  const index = port === "logs" ? "log_index" : "transaction_index";
  const { codec = () => "" } = layout;
  const columns = schemas[port].map((column) => {
    const type = clickhouseType(column);
    return `${column.name} ${type}${codec(type)}`;
  });
  const added = ["_unit", "_index", "_version"].map((name) =>
    `${name} UInt64${codec("UInt64")}`
  );
  const lines = [...columns, ...added, "_deleted UInt8", ...layout.extra ?? []];
  return [
    `CREATE TABLE ${table} (${lines.join(", ")})`,
    "ENGINE = ReplacingMergeTree(_version, _deleted)",
    ...(layout.partition ? [`PARTITION BY ${layout.partition}`] : []),
    `PRIMARY KEY (${layout.primary ?? `block_number, ${index}`})`,
    `ORDER BY (${layout.order ?? `block_number, ${index}, _unit, _index`})`,
    ...(layout.engine ? [`SETTINGS ${layout.engine}`] : []),
  ].join(" ");
}
