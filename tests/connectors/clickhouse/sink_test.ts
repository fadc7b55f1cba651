import assert from "node:assert/strict";
import { Warehouse } from "../../../connectors/clickhouse/client.ts";
import { clickhouse } from "../../../connectors/clickhouse/connection.ts";
import type { SinkConfig } from "../../../connectors/clickhouse/sink_fields.ts";
import { clickhouseSink } from "../../../connectors/clickhouse/sink.ts";
import { type Schema, UserError } from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { createScheduler } from "../../../runtime/run/scheduler.ts";
import { canonicalRows } from "../../contracts/canonical.ts";
import { everyType } from "../../contracts/extreme_rows.ts";
import { openContext } from "../../contracts/open_context.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";

/** An embedded ClickHouse in a folder of its own. */
async function embedded(): Promise<
  AsyncDisposable & { readonly warehouse: Warehouse }
> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-clickhouse-" });
  const metrics = new Metrics();
  const clock = systemClock;
  const warehouse = await clickhouse.open({
    url: undefined,
    embedded: folder,
    database: "tests",
    cluster: undefined,
    username: "default",
    password: undefined,
    timeout: 60_000,
  }, {
    ...openContext({ name: "warehouse" }),
    scheduler: createScheduler({ clock, metrics }),
  });
  await warehouse.health?.();
  return {
    warehouse,
    async [Symbol.asyncDispose]() {
      await warehouse[Symbol.asyncDispose]?.();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const config: SinkConfig = {
  table: "rows",
  order_by: ["block_number", "log_index"],
  index: ["address"],
  partition_by: undefined,
  time: undefined,
  ttl: undefined,
  shard_by: [],
};

sinkContract({
  name: "clickhouse",
  definition: clickhouseSink,
  rejected: { hash: "0xab" },
  async arrange(schema) {
    const server = await embedded();
    const { warehouse } = server;
    return {
      config,
      connection: warehouse,
      read: async () =>
        canonicalRows(
          schema,
          await warehouse.rows<Record<string, unknown>>(
            "SELECT * FROM tests.rows",
          ),
        ),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

/** Open the sink on what is there. */
async function open(
  warehouse: Warehouse,
  { schema = everyType, ...other }:
    & { schema?: Schema }
    & Partial<SinkConfig> = {},
) {
  return await clickhouseSink.open({ ...config, ...other }, {
    ...openContext({ name: "out" }),
    connection: warehouse,
    schema,
    state: undefined,
  });
}

function migrationFor(
  warehouse: Warehouse,
  { schema = everyType, ...other }: {
    schema?: Schema;
  } & Partial<SinkConfig> = {},
) {
  return clickhouseSink.migrate?.(
    { config: { ...config, ...other }, schema, name: "out" },
    { connection: warehouse, signal: new AbortController().signal },
  );
}

function userError(pattern: RegExp) {
  return (error: unknown) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("clickhouseSink says which column of an existing table does not fit", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  await open(warehouse);
  const changed = everyType.map((column) =>
    column.name === "nonce" ? { ...column, type: "string" as const } : column
  );
  await assert.rejects(
    open(warehouse, { schema: changed }),
    userError(
      /"tests.rows_rows" does not fit sink "out": column "nonce" is UInt64, the spec has String/,
    ),
  );
});

Deno.test("clickhouseSink says how to keep the rows of a table whose key is of another type", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  const schema: Schema = [{ name: "n", type: "uint64", doc: "Number" }];
  const options = { schema, order_by: ["n"], index: [] };
  await warehouse.command(
    "CREATE TABLE tests.rows_rows (n UInt64, _unit UInt64, _index UInt32, " +
      "_version UInt64, _deleted UInt8) " +
      "ENGINE = ReplacingMergeTree(_version, _deleted) " +
      "ORDER BY (n, _unit, _index)",
  );
  await warehouse.command("INSERT INTO tests.rows_rows VALUES (7, 1, 2, 3, 0)");
  let message = "";
  await assert.rejects(open(warehouse, options), (error) => {
    assert(error instanceof UserError, String(error));
    message = error.message;
    return true;
  });
  assert.match(message, /column "_index" is UInt32, the spec has UInt64/);
  const statements = message.slice(message.indexOf("RENAME")).split(";\n");
  for (const statement of statements) {
    await warehouse.command(statement.replace(/;$/, ""));
  }
  await open(warehouse, options);
  assert.deepEqual(await warehouse.rows("SELECT * FROM tests.rows"), [
    { n: "7" },
  ]);
});

Deno.test("clickhouseSink tells the parts of a unit apart", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  const schema: Schema = [{ name: "kind", type: "string", doc: "Kind" }];
  const sink = await open(warehouse, {
    schema,
    order_by: ["kind"],
    index: [],
  });
  const signal = new AbortController().signal;
  for (const part of [0, 1, 4096]) {
    const unit = {
      number: 1,
      id: "a",
      time: 0,
      op: "insert",
      version: 1,
      part,
    };
    const chunk = { rows: 1, unit: { ...unit, op: "insert" as const } };
    const encoded = sink.encode([{ kind: "a" }], chunk.unit, () => {
      assert.fail();
    });
    const chunks = [{ ...chunk, ...encoded }];
    const token = `t${part}`;
    await sink.write({ chunks, rows: 1, bytes: 1, token, signal });
  }
  const [count] = await warehouse.rows<{ n: string }>(
    "SELECT count() AS n FROM tests.rows",
  );
  assert.equal(count?.n, "3");
});

Deno.test("clickhouseSink refuses a table that lacks a column, and migrate adds it", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  const fewer = everyType.filter(({ name }) => name !== "label");
  await open(warehouse, { schema: fewer });
  await assert.rejects(
    open(warehouse),
    userError(
      /"tests.rows_rows" lacks column "label" of sink "out": run `migrate`/,
    ),
  );
  const migration = await migrationFor(warehouse);
  assert.deepEqual(migration?.refusals, []);
  await migration?.apply();
  await open(warehouse);
  const columns = await warehouse.rows<{ name: string }>("DESCRIBE tests.rows");
  assert.deepEqual(
    columns.map(({ name }) => name),
    everyType.map(({ name }) => name),
  );
  const rows = await warehouse.rows<{ name: string }>(
    "DESCRIBE tests.rows_rows",
  );
  assert.deepEqual(
    rows.slice(0, everyType.length).map(({ name }) => name),
    everyType.map(({ name }) => name),
  );
});

Deno.test("clickhouseSink takes no table that is not its own", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  await warehouse.command(
    "CREATE TABLE tests.rows (a UInt8) ENGINE = MergeTree ORDER BY a",
  );
  await assert.rejects(
    open(warehouse),
    userError(/there is a table of that name \(MergeTree\)/),
  );
  await warehouse.command(
    "CREATE TABLE tests.other_rows (a UInt8) ENGINE = MergeTree ORDER BY a",
  );
  await assert.rejects(
    open(warehouse, { table: "other" }),
    userError(
      /it is another table \(no "_unit", "_index", "_version", "_deleted"\)/,
    ),
  );
});

Deno.test("clickhouseSink keeps rows apart whose order_by is equal", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  const schema: Schema = [{ name: "kind", type: "string", doc: "Kind" }];
  const sink = await open(warehouse, {
    schema,
    order_by: ["kind"],
    index: [],
  });
  const rows = [{ kind: "a" }, { kind: "a" }];
  const chunks = [1, 2].map((number) => {
    const id = `0x${number}`;
    const unit = { number, id, time: 0, op: "insert", version: 1 } as const;
    return { ...sink.encode(rows, unit, () => assert.fail()), rows: 2, unit };
  });
  const signal = new AbortController().signal;
  await sink.write({ chunks, rows: 4, bytes: 100, token: "t", signal });
  const [count] = await warehouse.rows<{ n: string }>(
    "SELECT count() AS n FROM tests.rows",
  );
  assert.equal(count?.n, "4");
});

Deno.test("clickhouseSink counts a materialised view right through repeated inserts and retractions", async () => {
  await using server = await embedded();
  const { warehouse } = server;
  const schema: Schema = [
    { name: "block_number", type: "uint64", doc: "Block" },
    { name: "value", type: "uint64", doc: "Value" },
  ];
  const sink = await open(warehouse, {
    schema,
    order_by: ["block_number"],
    index: [],
  });
  await warehouse.command(
    "CREATE TABLE tests.sums (k UInt8, n Int64, total Int64) " +
      "ENGINE = SummingMergeTree ORDER BY k " +
      "SETTINGS non_replicated_deduplication_window = 1000",
  );
  await warehouse.command(
    "CREATE MATERIALIZED VIEW tests.to_sums TO tests.sums AS " +
      "SELECT 1 AS k, sum(if(_deleted = 1, -1, 1)) AS n, " +
      "sum(if(_deleted = 1, -1, 1) * toInt64(value)) AS total FROM tests.rows_rows",
  );
  const write = async (op: "insert" | "retract", number: number) => {
    const version = op === "insert" ? 1 : 2;
    const unit = { number, id: `0x${number}`, time: 0, op, version };
    const rows = [{ block_number: number, value: number }];
    const chunk = { ...sink.encode(rows, unit, () => assert.fail()), rows: 1 };
    const token = `${op}/${number}`;
    const signal = new AbortController().signal;
    const batch = { chunks: [{ ...chunk, unit }], rows: 1, bytes: 1, token };
    await sink.write({ ...batch, signal });
  };
  for (const number of [1, 2, 3]) {
    await write("insert", number);
    await write("insert", number);
  }
  await write("retract", 3);
  await write("retract", 3);
  const [sums] = await warehouse.rows<{ n: string; total: string }>(
    "SELECT sum(n) AS n, sum(total) AS total FROM tests.sums",
  );
  assert.deepEqual(sums, { n: "2", total: "3" });
});
