import { ClickHouseError } from "@clickhouse/client";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import {
  clientOf,
  insertBytes,
  selectBytes,
  selectValue,
  withWarehouse,
} from "./clickhouse/warehouse.ts";

const hash = `0x${"ab".repeat(32)}`;

const columns = `
  u64 UInt64,
  u256 UInt256,
  i256 Int256,
  hash FixedString(66),
  text String,
  at DateTime64(3, 'UTC'),
  maybe Nullable(UInt256),
  list Array(String),
  flag Bool,
  number Float64`;

/** The corners of every column type; two line ends in a row are one of them. */
const corners = [
  {
    u64: "18446744073709551615",
    u256: `${2n ** 256n - 1n}`,
    i256: `${-(2n ** 255n)}`,
    hash,
    text: "a\n\nb\t'\"\\`; -- é🦥 \u0000",
    at: "2026-01-02 03:04:05.678",
    maybe: null,
    list: ["", "x\n\ny", "'],['", "FORMAT CSV"],
    flag: true,
    number: 1.5,
  },
  {
    u64: "0",
    u256: "0",
    i256: `${2n ** 255n - 1n}`,
    hash,
    text: "",
    at: "1970-01-01 00:00:00.000",
    maybe: `${2n ** 256n - 1n}`,
    list: [],
    flag: false,
    number: -0.25,
  },
];

const table = (name: string, settings = "") =>
  `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY text ` +
  settings;

const byText = (name: string) => `SELECT * FROM ${name} ORDER BY text DESC`;

Deno.test("the server returns every type as it was stored", async () => {
  await withWarehouse(async ({ client }) => {
    await client.command({ query: table("t") });
    await client.insert({
      table: "t",
      values: corners,
      format: "JSONEachRow",
    });
    const result = await client.query({
      query: byText("t"),
      format: "JSONEachRow",
    });
    assert.deepEqual(await result.json(), corners);
  });
});

Deno.test("the server takes every input format", async () => {
  await withWarehouse(async ({ client }) => {
    await client.command({ query: table("original") });
    await client.insert({
      table: "original",
      values: corners,
      format: "JSONEachRow",
    });
    const expected = await selectValue(client, byText("original"));
    for (
      const format of [
        "JSONEachRow",
        "JSONCompactEachRow",
        "TabSeparated",
        "TabSeparatedWithNames",
        "CSV",
        "CSVWithNames",
        "Values",
        "RowBinary",
        "RowBinaryWithNamesAndTypes",
        "Native",
        "Parquet",
      ]
    ) {
      await client.command({ query: table("copy") });
      const data = await selectBytes(
        client,
        `${byText("original")} FORMAT ${format}`,
      );
      const written = await insertBytes(client, {
        query: `INSERT INTO copy FORMAT ${format}`,
        data: [data],
      });
      assert.equal(written, "2", format);
      assert.equal(await selectValue(client, byText("copy")), expected, format);
      await client.command({ query: "DROP TABLE copy" });
    }
  });
});

Deno.test("the server takes an INSERT in one text and in many chunks", async () => {
  await withWarehouse(async ({ client }) => {
    await client.command({
      query: "CREATE TABLE t (a UInt64, b String DEFAULT 'x') " +
        "ENGINE = MergeTree ORDER BY a",
    });
    await client.command({ query: "INSERT INTO t VALUES (1, 'a'), (2, 'b;')" });
    await client.command({ query: "INSERT INTO t (a) FORMAT CSV\n3\n4\n" });
    await client.command({ query: "INSERT INTO t SELECT 5, 'e'" });
    const rows = 20_000;
    await client.insert({
      table: "t",
      columns: ["a"],
      values: Readable.from(
        Array.from({ length: rows }, (_, i) => ({ a: i + 6 })),
      ),
      format: "JSONEachRow",
    });
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(100_000n);
    await insertBytes(client, {
      query: "INSERT INTO t (a) FORMAT RowBinary",
      data: [bytes.subarray(0, 3), bytes.subarray(3)],
    });
    assert.equal(
      await selectValue(
        client,
        "SELECT count(), sum(a), countIf(b = 'x'), max(a) FROM t",
      ),
      [rows + 6, (rows + 5) * (rows + 6) / 2 + 100_000, rows + 3, 100_000]
        .join("\t"),
    );
  });
});

Deno.test("the server stores an insert token once, whatever the format", async () => {
  await withWarehouse(async ({ client }) => {
    const settings = "SETTINGS non_replicated_deduplication_window = 100";
    for (const name of ["original", "copy"]) {
      await client.command({ query: table(name, settings) });
    }
    await client.insert({
      table: "original",
      values: corners,
      format: "JSONEachRow",
    });
    for (const format of ["RowBinary", "Native", "TabSeparated"]) {
      const data = await selectBytes(
        client,
        `SELECT * FROM original FORMAT ${format}`,
      );
      const query = `INSERT INTO copy FORMAT ${format}`;
      for (const token of [`${format}/1`, `${format}/1`, `${format}/2`]) {
        await insertBytes(client, { query, data: [data], token });
      }
    }
    assert.equal(await selectValue(client, "SELECT count() FROM copy"), "12");
  });
});

