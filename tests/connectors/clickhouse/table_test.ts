import assert from "node:assert/strict";
import {
  clickhouse,
  type ClickhouseConfig,
} from "../../../connectors/clickhouse/connection.ts";
import { clickhouseSink } from "../../../connectors/clickhouse/sink.ts";
import type { SinkConfig } from "../../../connectors/clickhouse/sink_fields.ts";
import {
  addColumn,
  addIndex,
  createTables,
  createView,
  modifyTtl,
  rebuildTable,
  type TableShape,
} from "../../../connectors/clickhouse/table.ts";
import type { Schema } from "../../../runtime/component.ts";
import { assertGolden } from "../../runtime/golden.ts";
import { clickhouse as server } from "../../services/mod.ts";
import { config, connect } from "./warehouses.ts";

const schema: Schema = [
  { name: "block_number", type: "uint64", doc: "Number of the block" },
  { name: "log_index", type: "uint32", doc: "Position in the block" },
  { name: "address", type: "address", doc: "The contract's address" },
  {
    name: "standard",
    type: "string",
    values: ["erc20", "erc721"],
    doc: "Kind",
  },
  { name: "value", type: "uint256", nullable: true, doc: "Amount" },
  { name: "topics", type: "list<hash>", doc: "Topics" },
  { name: "block_timestamp", type: "timestamp", doc: "Time of the block" },
];

const plain: TableShape = {
  database: "chain",
  table: "transfers",
  schema,
  orderBy: ["block_number", "log_index"],
  index: [],
};

const everything: TableShape = {
  ...plain,
  index: [
    { column: "address", type: "bloom_filter", granularity: 1 },
    { column: "value", type: "minmax", granularity: 4 },
  ],
  time: "block_timestamp",
  partition: "month",
  ttl: 90 * 24 * 3600_000,
};

const shapes: Readonly<Record<string, TableShape>> = {
  plain,
  everything,
  cluster: { ...plain, sharding: { cluster: "analytics", by: [] } },
  cluster_by_address: {
    ...everything,
    sharding: { cluster: "it's", by: ["address", "standard"] },
  },
};

for (const [name, shape] of Object.entries(shapes)) {
  Deno.test(`createTables() and all other statements, ${name}`, async () => {
    const added = schema[3];
    assert(added);
    const statements = [
      ...createTables(shape),
      createView(shape),
      ...addColumn(shape, added),
      ...addIndex(shape, {
        column: "topics",
        type: "bloom_filter",
        granularity: 1,
      }),
      modifyTtl(shape),
      ...rebuildTable(shape, schema),
    ];
    const text = statements.map((one) => `${one};`).join("\n\n");
    await assertGolden(new URL(`ddl/${name}.sql`, import.meta.url), text);
    // The engine here cannot run a cluster, but it has ClickHouse's parser.
    await using warehouse = await connect({
      url: await server(),
      database: "default",
    });
    for (const statement of statements) {
      await warehouse.command(`EXPLAIN AST ${statement}`);
    }
  });
}

Deno.test("clickhouseSink plans tables in the database and cluster of its connection", () => {
  const statements = clickhouseSink.ddl?.({
    config: { ...config, index: [] },
    schema,
    name: "out",
    pipeline: "blocks",
    connection: { database: "chain", cluster: "analytics" },
  });
  assert.match(
    statements?.[0] ?? "",
    /^CREATE TABLE IF NOT EXISTS `chain`.`rows_rows` ON CLUSTER `analytics` \(/,
  );
});

/** What the check of the sink says about fields. */
function reported(
  fields: Partial<SinkConfig>,
  columns: Schema = schema,
): string[] {
  const said: string[] = [];
  const place = (path: string): Parameters<
    NonNullable<typeof clickhouseSink.check>
  >[0]["place"] => ({
    interpolated: false,
    report(message: string, hint?: unknown) {
      said.push([path, message, hint].filter(Boolean).join(": "));
      return undefined;
    },
    at: (key: string | number) => place(path ? `${path}.${key}` : `${key}`),
  } as never);
  clickhouseSink.check?.({
    config: { ...config, index: [], ...fields },
    schema: columns,
    name: "out",
    place: place(""),
  });
  return said;
}

Deno.test("clickhouseSink.check() takes fields that fit", () => {
  assert.deepEqual(reported({}), []);
  assert.deepEqual(
    reported({ index: ["address", "topics"], ttl: 1000, time: undefined }),
    [],
  );
  assert.deepEqual(reported({ partition_by: "none" }, schema.slice(0, 3)), []);
});

Deno.test("clickhouseSink.check() says what cannot be", () => {
  const short = schema.slice(0, 3);
  const value = { column: "value", granularity: 1 } as const;
  const cases: [string[], RegExp][] = [
    [reported({ table: "a.b" }), /^table: "a.b" cannot be a table/],
    [reported({ order_by: [] }), /^order_by: No column to order by/],
    [
      reported({ order_by: ["value"] }),
      /^order_by.0: Cannot order by "value": it may be null/,
    ],
    [
      reported({ order_by: ["topics"] }),
      /^order_by.0: Cannot order by "topics": it is list<hash>/,
    ],
    [
      reported({ time: "address" }),
      /^time: Cannot go by "address": it is address/,
    ],
    [
      reported({ ttl: 1 }, short),
      /^ttl: The input has neither block_timestamp nor timestamp: name a/,
    ],
    [
      reported({ partition_by: "month" }, short),
      /^partition_by: The input has neither block_timestamp nor timestamp/,
    ],
    [
      reported({ index: [{ ...value, type: "bloom_filter" }] }),
      /^index.0: bloom_filter cannot index "value": it is uint256: write \{ col/,
    ],
    [
      reported({ index: [{ ...value, column: "topics", type: "minmax" }] }),
      /^index.0: minmax cannot index "topics": it is list<hash>/,
    ],
  ];
  for (const [said, expected] of cases) {
    assert.equal(said.length, 1, said.join());
    assert.match(said.join(), expected);
  }
});

Deno.test("clickhouse.check() knows that the embedded engine has no cluster", () => {
  const said: string[] = [];
  const place = {
    at: (key: string) => ({
      report: (message: string) => void said.push(`${key}: ${message}`),
    }),
  };
  clickhouse.check?.({
    config: { embedded: "data", cluster: "c" } as ClickhouseConfig,
    place: place as never,
  });
  assert.deepEqual(said, ["cluster: The embedded engine has no cluster"]);
});
