/**
 * The ClickHouse of a benchmark, filled with rows of mainnet.
 *
 * @module
 */
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { startEmbedded } from "../../connectors/clickhouse/embedded.ts";
import { native } from "../../connectors/clickhouse/native.ts";
import { clickhouseType } from "../../connectors/clickhouse/types.ts";
import { schemas } from "../../connectors/evm/chain/schema.ts";
import { insertBytes } from "../servers/clickhouse/warehouse.ts";
import { madeBlocks } from "./mainnet_rows.ts";
import { cpuSeconds } from "./processes.ts";

/** A month has few of the made blocks, as a backfill has many. */
const spacing = 2 * 3600_000;

/** Blocks of one insert: what the sink's batch of 32 MiB holds. */
const blocksPerInsert = 75;

const ports = ["transactions", "logs"] as const;

/** Where benchmarks put their tables. */
export const database = "sluice_bench";

/** The server of a run. */
export interface Server extends AsyncDisposable {
  readonly client: ClickHouseClient;
  /** CPU seconds that it has used; not a number when it is elsewhere. */
  cpu(): Promise<number>;
}

/** The server at a URL, or an embedded one. */
export async function serverOf(url: string | undefined): Promise<Server> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  const embedded = url === undefined ? await startEmbedded(folder) : undefined;
  const { password, username } = embedded ?? new URL(url ?? "");
  const address = embedded?.url ?? new URL(url ?? "").origin;
  const client = createClient({
    url: address,
    username,
    password,
    request_timeout: 600_000,
  });
  return {
    client,
    cpu: () => embedded ? cpuSeconds(embedded.pid) : Promise.resolve(NaN),
    async [Symbol.asyncDispose]() {
      await client.close();
      await embedded?.[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The base tables, and how statements on copies of them are timed. */
export class Bench {
  readonly #client: ClickHouseClient;
  readonly cpu: () => Promise<number>;
  #units: { first: number; last: number } = { first: 0, last: 0 };

  constructor({ client, cpu }: Server) {
    this.#client = client;
    this.cpu = cpu;
  }

  /** Rows without codecs and keys, in the order of blocks. */
  async fill(blocks: number): Promise<void> {
    for (const port of ports) {
      const columns = schemas[port].map((column) =>
        `${column.name} ${clickhouseType(column)}`
      );
      await this.run(
        `CREATE TABLE ${database}.${port} (${columns.join(", ")}, ` +
          "_unit UInt64, _index UInt64, _version UInt64, _deleted UInt8) " +
          "ENGINE = MergeTree ORDER BY (_unit, _index)",
      );
    }
    const encoders = ports.map((port) =>
      [port, native(schemas[port])] as const
    );
    let waiting = new Map<string, Uint8Array[]>();
    const flush = async () => {
      for (const [port, data] of waiting) {
        const query = `INSERT INTO ${database}.${port} FORMAT Native`;
        await insertBytes(this.#client, { query, data });
      }
      waiting = new Map();
    };
    let count = 0;
    for (const { rows, unit } of madeBlocks({ ports, blocks, spacing })) {
      if (count === 0) this.#units = { first: unit.number, last: 0 };
      this.#units.last = unit.number;
      for (const [port, encode] of encoders) {
        const bytes = encode(rows[port] ?? [], unit, (_, reason) => {
          throw new Error(reason);
        });
        waiting.set(port, [...waiting.get(port) ?? [], bytes]);
      }
      if (++count % blocksPerInsert === 0) await flush();
    }
    await flush();
  }

  async run(query: string): Promise<void> {
    await this.#client.command({
      query,
      clickhouse_settings: {
        max_threads: 2,
        // A select of one range is one insert, as the sink sends them.
        min_insert_block_size_rows: "10000000",
        min_insert_block_size_bytes: "1000000000",
        allow_suspicious_low_cardinality_types: 1,
        allow_suspicious_codecs: 1,
      },
    });
  }

  async value(query: string, format = "TabSeparatedRaw"): Promise<string> {
    const { stream } = await this.#client.exec({
      query: `${query} FORMAT ${format}`,
    });
    let text = "";
    for await (const piece of stream) text += piece;
    return text.trim();
  }

  /** How many rows a query reads, and milliseconds. */
  async look(query: string): Promise<{ rows: number; ms: number }> {
    const began = performance.now();
    const text = await this.value(query, "JSON");
    const ms = performance.now() - began;
    return { rows: JSON.parse(text).statistics.rows_read, ms };
  }

  /** Milliseconds of the fastest of some repetitions. */
  async fastest(query: string, times = 3): Promise<number> {
    let least = Infinity;
    for (let time = 0; time < times; time++) {
      const began = performance.now();
      await this.run(query);
      least = Math.min(least, performance.now() - began);
    }
    return least;
  }

  /** Copy a base table in inserts of the sink's size; milliseconds. */
  async copy(port: string, to: string, what = "*"): Promise<number> {
    const { first, last } = this.#units;
    const began = performance.now();
    for (let at = first; at <= last; at += blocksPerInsert) {
      await this.run(
        `INSERT INTO ${to} SELECT ${what} FROM ${database}.${port} ` +
          `WHERE _unit BETWEEN ${at} AND ${at + blocksPerInsert - 1}`,
      );
    }
    return performance.now() - began;
  }

  async bytes(table: string, what = "bytes_on_disk"): Promise<number> {
    return Number(
      await this.value(
        `SELECT sum(${what}) FROM system.parts ` +
          `WHERE active AND database = '${database}' AND table = '${table}'`,
      ),
    );
  }

  async rows(table: string): Promise<number> {
    return Number(await this.value(`SELECT count() FROM ${database}.${table}`));
  }
}
