import assert from "node:assert/strict";
import type { Schema } from "../../../runtime/component.ts";
import {
  connect,
  database,
  limited,
  openSink,
  type TestWarehouse,
  unit,
  write,
} from "./warehouses.ts";

const schema: Schema = [
  { name: "block_number", type: "uint64", doc: "Block" },
  { name: "value", type: "uint64", doc: "Value" },
  { name: "block_timestamp", type: "timestamp", doc: "Time" },
];

/** The example of the documentation, as it stands there. */
async function statements(): Promise<string[]> {
  const page = await Deno.readTextFile(
    new URL("../../../docs/clickhouse.md", import.meta.url),
  );
  const [, sql = ""] = /```sql\n(CREATE TABLE daily[\s\S]*?)```/.exec(page) ??
    [];
  return sql.split(";").map((one) => one.trim()).filter(Boolean);
}

async function arrange({ warehouse }: TestWarehouse) {
  const sink = await openSink(warehouse, {
    schema,
    table: "payments",
    order_by: ["block_number"],
    index: [],
  });
  const [table = "", view = "", read = ""] = await statements();
  await warehouse.command(table);
  await warehouse.command(view);
  return { sink, totals: () => warehouse.rows(read) };
}

/** Units of one payment each, two of them on the last day of a month. */
function payment(number: number, more: Parameters<typeof unit>[1] = {}) {
  const time = Date.parse("2024-01-31T23:59:48Z") + number * 6_000;
  const rows = [{ block_number: number, value: 10, block_timestamp: time }];
  return { unit: unit(number, more), rows };
}

Deno.test("a materialised view stays right through repeated inserts and reorgs", async () => {
  await using place = await database();
  const { sink, totals } = await arrange(place);
  const twice = async (...units: Parameters<typeof write>[1][number][]) => {
    await write(sink, units);
    await write(sink, units);
  };
  await twice(payment(0), payment(1), payment(2), payment(3));
  assert.deepEqual(await totals(), [
    { day: "2024-01-31", payments: "2", total: "20" },
    { day: "2024-02-01", payments: "2", total: "20" },
  ]);
  await twice(
    payment(3, { op: "retract", version: 2 }),
    payment(2, { op: "retract", version: 2 }),
    payment(1, { op: "retract", version: 2 }),
  );
  await twice(payment(1, { id: "0xb1", version: 3 }));
  assert.deepEqual(await totals(), [
    { day: "2024-01-31", payments: "2", total: "20" },
  ]);
});

Deno.test("every insert carries its token and the settings that keep it safe", async () => {
  await using place = await database();
  await using user = await limited({});
  const { database: name } = place.warehouse;
  await using warehouse = await connect({ url: user.url, database: name });
  const { sink } = await arrange({ ...place, warehouse });
  await write(sink, [payment(0)], "pipeline/out/1");
  const insert = user.requests.find((one) =>
    one.get("query")?.startsWith("INSERT INTO")
  );
  const sent = Object.fromEntries(insert ?? []);
  assert.match(sent["query"] ?? "", /`payments_rows` \(.*\) FORMAT Native/);
  for (
    const [setting, value] of Object.entries({
      async_insert: "0",
      wait_for_async_insert: "1",
      insert_deduplicate: "1",
      insert_deduplication_token: "pipeline/out/1",
      deduplicate_blocks_in_dependent_materialized_views: "1",
      distributed_foreground_insert: "1",
      max_insert_threads: "1",
      max_partitions_per_insert_block: "0",
    })
  ) assert.equal(sent[setting], value, setting);
});
