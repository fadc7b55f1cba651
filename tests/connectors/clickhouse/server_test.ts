import assert from "node:assert/strict";
import { startEmbedded } from "../../../connectors/clickhouse/embedded.ts";
import {
  RetryableError,
  type Schema,
  UserError,
} from "../../../runtime/component.ts";
import { smallDisk } from "../../fixtures/small_disk.ts";
import { until } from "../../fixtures/until.ts";
import { startClickhouse } from "../../services/mod.ts";
import {
  connect,
  database,
  limited,
  openSink,
  unit,
  write,
  type Written,
} from "./warehouses.ts";

const schema: Schema = [
  { name: "block_number", type: "uint64", doc: "Block" },
  { name: "data", type: "bytes", doc: "Data" },
];

const layout = { schema, order_by: ["block_number"], index: [] };

/** Hex of this many bytes that does not compress. */
function noise(bytes: number): string {
  const random = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) {
    crypto.getRandomValues(random.subarray(at, at + 65_536));
  }
  return `0x${random.toHex()}`;
}

function block(number: number, { rows = 1, bytes = 32 } = {}): Written {
  const data = noise(bytes);
  return {
    unit: unit(number),
    rows: Array.from({ length: rows }, () => ({ block_number: number, data })),
  };
}

/** Write like the runtime: the same batch again while it may be tried. */
async function patiently(
  attempt: () => Promise<void>,
  failed: (error: RetryableError) => void = () => {},
): Promise<void> {
  await until(async () => {
    try {
      await attempt();
      return true;
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      failed(error);
      return false;
    }
  }, "the batch is stored");
}

Deno.test("clickhouseSink loses and doubles nothing when its server is killed again and again", async () => {
  await using service = await startClickhouse();
  await using warehouse = await connect({ url: service.address });
  await warehouse.health();
  const sink = await openSink(warehouse, layout);
  await warehouse.command(
    "CREATE TABLE counts (k UInt8, n Int64) ENGINE = SummingMergeTree " +
      "ORDER BY k SETTINGS non_replicated_deduplication_window = 1000",
  );
  await warehouse.command(
    "CREATE MATERIALIZED VIEW to_counts TO counts AS " +
      "SELECT 1 AS k, sum(if(_deleted, -1, 1)) AS n FROM rows_rows",
  );
  const [blocks, rows] = [400, 20];
  let written = 0;
  let failures = 0;
  const killing = (async () => {
    for (const at of [30, 120, 200, 290, 350]) {
      await until(() => written >= at, `${at} blocks are stored`);
      await service.kill();
      await service.start();
    }
  })();
  for (let number = 0; number < blocks; number += 5) {
    const batch = [0, 1, 2, 3, 4].map((more) => block(number + more, { rows }));
    await patiently(() => write(sink, batch), (error) => {
      failures++;
      assert.match(
        error.message,
        /^Sink "out" cannot write to ClickHouse "warehouse"/,
      );
    });
    written = number + 5;
  }
  await killing;
  const [found] = await warehouse.rows(
    "SELECT (SELECT count() FROM rows) AS seen, " +
      "(SELECT uniqExact(block_number) FROM rows) AS blocks, " +
      "(SELECT sum(n) FROM counts) AS counted",
  );
  const all = String(blocks * rows);
  assert.deepEqual(found, { seen: all, blocks: String(blocks), counted: all });
  assert(failures > 0, "No kill met a write");
});

Deno.test("clickhouseSink waits for a server that does not answer", async () => {
  await using service = await startClickhouse();
  await using warehouse = await connect({
    url: service.address,
    timeout: 1000,
  });
  await warehouse.health();
  const sink = await openSink(warehouse, layout);
  await service.pause();
  await assert.rejects(write(sink, [block(1)]), (error) => {
    assert(error instanceof RetryableError, String(error));
    assert.match(
      error.message,
      /^Sink "out" cannot write to ClickHouse "warehouse" at 127.*[Tt]imeout/,
    );
    return true;
  });
  await service.resume();
  const again = block(2);
  await patiently(() => write(sink, [again]));
  await patiently(() => write(sink, [again]));
  const [count] = await warehouse.rows<{ n: string }>(
    "SELECT count() AS n FROM rows WHERE block_number = 2",
  );
  assert.equal(count?.n, "1");
});

