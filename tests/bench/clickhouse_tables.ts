// deno-lint-ignore-file no-console -- a benchmark prints its tables
/**
 * What the layout of a ClickHouse table costs and saves: types and codecs by
 * column, then partitions, sorting keys and indices by table, on rows of
 * recorded mainnet blocks.
 *
 *   deno run -A tests/bench/clickhouse_tables.ts [--blocks 1500] [--only columns|tables]
 *       [--url http://default:secret@host:8123]
 *
 * Without a URL it starts the embedded engine. The defaults of
 * `connectors/clickhouse/table.ts` are chosen from what this prints.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { clickhouseType } from "../../connectors/clickhouse/types.ts";
import { native } from "../../connectors/clickhouse/native.ts";
import { schemas } from "../../connectors/evm/schema.ts";
import { insertBytes } from "../servers/clickhouse/warehouse.ts";
import { startEmbedded } from "../../connectors/clickhouse/embedded.ts";
import { cpuSeconds } from "./processes.ts";
import { columnTrials, tableTrials } from "./clickhouse_trials.ts";
import { madeBlocks } from "./mainnet_rows.ts";

/** A month has few of the made blocks, as a backfill has many. */
const spacing = 2 * 3600_000;

/** Blocks of one insert: what the sink's batch of 32 MiB holds. */
const blocksPerInsert = 75;

const ports = ["transactions", "logs"] as const;

const database = "sluice_bench";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      blocks: { type: "string", default: "1500" },
      only: { type: "string" },
      url: { type: "string" },
    },
  });
  await using server = await serverOf(values.url);
  const bench = new Bench(server);
  await bench.run(`CREATE DATABASE IF NOT EXISTS ${database}`);
  try {
    await bench.fill(Number(values.blocks));
    if (values.only !== "tables") await columns(bench);
    if (values.only !== "columns") await tables(bench);
  } finally {
    await bench.run(`DROP DATABASE ${database} SYNC`);
  }
}

/** The server of a run. */
interface Server extends AsyncDisposable {
  readonly client: ClickHouseClient;
  /** CPU seconds that it has used; not a number when it is elsewhere. */
  cpu(): Promise<number>;
}

async function serverOf(url: string | undefined): Promise<Server> {
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
class Bench {
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

  async value(query: string): Promise<string> {
    const { stream } = await this.#client.exec({
      query: `${query} FORMAT TabSeparatedRaw`,
    });
    let text = "";
    for await (const piece of stream) text += piece;
    return text.trim();
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

  async bytes(table: string): Promise<number> {
    return Number(
      await this.value(
        "SELECT sum(data_compressed_bytes + " +
          "secondary_indices_compressed_bytes) FROM system.parts " +
          `WHERE active AND database = '${database}' AND table = '${table}'`,
      ),
    );
  }

  async rows(table: string): Promise<number> {
    return Number(await this.value(`SELECT count() FROM ${database}.${table}`));
  }
}

/** Every column trial: size, and the time to write and read it. */
async function columns(bench: Bench): Promise<void> {
  console.log("| column | type | codec | B/row | write ns/row | read ns/row |");
  console.log("|---|---|---|---|---|---|");
  for (const { codecs, name, port, types } of columnTrials) {
    const rows = await bench.rows(port);
    const base = await bench.fastest(
      `SELECT ${name} FROM ${database}.${port} FORMAT Null`,
    );
    for (const type of types) {
      for (const codec of codecs) {
        const to = `${database}.trial`;
        await bench.run(
          `CREATE TABLE ${to} (x ${type} CODEC(${codec})) ` +
            "ENGINE = MergeTree ORDER BY tuple()",
        );
        const write = await bench.fastest(
          `INSERT INTO ${to} SELECT ${name} FROM ${database}.${port}`,
        );
        const read = await bench.fastest(
          `SELECT sum(cityHash64(x)) FROM ${to} FORMAT Null ` +
            "SETTINGS max_threads = 1",
        );
        const size = await bench.bytes("trial") / (3 * rows);
        const ns = (ms: number, of: number) => Math.round(ms * 1e6 / of);
        console.log(
          `| ${port}.${name} | ${type} | ${codec} | ${size.toFixed(2)} | ` +
            `${ns(Math.max(write - base, 0), rows)} | ${ns(read, 3 * rows)} |`,
        );
        await bench.run(`DROP TABLE ${to} SYNC`);
      }
    }
  }
}

/** Every table trial: the whole table and its look-ups. */
async function tables(bench: Bench): Promise<void> {
  console.log(
    "\n| table | rows/s | CPU s/M rows | MB | MB of indices | hash ms | address ms | " +
      "100 blocks ms | whole ms |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|");
  for (const trial of tableTrials) {
    const { address, create, hash, measure, port, title } = trial;
    const to = `${database}.trial`;
    await bench.run(create(to));
    const rows = await bench.rows(port);
    const before = await bench.cpu();
    const wall = await bench.copy(port, to);
    const cpu = await bench.cpu() - before;
    const size = await bench.bytes("trial");
    const indices = Number(
      await bench.value(
        "SELECT sum(secondary_indices_compressed_bytes) FROM system.parts " +
          `WHERE active AND database = '${database}' AND table = 'trial'`,
      ),
    );
    const final = `${to} FINAL`;
    const view = `${trial.settings ?? ""}`;
    const middle = await bench.value(
      `SELECT ${hash} FROM ${database}.${port} ` +
        `WHERE _unit = (SELECT intDiv(min(_unit) + max(_unit), 2) ` +
        `FROM ${database}.${port}) LIMIT 1`,
    );
    const rare = await bench.value(
      `SELECT ${address} FROM ${database}.${port} GROUP BY 1 ` +
        "HAVING count() BETWEEN 50 AND 200 ORDER BY 1 LIMIT 1",
    );
    const ask = (what: string, where: string) =>
      bench.fastest(
        `SELECT ${what} FROM ${final} WHERE ${where} FORMAT Null ${view}`,
        5,
      );
    const ms = (value: number) => value.toFixed(1);
    console.log(
      `| ${port}: ${title} | ${Math.round(rows / wall * 1000)} | ` +
        `${(cpu / rows * 1e6).toFixed(1)} | ` +
        `${(size / 1e6).toFixed(1)} | ${(indices / 1e6).toFixed(1)} | ` +
        `${ms(await ask("*", `${hash} = '${middle}'`))} | ` +
        `${ms(await ask("*", `${address} = '${rare}'`))} | ` +
        `${
          ms(await ask(measure, "block_number BETWEEN 17000400 AND 17000499"))
        } | ${ms(await ask(measure, "1"))} |`,
    );
    await bench.run(`DROP TABLE ${to} SYNC`);
  }
}

if (import.meta.main) await main();
