/**
 * ClickHouses for tests of the sink: the embedded one, and databases of the
 * run's server.
 *
 * @module
 */
import type { Warehouse } from "../../../connectors/clickhouse/client.ts";
import {
  clickhouse,
  type ClickhouseConfig,
} from "../../../connectors/clickhouse/connection.ts";
import { clickhouseSink } from "../../../connectors/clickhouse/sink.ts";
import type { SinkConfig } from "../../../connectors/clickhouse/sink_fields.ts";
import type { UnitData } from "../../../connectors/clickhouse/small_units.ts";
import type {
  OpenSink,
  Row,
  Schema,
  UnitInfo,
} from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { createScheduler } from "../../../runtime/budget/scheduler.ts";
import { openContext } from "../../contracts/open_context.ts";
import { clickhouse as server, uniqueName } from "../../services/mod.ts";

/** A ClickHouse of a test. */
export interface TestWarehouse extends AsyncDisposable {
  readonly warehouse: Warehouse;
}

/** Open a connection with these fields. */
export async function connect(
  fields: Partial<ClickhouseConfig>,
): Promise<Warehouse> {
  const metrics = new Metrics();
  return await clickhouse.open({
    url: undefined,
    embedded: undefined,
    database: "tests",
    cluster: undefined,
    username: "default",
    password: undefined,
    timeout: 60_000,
    ...fields,
  }, {
    ...openContext({ name: "warehouse" }),
    scheduler: createScheduler({ clock: systemClock, metrics }),
  });
}

/** An embedded ClickHouse in a folder of its own. */
export async function embedded(): Promise<TestWarehouse> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-clickhouse-" });
  const warehouse = await connect({ embedded: folder });
  await warehouse.health();
  return {
    warehouse,
    async [Symbol.asyncDispose]() {
      await warehouse[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A database of its own on the run's server. */
export async function database(): Promise<TestWarehouse> {
  const name = uniqueName("tests");
  const warehouse = await connect({ url: await server(), database: name });
  await warehouse.health();
  return {
    warehouse,
    async [Symbol.asyncDispose]() {
      await warehouse.command(`DROP DATABASE IF EXISTS ${name} SYNC`);
      await warehouse[Symbol.asyncDispose]();
    },
  };
}

/** A server as a user sees it, and what that one asked it. */
export interface Limited extends AsyncDisposable {
  readonly url: string;
  /** The parameters of each request. */
  readonly requests: readonly URLSearchParams[];
}

/**
 * A server whose user has these settings, as a profile gives them: a memory
 * limit, no right to create.
 */
export async function limited(
  settings: Readonly<Record<string, string>>,
): Promise<Limited> {
  const address = await server();
  const requests: URLSearchParams[] = [];
  const proxy = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    requests.push(searchParams);
    for (const [name, value] of Object.entries(settings)) {
      searchParams.set(name, value);
    }
    const { body, headers, method } = request;
    return await fetch(`${address}${pathname}?${searchParams}`, {
      method,
      headers,
      body,
    });
  });
  return {
    url: `http://127.0.0.1:${proxy.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => proxy.shutdown(),
  };
}

/** What the sinks of tests have in common. */
export const config: SinkConfig = {
  table: "rows",
  order_by: ["block_number", "log_index"],
  index: ["address"],
  partition_by: undefined,
  time: undefined,
  ttl: undefined,
  shard_by: [],
};

/** What a test changes about the sink. */
export type SinkOptions = { readonly schema: Schema } & Partial<SinkConfig>;

/** Open the sink on what is there. */
export async function openSink(
  warehouse: Warehouse,
  { schema, ...fields }: SinkOptions,
): Promise<OpenSink<UnitData>> {
  return await clickhouseSink.open({ ...config, ...fields }, {
    ...openContext({ name: "out" }),
    connection: warehouse,
    schema,
    state: undefined,
  });
}

/** What a sink's table lacks. */
export function migrationFor(
  warehouse: Warehouse,
  { schema, ...fields }: SinkOptions,
) {
  return clickhouseSink.migrate?.(
    { config: { ...config, ...fields }, schema, name: "out" },
    { connection: warehouse, signal: new AbortController().signal },
  );
}

/** A unit and its rows. */
export interface Written {
  readonly unit: UnitInfo;
  readonly rows: readonly Row[];
}

/** A unit of a test. */
export function unit(number: number, more: Partial<UnitInfo> = {}): UnitInfo {
  const time = Date.parse("2024-01-01T00:00:00Z") + number * 12_000;
  return { number, id: `0x${number}`, time, op: "insert", version: 1, ...more };
}

/** Write units in one batch. */
export async function write(
  sink: OpenSink<UnitData>,
  units: readonly Written[],
  token = units.map(({ unit }) => `${unit.op}:${unit.id}:${unit.version}`)
    .join(),
): Promise<void> {
  const chunks = units.map(({ rows, unit }) => ({
    ...sink.encode(rows, unit, (_, reason) => {
      throw new Error(reason);
    }),
    rows: rows.length,
    unit,
  }));
  await sink.write({
    chunks,
    rows: chunks.reduce((sum, { rows }) => sum + rows, 0),
    bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    token,
    signal: new AbortController().signal,
  });
}
