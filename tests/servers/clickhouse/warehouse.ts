/**
 * An embedded ClickHouse for one test, and a client for it.
 *
 * @module
 */
import {
  type ClickHouseClient,
  ClickHouseLogLevel,
  createClient,
} from "@clickhouse/client";
import type { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  type Embedded,
  startEmbedded,
} from "../../../connectors/clickhouse/embedded.ts";

/** What a test gets. */
export interface Warehouse {
  server: Embedded;
  client: ClickHouseClient;
}

/** A client with the server's credentials, silent about expected errors. */
export function clientOf(
  { url, username, password }: Embedded,
  options: Parameters<typeof createClient>[0] = {},
): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    log: { level: ClickHouseLogLevel.OFF },
    ...options,
  });
}

/** Run a test with a server in a fresh folder; both are gone after it. */
export async function withWarehouse(
  test: (warehouse: Warehouse) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await using server = await startEmbedded(dir);
    const client = clientOf(server);
    try {
      await test({ server, client });
    } finally {
      await client.close();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Send the data of an INSERT as it is. */
export async function insertBytes(
  client: ClickHouseClient,
  { query, data, token }: {
    query: string;
    data: Iterable<Uint8Array>;
    token?: string;
  },
): Promise<string | undefined> {
  const { stream, summary } = await client.exec({
    query,
    values: Readable.from(data, { objectMode: false }),
    clickhouse_settings: token ? { insert_deduplication_token: token } : {},
  });
  stream.resume();
  return summary?.written_rows;
}

/** The result of a query in any format. */
export async function selectBytes(
  client: ClickHouseClient,
  query: string,
): Promise<Buffer> {
  const { stream } = await client.exec({ query });
  return await buffer(stream);
}

/** One value of one row, as text. */
export async function selectValue(
  client: ClickHouseClient,
  query: string,
): Promise<string> {
  const bytes = await selectBytes(client, `${query} FORMAT TabSeparatedRaw`);
  return bytes.toString().trimEnd();
}

/** Wait until a condition holds; fails the test when it never does. */
export async function until(
  condition: () => Promise<boolean>,
  seconds = 10,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
