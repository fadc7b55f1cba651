import assert from "node:assert/strict";
import { clickhouseSink } from "../../../connectors/clickhouse/sink.ts";
import type { Schema } from "../../../runtime/component.ts";
import { canonicalRows } from "../../contracts/canonical.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";
import {
  config,
  database,
  embedded,
  openSink,
  unit,
  write,
} from "./warehouses.ts";

for (const [where, arrange] of Object.entries({ embedded, server: database })) {
  sinkContract({
    name: `clickhouse, ${where}`,
    definition: clickhouseSink,
    rejected: { hash: "0xab" },
    async arrange(schema) {
      const place = await arrange();
      const { warehouse } = place;
      return {
        config,
        connection: warehouse,
        read: async () =>
          canonicalRows(
            schema,
            await warehouse.rows<Record<string, unknown>>("SELECT * FROM rows"),
          ),
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      };
    },
  });
}

const kinds: Schema = [{ name: "kind", type: "string", doc: "Kind" }];

Deno.test("clickhouseSink tells the parts of a unit apart", async () => {
  await using place = await database();
  const { warehouse } = place;
  const sink = await openSink(warehouse, {
    schema: kinds,
    order_by: ["kind"],
    index: [],
  });
  for (const part of [0, 1, 4096]) {
    await write(
      sink,
      [{ unit: unit(1, { part }), rows: [{ kind: "a" }] }],
      `t${part}`,
    );
  }
  const [count] = await warehouse.rows<{ n: string }>(
    "SELECT count() AS n FROM rows",
  );
  assert.equal(count?.n, "3");
});

Deno.test("clickhouseSink keeps rows apart whose order_by is equal", async () => {
  await using place = await database();
  const { warehouse } = place;
  const sink = await openSink(warehouse, {
    schema: kinds,
    order_by: ["kind"],
    index: [],
  });
  const rows = [{ kind: "a" }, { kind: "a" }];
  await write(sink, [{ unit: unit(1), rows }, { unit: unit(2), rows }]);
  const [count] = await warehouse.rows<{ n: string }>(
    "SELECT count() AS n FROM rows",
  );
  assert.equal(count?.n, "4");
});

Deno.test("clickhouseSink stores rows of a decade in one batch", async () => {
  await using place = await database();
  const { warehouse } = place;
  const schema: Schema = [
    { name: "block_timestamp", type: "timestamp", doc: "Time" },
  ];
  const sink = await openSink(warehouse, {
    schema,
    order_by: ["block_timestamp"],
    index: [],
  });
  const month = 31 * 24 * 3600_000;
  const rows = Array.from({ length: 130 }, (_, index) => ({
    block_timestamp: Date.parse("2015-07-30T00:00:00Z") + index * month,
  }));
  await write(sink, [{ unit: unit(1), rows }]);
  const [count] = await warehouse.rows<{ n: string; months: string }>(
    "SELECT count() AS n, uniqExact(toYYYYMM(block_timestamp)) AS months FROM rows",
  );
  assert.deepEqual(count, { n: "130", months: "130" });
});