Deno.test("the server binds query parameters", async () => {
  await withWarehouse(async ({ client }) => {
    const query_params = {
      text: 'it\'s \\ `a`\n\t"b" {x:String}',
      big: 2n ** 256n - 1n,
      list: ["a'b", "c\nd"],
      none: null,
      map: { k: 1 },
      table: "numbers",
    };
    for (const use_multipart_params of [false, true]) {
      const result = await client.query({
        query: `SELECT {text:String} AS text, {big:UInt256} AS big,
          {list:Array(String)} AS list, {none:Nullable(String)} AS none,
          {map:Map(String, UInt8)} AS map
          FROM system.{table:Identifier} LIMIT 1`,
        query_params,
        use_multipart_params,
        format: "JSONEachRow",
      });
      const { table: _, big, ...rest } = query_params;
      assert.deepEqual(await result.json(), [{ ...rest, big: `${big}` }]);
    }
    await assert.rejects(
      client.query({ query: "SELECT {missing:String}" }),
      { code: "456" },
    );
  });
});

Deno.test("the server keeps settings and databases to a request", async () => {
  await withWarehouse(async ({ server, client }) => {
    const value = "SELECT getSetting('max_threads'), currentDatabase()";
    const before = await selectValue(client, value);
    const other = clientOf(server, {
      database: "other db",
      clickhouse_settings: { max_threads: 7 },
    });
    await assert.rejects(selectValue(other, value), { code: "81" });
    await client.command({ query: "CREATE DATABASE `other db`" });
    assert.equal(await selectValue(other, value), "7\tother db");
    assert.equal(await selectValue(client, value), before);
    await other.close();
    await assert.rejects(
      client.query({
        query: "SELECT 1",
        clickhouse_settings: { no_such_setting: 1 } as Record<string, number>,
      }),
      { code: "115", type: "UNKNOWN_SETTING" },
    );
    await assert.rejects(
      client.query({ query: "SELECT 1", session_id: "s" }),
      /"session_id" is not available/,
    );
  });
});

Deno.test("the server answers errors with number and name", async () => {
  await withWarehouse(async ({ client }) => {
    await client.command({
      query: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
    });
    const cases: [string, string, string][] = [
      ["SELECT * FROM nothing", "60", "UNKNOWN_TABLE"],
      ["SELEC 1", "62", "SYNTAX_ERROR"],
      ["SELECT throwIf(1)", "395", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"],
      ["INSERT INTO nothing VALUES (1)", "60", "UNKNOWN_TABLE"],
      ["CREATE TABLE t (a UInt8) ENGINE = Log", "57", "TABLE_ALREADY_EXISTS"],
    ];
    for (const [query, code, type] of cases) {
      await assert.rejects(client.exec({ query }), (error) => {
        assert(error instanceof ClickHouseError);
        assert.deepEqual([error.code, error.type], [code, type], query);
        return true;
      });
    }
    // In the middle of a body that the client is still sending.
    const row = Buffer.from("1\n".repeat(100_000));
    const data = [row, Buffer.from("wrong\n"), ...Array(100).fill(row)];
    for (const [name, code] of [["t", "27"], ["nothing", "60"]] as const) {
      const query = `INSERT INTO ${name} FORMAT TabSeparated`;
      await assert.rejects(insertBytes(client, { query, data }), { code });
    }
    assert.equal(await selectValue(client, "SELECT count() FROM t"), "0");
    // After the first rows have been sent.
    const result = await client.query({
      query: "SELECT throwIf(number = 1000000) FROM numbers(2000000)",
      format: "JSONEachRow",
    });
    await assert.rejects(result.json(), { code: "395" });
  });
});

Deno.test("the server compresses and takes compressed bodies", async () => {
  await withWarehouse(async ({ server, client }) => {
    await client.command({ query: table("t") });
    const packed = clientOf(server, {
      compression: { request: true, response: true },
    });
    await packed.insert({
      table: "t",
      values: corners,
      format: "JSONEachRow",
    });
    for (const format of ["JSONEachRow", "JSON"] as const) {
      const result = await packed.query({ query: byText("t"), format });
      assert.equal(result.response_headers["content-encoding"], "gzip");
      const rows = await result.json();
      assert.deepEqual("data" in rows ? rows.data : rows, corners);
    }
    await assert.rejects(
      packed.insert({
        table: "nothing",
        values: Array(10_000).fill(corners[0]),
        format: "JSONEachRow",
      }),
      { code: "60" },
    );
    await packed.close();
  });
});

Deno.test("the server works for many clients at once", async () => {
  await withWarehouse(async ({ client }) => {
    await client.command({
      query: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
    });
    await Promise.all(Array.from({ length: 32 }, async (_, i) => {
      await client.insert({
        table: "t",
        values: Array.from({ length: 1000 }, (_, j) => ({ a: i * 1000 + j })),
        format: "JSONEachRow",
      });
      const own = await client.query({
        query: "SELECT count() AS n FROM t WHERE intDiv(a, 1000) = {i:UInt64}",
        query_params: { i },
        format: "JSONEachRow",
      });
      assert.deepEqual(await own.json(), [{ n: "1000" }]);
    }));
    assert.equal(
      await selectValue(client, "SELECT uniqExact(a) FROM t"),
      "32000",
    );
  });
});