Deno.test("clickhouse says that a server is down and where it should be", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using warehouse = await connect({ url: `http://127.0.0.1:${port}` });
  await assert.rejects(warehouse.health(), (error) => {
    assert(error instanceof RetryableError, String(error));
    assert.equal(
      error.message,
      'Cannot use ClickHouse "warehouse": connect ECONNREFUSED ' +
        `127.0.0.1:${port}; start the server, or check the address`,
    );
    return true;
  });
});

Deno.test("clickhouse says that the password is wrong and where to mend it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using running = await startEmbedded(folder);
    const { url, username } = running;
    await using warehouse = await connect({ url, username, password: "wrong" });
    await assert.rejects(warehouse.health(), (error) => {
      assert(error instanceof UserError, String(error));
      assert.match(
        error.message,
        /^Cannot use ClickHouse "warehouse": sluice: Authentication failed: password is incorrect.*; check "username" and "password" of the connection$/s,
      );
      assert(!error.message.includes("wrong"));
      return true;
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("clickhouse says who has to create a database that is missing", async () => {
  await using user = await limited({ allow_ddl: "0" });
  await using warehouse = await connect({ url: user.url, database: "absent" });
  await assert.rejects(warehouse.health(), (error) => {
    assert(error instanceof UserError, String(error));
    assert.match(
      error.message,
      /^Cannot create database "absent", which does not exist: .*DDL.*; have somebody run `CREATE DATABASE IF NOT EXISTS `absent`` and grant "default"/s,
    );
    return true;
  });
});

Deno.test("clickhouseSink waits for memory and says what needs less", async () => {
  await using place = await database();
  await openSink(place.warehouse, layout);
  await using user = await limited({ max_memory_usage: "1000000" });
  const { database: name } = place.warehouse;
  await using warehouse = await connect({ url: user.url, database: name });
  const sink = await openSink(warehouse, layout);
  const batch = [block(1, { rows: 40, bytes: 100_000 })];
  await assert.rejects(write(sink, batch), (error) => {
    assert(error instanceof RetryableError, String(error));
    assert.match(
      error.message,
      /^Sink "out" cannot write to .*[Mm]emory limit.*; raise its memory limits, or write less at once: `batch: \{ bytes: 8MiB \}` in the sink$/s,
    );
    return true;
  });
  // Somebody raises the limit.
  const other = await openSink(place.warehouse, layout);
  await write(other, batch);
  const [count] = await place.warehouse.rows<{ n: string }>(
    "SELECT count() AS n FROM rows",
  );
  assert.equal(count?.n, "40");
});

Deno.test("clickhouseSink waits for disk space and stores what was refused", async () => {
  await using disk = await smallDisk(96);
  if (!disk) return;
  await using service = await startClickhouse({ folder: disk.folder });
  await using warehouse = await connect({ url: service.address });
  await warehouse.health();
  const sink = await openSink(warehouse, layout);
  let blocks = 0;
  let refused: Written | undefined;
  while (!refused) {
    assert(blocks < 100, "The disk never gets full");
    const next = block(blocks, { rows: 1, bytes: 4 << 20 });
    try {
      await write(sink, [next]);
      blocks++;
    } catch (error) {
      assert(error instanceof RetryableError, String(error));
      assert.match(
        error.message,
        /^Sink "out" cannot write to ClickHouse "warehouse" at .*; free disk space on the server$/s,
      );
      refused = next;
    }
  }
  await disk.grow(512);
  const again = refused;
  await patiently(() => write(sink, [again]));
  const [found] = await warehouse.rows<{ n: string }>(
    "SELECT uniqExact(block_number) AS n, count() AS rows FROM rows",
  );
  const all = String(blocks + 1);
  assert.deepEqual(found, { n: all, rows: all });
});

Deno.test("clickhouseSink says so when somebody drops its table", async () => {
  await using place = await database();
  const sink = await openSink(place.warehouse, layout);
  await place.warehouse.command("DROP TABLE rows_rows SYNC");
  await assert.rejects(write(sink, [block(1)]), (error) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, /; somebody dropped it: start again/);
    return true;
  });
});
