import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { ScyllaClient } from "../../../connectors/scylla/client.ts";
import { scyllaSink } from "../../../connectors/scylla/sink.ts";
import {
  RejectedError,
  RetryableError,
  type Row,
  type Schema,
  UserError,
} from "../../../runtime/component.ts";
import { canonicalRows } from "../../contracts/canonical.ts";
import { everyType } from "../../contracts/extreme_rows.ts";
import { openContext } from "../../contracts/open_context.ts";
import { javaTest, startCassandra, uniqueName } from "../../services/mod.ts";
import { connect, hot, sinkConfig } from "./hot.ts";

type Given = Partial<Parameters<typeof sinkConfig>[0]>;

const key = [["block_number"], "log_index"];

/** Open the sink on what is there. */
async function open(
  connection: ScyllaClient,
  { schema = everyType, table, ...other }:
    & { schema?: Schema; table: string }
    & Given,
) {
  const config = sinkConfig({ table, primary_key: key, ...other });
  return await scyllaSink.open(config, {
    ...openContext({ name: "out" }),
    connection,
    schema,
    state: undefined,
  });
}

type Sink = Awaited<ReturnType<typeof open>>;

/** Write the rows of one unit. */
async function write(
  sink: Sink,
  rows: readonly Row[],
  { number = 1, signal = new AbortController().signal } = {},
): Promise<void> {
  const version = 1_700_000_000_000;
  const unit = { number, id: "0x1", time: 0, op: "insert", version } as const;
  const encoded = sink.encode(rows, unit, (_, reason) => assert.fail(reason));
  const chunks = [{ ...encoded, rows: rows.length, unit }];
  const { bytes } = encoded;
  await sink.write({ chunks, rows: rows.length, bytes, token: "t", signal });
}

