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
import { Bench, database, serverOf } from "./clickhouse_server.ts";
import {
  columnTrials,
  type TableTrial,
  tableTrials,
} from "./clickhouse_trials.ts";

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

/** Rows that are looked for, each by itself. */
const lookUps = 10;

/** Every table trial: the whole table and its look-ups. */
async function tables(bench: Bench): Promise<void> {
  console.log(
    "\n| table | rows/s | CPU s/M rows | MB | MB of indices | " +
      "hash: ms | rows read | address: ms | rows read | " +
      "100 blocks ms | whole ms |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const trial of tableTrials) {
    const to = `${database}.trial`;
    const rows = await bench.rows(trial.port);
    const inserts = [];
    // The faster of two: merges of the other trials may still go on.
    for (let time = 0; time < 2; time++) {
      await bench.run(`DROP TABLE IF EXISTS ${to} SYNC`);
      await bench.run(trial.create(to));
      const before = await bench.cpu();
      const wall = await bench.copy(trial.port, to);
      inserts.push({ wall, cpu: await bench.cpu() - before });
    }
    const wall = Math.min(...inserts.map(({ wall }) => wall));
    const cpu = Math.min(...inserts.map(({ cpu }) => cpu));
    const size = await bench.bytes("trial");
    const indices = await bench.bytes(
      "trial",
      "secondary_indices_compressed_bytes",
    );
    const { hash, address } = await lookUp(bench, trial);
    const scan = (where: string) =>
      bench.fastest(
        `SELECT ${trial.measure} FROM ${to} FINAL WHERE ${where} ` +
          `FORMAT Null ${trial.settings ?? ""}`,
        5,
      );
    const cells = [
      `${trial.port}: ${trial.title}`,
      Math.round(rows / wall * 1000),
      (cpu / rows * 1e6).toFixed(1),
      (size / 1e6).toFixed(1),
      (indices / 1e6).toFixed(1),
      hash.ms.toFixed(1),
      Math.round(hash.rows),
      address.ms.toFixed(1),
      Math.round(address.rows),
      (await scan("block_number BETWEEN 17000100 AND 17000199")).toFixed(1),
      (await scan("1")).toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
    await bench.run(`DROP TABLE ${to} SYNC`);
  }
}

/** What a look-up costs on average, by hash and by a rare address. */
async function lookUp(bench: Bench, trial: TableTrial) {
  const { port, settings = "" } = trial;
  const average = async (column: string, values: string) => {
    const list = await bench.value(
      `SELECT ${values} FROM ${database}.${port}`,
    );
    let [ms, rows] = [0, 0];
    for (const value of list.split("\n")) {
      const found = await bench.look(
        `SELECT * FROM ${database}.trial FINAL ` +
          `WHERE ${column} = '${value}' ${settings}`,
      );
      rows += found.rows;
      ms += found.ms;
    }
    return { ms: ms / lookUps, rows: rows / lookUps };
  };
  const { address, hash } = trial;
  return {
    hash: await average(
      hash,
      `arrayJoin(groupArraySample(${lookUps}, 1)(${hash}))`,
    ),
    address: await average(
      address,
      `arrayJoin(arraySlice(groupUniqArrayIf(${address}, ` +
        `cityHash64(${address}) % 50 = 0), 1, ${lookUps}))`,
    ),
  };
}

if (import.meta.main) await main();
