import assert from "node:assert/strict";
import { type Schema, UserError } from "../../../runtime/component.ts";
import { everyType } from "../../contracts/extreme_rows.ts";
import type { SinkConfig } from "../../../connectors/clickhouse/sink_fields.ts";
import {
  connect,
  database,
  limited,
  migrationFor,
  openSink,
  unit,
  write,
} from "./warehouses.ts";

function userError(pattern: RegExp) {
  return (error: unknown) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("prepareTable() says which column of an existing table does not fit", async () => {
  await using place = await database();
  const { warehouse } = place;
  await openSink(warehouse, { schema: everyType });
  const changed = everyType.map((column) =>
    column.name === "nonce" ? { ...column, type: "string" as const } : column
  );
  await assert.rejects(
    openSink(warehouse, { schema: changed }),
    userError(
      /rows_rows" does not fit sink "out": column "nonce" is UInt64, the spec has String; `migrate` prints the statements/,
    ),
  );
});

Deno.test("prepareTable() says how to keep the rows of a table whose key is of another type", async () => {
  await using place = await database();
  const { warehouse } = place;
  const schema: Schema = [{ name: "n", type: "uint64", doc: "Number" }];
  const options = { schema, order_by: ["n"], index: [] };
  await warehouse.command(
    "CREATE TABLE rows_rows (n UInt64, _unit UInt64, _index UInt32, " +
      "_version UInt64, _deleted UInt8) " +
      "ENGINE = ReplacingMergeTree(_version, _deleted) " +
      "ORDER BY (n, _unit, _index)",
  );
  await warehouse.command("INSERT INTO rows_rows VALUES (7, 1, 2, 3, 0)");
  await assert.rejects(
    openSink(warehouse, options),
    userError(/column "_index" is UInt32, the spec has UInt64/),
  );
  const migration = await migrationFor(warehouse, options);
  for (const { statements } of migration?.refusals ?? []) {
    for (const statement of statements) await warehouse.command(statement);
  }
  await openSink(warehouse, options);
  assert.deepEqual(await warehouse.rows("SELECT * FROM rows"), [
    { n: "7" },
  ]);
});

Deno.test("prepareTable() refuses a table that lacks a column, and migrate adds it", async () => {
  await using place = await database();
  const { warehouse } = place;
  const fewer = everyType.filter(({ name }) => name !== "label");
  await openSink(warehouse, { schema: fewer });
  await assert.rejects(
    openSink(warehouse, { schema: everyType }),
    userError(
      /rows_rows" lacks column "label" of sink "out": run `migrate`/,
    ),
  );
  const migration = await migrationFor(warehouse, { schema: everyType });
  assert.deepEqual(migration?.refusals, []);
  await migration?.apply();
  await openSink(warehouse, { schema: everyType });
  const columns = await warehouse.rows<{ name: string }>("DESCRIBE rows");
  assert.deepEqual(
    columns.map(({ name }) => name),
    everyType.map(({ name }) => name),
  );
  const rows = await warehouse.rows<{ name: string }>(
    "DESCRIBE rows_rows",
  );
  assert.deepEqual(
    rows.slice(0, everyType.length).map(({ name }) => name),
    everyType.map(({ name }) => name),
  );
});

Deno.test("prepareTable() refuses a table that may drop a repetition, and migrate mends it", async () => {
  await using place = await database();
  const { warehouse } = place;
  await openSink(warehouse, { schema: everyType });
  await warehouse.command(
    "ALTER TABLE rows_rows RESET SETTING non_replicated_deduplication_window",
  );
  await assert.rejects(
    openSink(warehouse, { schema: everyType }),
    userError(
      /rows_rows" lacks setting "non_replicated_deduplication_window = 0" of/,
    ),
  );
  await (await migrationFor(warehouse, { schema: everyType }))?.apply();
  await openSink(warehouse, { schema: everyType });
});

Deno.test("prepareTable() takes no table that is not its own", async () => {
  await using place = await database();
  const { warehouse } = place;
  await warehouse.command(
    "CREATE TABLE rows (a UInt8) ENGINE = MergeTree ORDER BY a",
  );
  await assert.rejects(
    openSink(warehouse, { schema: everyType }),
    userError(/there is a table of that name \(MergeTree\)/),
  );
  await warehouse.command(
    "CREATE TABLE other_rows (a UInt8) ENGINE = MergeTree ORDER BY a",
  );
  await assert.rejects(
    openSink(warehouse, { schema: everyType, table: "other" }),
    userError(
      /it is another table \(no "_unit", "_index", "_version", "_deleted"\); choose another name$/,
    ),
  );
});

const times: Schema = [
  { name: "n", type: "uint64", doc: "Number" },
  { name: "m", type: "uint64", doc: "Another" },
  { name: "block_timestamp", type: "timestamp", doc: "Time" },
];

const layout = { schema: times, order_by: ["n"], index: [] };

/** What is refused when the spec is another one than before. */
const changes: Readonly<Record<string, [Partial<SinkConfig>, RegExp]>> = {
  "order_by": [
    { order_by: ["n", "m"] },
    /ordered by \(n, _unit, _index\), the spec has \(n, m, _unit, _index\)/,
  ],
  "partition_by": [
    { partition_by: "none" },
    /partitioned by \(toYYYYMM\(block_timestamp\)\), the spec has \(\)/,
  ],
  "ttl": [
    { ttl: 86_400_000 },
    /its TTL is none, the spec has toDateTime\(/,
  ],
};

for (const [field, [change, message]] of Object.entries(changes)) {
  Deno.test(`migrationOf() refuses another ${field} and says what makes it fit`, async () => {
    await using place = await database();
    const { warehouse } = place;
    const sink = await openSink(warehouse, layout);
    const row = { n: 1, m: 2, block_timestamp: Date.now() };
    await write(sink, [{ unit: unit(1), rows: [row] }]);
    const changed = { ...layout, ...change };
    await assert.rejects(openSink(warehouse, changed), userError(message));
    const migration = await migrationFor(warehouse, changed);
    assert.deepEqual(migration?.statements, []);
    await assert.rejects(async () => await migration?.apply(), UserError);
    for (const { statements } of migration?.refusals ?? []) {
      for (const statement of statements) await warehouse.command(statement);
    }
    await openSink(warehouse, changed);
    assert.deepEqual(await warehouse.rows("SELECT n, m FROM rows"), [
      { n: "1", m: "2" },
    ]);
  });
}

Deno.test("migrationOf() refuses to drop a column, and takes one that may be empty", async () => {
  await using place = await database();
  const { warehouse } = place;
  await openSink(warehouse, layout);
  const fewer = { ...layout, schema: times.filter(({ name }) => name !== "m") };
  const migration = await migrationFor(warehouse, fewer);
  assert.deepEqual(migration?.statements, []);
  const [refusal, ...others] = migration?.refusals ?? [];
  assert.deepEqual(others, []);
  assert.equal(
    refusal?.reason,
    'column "m" (UInt64) is not in the spec and takes no null',
  );
  assert.match(refusal?.statements.join() ?? "", /DROP COLUMN `m`$/);
  await warehouse.command(
    "ALTER TABLE rows_rows MODIFY COLUMN m Nullable(UInt64)",
  );
  assert.deepEqual((await migrationFor(warehouse, fewer))?.refusals, []);
  await openSink(warehouse, fewer);
});

Deno.test("migrationOf() adds an index to the rows there are", async () => {
  await using place = await database();
  const { warehouse } = place;
  const sink = await openSink(warehouse, layout);
  const row = { n: 1, m: 2, block_timestamp: Date.now() };
  await write(sink, [{ unit: unit(1), rows: [row] }]);
  const indexed = { ...layout, index: ["m"] };
  await assert.rejects(
    openSink(warehouse, indexed),
    userError(/lacks index of "m" of sink "out"/),
  );
  await (await migrationFor(warehouse, indexed))?.apply();
  await openSink(warehouse, indexed);
  const after = await migrationFor(warehouse, indexed);
  assert.deepEqual([after?.statements, after?.refusals], [[], []]);
});

Deno.test("migrationOf() finds nothing where nothing is", async () => {
  await using place = await database();
  assert.equal(await migrationFor(place.warehouse, layout), undefined);
});

Deno.test("prepareTable() needs no right to create what is there", async () => {
  await using place = await database();
  const { database: name } = place.warehouse;
  await openSink(place.warehouse, layout);
  await using user = await limited({ allow_ddl: "0" });
  await using warehouse = await connect({ url: user.url, database: name });
  const sink = await openSink(warehouse, layout);
  const row = { n: 1, m: 2, block_timestamp: Date.now() };
  await write(sink, [{ unit: unit(1), rows: [row] }]);
  await assert.rejects(
    openSink(warehouse, { ...layout, table: "other" }),
    userError(/Cannot use ClickHouse "warehouse" at .*DDL.*; grant its user/s),
  );
});