function userError(pattern: RegExp) {
  return (error: unknown) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

async function cql(client: ScyllaClient, statement: string): Promise<void> {
  await client.execute(statement, [], { prepare: false });
}

const small: Schema = [
  { name: "block_number", type: "uint64", doc: "Block" },
  { name: "log_index", type: "uint32", doc: "Log" },
  { name: "note", type: "string", nullable: true, doc: "Text" },
];

javaTest(
  "scyllaSink says which column of an existing table does not fit",
  async () => {
    await using client = await hot();
    const table = uniqueName("other");
    await open(client, { table });
    const changed = everyType.map((column) =>
      column.name === "nonce" ? { ...column, type: "string" as const } : column
    );
    await assert.rejects(
      open(client, { table, schema: changed }),
      userError(
        /Table "hot_\w+\.other_\w+" does not fit sink "out": column "nonce" is bigint, the spec has text; choose another table, or drop this one and run `reset`/,
      ),
    );
    await assert.rejects(
      open(client, { table, primary_key: [["log_index"], "block_number"] }),
      userError(
        /its primary key is \[\[block_number\], log_index\], the spec has \[\[log_index\], block_number\]/,
      ),
    );
  },
);

javaTest(
  "scyllaSink leaves missing columns to migrate, which only adds",
  async () => {
    await using client = await hot();
    const table = uniqueName("fewer");
    const config = sinkConfig({
      table,
      primary_key: [["block_number"], "log_index"],
    });
    const migrate = (schema: Schema, primary_key = config.primary_key) =>
      scyllaSink.migrate?.(
        { config: { ...config, primary_key }, name: "out", schema },
        { connection: client, signal: new AbortController().signal },
      );
    assert.equal(await migrate(small), undefined);
    await open(client, { table, schema: small.slice(0, 2) });
    await assert.rejects(
      open(client, { table, schema: small }),
      userError(/lacks "note" of sink "out": run `migrate` with --apply/),
    );
    const keyed = await migrate(small, [["log_index"], "block_number"]);
    assert.match(
      keyed?.refusals[0]?.reason ?? "",
      /its primary key is \[\[block_number\], log_index\]/,
    );
    assert.match(
      keyed?.refusals[0]?.statements.join(";") ?? "",
      /^DROP TABLE .*;CREATE TABLE .*\(\("log_index"\), "block_number"\)/s,
    );
    await assert.rejects(async () => await keyed?.apply(), UserError);
    const found = await migrate(small);
    assert.deepEqual(found?.refusals, []);
    assert.match(
      found?.statements.join(";") ?? "",
      /^ALTER TABLE "hot_\w+"\."fewer_\w+" ADD "note" text$/,
    );
    await found?.apply();
    assert.deepEqual((await migrate(small))?.statements, []);
    const sink = await open(client, { table, schema: small });
    await write(sink, [{ block_number: 1, log_index: 2, note: "ü" }]);
    const { rows } = await client.execute(`SELECT note FROM ${table}`);
    assert.deepEqual(rows.map((row) => row["note"]), ["ü"]);
  },
);

javaTest(
  "scyllaSink stores into a table with columns of its owner's",
  async () => {
    await using client = await hot();
    const table = uniqueName("owned");
    await cql(
      client,
      `CREATE TABLE ${table} (block_number bigint, log_index bigint, ` +
        "note text, mine set<text>, PRIMARY KEY (block_number, log_index))",
    );
    const sink = await open(client, { table, schema: small });
    const rows = [{ block_number: 1, log_index: 2, note: null }];
    await write(sink, rows);
    const read = await Array.fromAsync(client.rows(`SELECT * FROM ${table}`));
    assert.deepEqual(canonicalRows(small, read), canonicalRows(small, rows));
  },
);

javaTest(
  "scyllaSink keeps the last of a unit's rows with one key",
  async () => {
    await using client = await hot();
    const table = uniqueName("twice");
    const sink = await open(client, {
      table,
      schema: small,
      primary_key: [["block_number", "log_index"]],
    });
    const notes = ["z", "y", null, "a"];
    await write(
      sink,
      notes.map((note) => ({ block_number: 1, log_index: 1, note })),
    );
    const { rows } = await client.execute(`SELECT note FROM ${table}`);
    assert.deepEqual(rows.map((row) => row["note"]), ["a"]);
  },
);

javaTest(
  "scyllaSink gives rows the life and the compaction that are stated",
  async () => {
    await using client = await hot();
    const table = uniqueName("life");
    const sink = await open(client, {
      table,
      schema: small,
      ttl: 7 * 86_400_000,
      compaction: "time_window",
    });
    await write(sink, [{ block_number: 1, log_index: 2, note: "a" }]);
    const { rows: [row] } = await client.execute(
      `SELECT ttl(note) AS ttl, writetime(note) AS time FROM ${table}`,
    );
    const ttl = Number(row?.["ttl"]);
    assert(ttl > 600_000 && ttl <= 604_800, String(ttl));
    assert.equal(row?.["time"], 1_700_000_000_000n * 1000n + 1n);
    const { rows: [made] } = await client.execute(
      "SELECT compaction FROM system_schema.tables " +
        "WHERE keyspace_name = ? AND table_name = ?",
      [client.keyspace, table],
    );
    const compaction = made?.["compaction"] as Map<string, string>;
    assert.match(
      compaction.get("class") ?? "",
      /TimeWindowCompactionStrategy$/,
    );
    assert.equal(compaction.get("compaction_window_size"), "7");
  },
);

javaTest(
  "scyllaSink rejects the rows that a server finds too large, and no others",
  async () => {
    await using client = await hot();
    const table = uniqueName("large");
    const sink = await open(client, { table, schema: small });
    const row = (log_index: number, length: number): Row => ({
      block_number: 1,
      log_index,
      note: "x".repeat(length),
    });
    // The server writes half of a segment of its log (16 MiB) at once.
    const rows = [row(1, 10), row(2, 9e6), row(3, 100_000), row(4, 8.5e6)];
    await assert.rejects(write(sink, rows), (error) => {
      assert(error instanceof RejectedError, String(error));
      const rejected = error.rejects.map(({ row }) => row);
      rejected.sort((a, b) => Number(a["log_index"]) - Number(b["log_index"]));
      assert.deepEqual(rejected, [rows[1], rows[3]]);
      return true;
    });
    const { rows: stored } = await client.execute(
      `SELECT log_index FROM ${table}`,
    );
    assert.deepEqual(stored.map((row) => row["log_index"]), [1n, 3n]);
  },
);

javaTest(
  "scyllaSink rejects what no server can take before it is sent",
  async () => {
    await using client = await hot();
    const schema: Schema = [
      { name: "k", type: "string", doc: "Key" },
      { name: "note", type: "string", doc: "Text" },
    ];
    const table = uniqueName("never");
    const sink = await open(client, { table, schema, primary_key: ["k"] });
    const unit = {
      number: 1,
      id: "0x1",
      time: 0,
      op: "insert",
      version: 1,
    } as const;
    const reasons: string[] = [];
    sink.encode(
      [
        { k: "", note: "a" },
        { k: "k".repeat(65_536), note: "a" },
        { k: "b", note: "x".repeat(17e6) },
        { k: "b", note: null },
      ],
      unit,
      (_, reason) => reasons.push(reason),
    );
    assert.deepEqual(reasons.map((one) => one.replaceAll(/\d{3,}/g, "n")), [
      'The partition key "k" must not be empty',
      'The key "k" has n bytes, and the store takes n at most',
      "The row has n bytes, and the store takes n at most",
      'Column "note" has no value',
    ]);
  },
);

javaTest("scyllaSink ends at once when nobody waits any more", async () => {
  await using client = await hot();
  const sink = await open(client, {
    table: uniqueName("ended"),
    schema: small,
  });
  const signal = AbortSignal.abort(new Error("Enough"));
  const rows = [{ block_number: 1, log_index: 1, note: "a" }];
  await assert.rejects(write(sink, rows, { signal }), /Enough/);
});

javaTest("scyllaSink says that its table is gone", async () => {
  await using client = await hot();
  const table = uniqueName("gone");
  const sink = await open(client, { table, schema: small });
  const rows = [{ block_number: 1, log_index: 1, note: "a" }];
  await write(sink, rows);
  await cql(client, `DROP TABLE ${table}`);
  await assert.rejects(
    write(sink, rows),
    userError(/^Table "\w+\.gone_\w+" of sink "out" is gone: run `reset`/),
  );
});

javaTest(
  "scyllaSink loses nothing when its server is killed in a write",
  async () => {
    await using server = await startCassandra();
    await using client = await connect({ hosts: [server.address] });
    const sink = await open(client, { table: "rows", schema: small });
    const crash = async () => {
      await server.kill();
      await server.start();
    };
    const all: Row[] = [];
    let failures = 0;
    let crashing: Promise<void> | undefined;
    // Enough to be in the middle of when the server goes, however fast it is.
    for (let number = 1; number <= 50 || failures === 0; number++) {
      const rows = Array.from({ length: 200 }, (_, log_index) => ({
        block_number: number,
        log_index,
        note: log_index % 3 === 0 ? null : `${number}.${log_index}`,
      }));
      all.push(...rows);
      if (number === 20) crashing = crash();
      failures += await writeAgain(() => write(sink, rows, { number }));
    }
    await crashing;
    // What was acknowledged last may still be in the log only.
    await crash();
    const stored: Row[] = [];
    await writeAgain(async () => {
      const rows = await Array.fromAsync(client.rows("SELECT * FROM rows"));
      stored.push(...rows as Row[]);
    });
    assert.deepEqual(canonicalRows(small, stored), canonicalRows(small, all));
  },
);

/** Do it until it is done, as the runtime does; returns how often it failed. */
async function writeAgain(work: () => Promise<void>): Promise<number> {
  const deadline = Date.now() + 180_000;
  for (let failures = 0;; failures++) {
    try {
      await work();
      return failures;
    } catch (error) {
      assert(error instanceof RetryableError, String(error));
      assert(Date.now() < deadline, "Three minutes have not been enough");
      await delay(100);
    }
  }
}
