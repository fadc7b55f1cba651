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

/** Enough for every run of the suite; a release is proved with 500. */
const kills = Number(Deno.env.get("SLUICE_KILLS") ?? 5);

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
  const rows = 20;
  let [failures, killed, writes, written] = [0, 0, 0, 0];
  const killing = (async () => {
    for (; killed < kills; killed++) {
      const at = written + 3;
      await until(() => written >= at, `${at} blocks are stored`);
      const begun = writes;
      await until(() => writes > begun, "a write begins");
      // Somewhere in the write: its instants are met by chance.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      await service.kill();
      await service.start();
    }
  })();
  while (killed < kills) {
    const batch = [block(written, { rows })];
    await patiently(() => (writes++, write(sink, batch)), (error) => {
      failures++;
      assert.match(
        error.message,
        /^Sink "out" cannot write to ClickHouse "warehouse"/,
      );
    });
    written++;
  }
  await killing;
  const [found] = await warehouse.rows<Record<string, string>>(
    "SELECT (SELECT count() FROM rows) AS seen, " +
      "(SELECT uniqExact(block_number) FROM rows) AS blocks, " +
      "(SELECT sum(n) FROM counts) AS counted",
  );
  const { counted, ...exact } = found ?? {};
  assert.deepEqual(exact, {
    seen: String(written * rows),
    blocks: String(written),
  });
  // What a view writes to rests on ClickHouse's own tokens, which may lose a
  // batch that the server was killed in (see docs/clickhouse.md).
  const lost = written * rows - Number(counted);
  assert(lost >= 0 && lost <= kills * rows, `counted ${counted}`);
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
