// deno-lint-ignore-file no-console -- a benchmark prints its table
/**
 * Job B of the shared bench into Kafka, Cassandra and ClickHouse at once: every
 * block, transaction, receipt and log of 2,000 blocks of 100 transactions.
 *
 *   deno run -A tests/bench/stores_bench.ts [--blocks 2000] [--sinks kafka,scylla,clickhouse]
 *
 * Needs Java, the bench's node in SLUICE_BENCH_WORK (see peers.ts) and GNU
 * time. The servers run on the same machine and take most of its time: their
 * CPU is shown beside ours.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { storeNames, Stores } from "../integration/stores.ts";
import { benchPlace, startNode } from "./node.ts";
import { cpuSeconds } from "./processes.ts";

const root = new URL("../../", import.meta.url).pathname;

const ports = {
  blocks: { key: "number", order: "number" },
  transactions: { key: "hash", order: "block_number, transaction_index" },
  logs: { key: "block_number, log_index", order: "block_number, log_index" },
} as const;

const sinks: Record<string, (port: keyof typeof ports) => string> = {
  kafka: (port) =>
    `type: kafka, connection: bus, topic: bench.${port}, ` +
    `key: [${ports[port].key}], partitions: 6`,
  scylla: (port) =>
    `type: scylla, connection: hot, table: ${port}, ` +
    `primary_key: [${ports[port].key}]`,
  clickhouse: (port) =>
    `type: clickhouse, connection: warehouse, table: ${port}, ` +
    `order_by: [${ports[port].order}]`,
};

function specOf(names: readonly string[]): string {
  const of = (name: string, line: string) => names.includes(name) ? [line] : [];
  return [
    "name: bench",
    "connections:",
    '  eth: { type: evm, url: "${ETH_RPC_URL}", batch: 2 }',
    ...of("kafka", '  bus: { type: kafka, brokers: ["${KAFKA_BROKERS}"] }'),
    ...of(
      "scylla",
      '  hot: { type: scylla, hosts: ["${SCYLLA_HOSTS}"], keyspace: bench, ' +
        "replication: 1 }",
    ),
    ...of(
      "clickhouse",
      '  warehouse: { type: clickhouse, url: "${CLICKHOUSE_URL}", ' +
        "database: bench }",
    ),
    "sources:",
    "  chain: { type: evm.chain, connection: eth, " +
    "emit: [blocks, transactions, logs], start: 1 }",
    "sinks:",
    ...names.flatMap((name) =>
      (Object.keys(ports) as (keyof typeof ports)[]).map((port) =>
        `  ${name}_${port}: { ${sinks[name]?.(port)}, from: chain.${port} }`
      )
    ),
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      blocks: { type: "string", default: "2000" },
      sinks: { type: "string", default: Object.keys(sinks).join() },
    },
  });
  const names = values.sinks.split(",");
  await using stores = await Stores.start(storeNames);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  await using node = await startNode(benchPlace());
  const { url } = node;
  try {
    await Deno.writeTextFile(`${folder}/spec.yaml`, specOf(names));
    const servers = await cpuOf(stores);
    const began = performance.now();
    const { stderr, success } = await new Deno.Command("/usr/bin/time", {
      args: [
        ...["-v", Deno.execPath(), "run", "-A", "--config", `${root}deno.json`],
        ...[`${root}sluice.ts`, "run", "spec.yaml", "--to", values.blocks],
      ],
      cwd: folder,
      env: { ...stores.env, ETH_RPC_URL: `${url}/bench` },
      stdout: "null",
      stderr: "piped",
    }).output();
    const wall = (performance.now() - began) / 1000;
    const text = new TextDecoder().decode(stderr);
    if (!success) throw new Error(text);
    const figure = (what: string) =>
      Number(new RegExp(`${what}.*: ([0-9.]+)`).exec(text)?.[1]);
    const cpu = figure("User time") + figure("System time");
    console.log(
      "| sinks | blocks | wall s | blocks/s | CPU s | servers' CPU s | peak RSS MiB |",
    );
    console.log("|---|---|---|---|---|---|---|");
    console.log(
      `| ${names.join(", ")} | ${values.blocks} | ${wall.toFixed(1)} | ${
        (Number(values.blocks) / wall).toFixed()
      } | ${cpu.toFixed(1)} | ${(await cpuOf(stores) - servers).toFixed(1)} | ${
        (figure("Maximum resident") / 1024).toFixed()
      } |`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Seconds of CPU that the servers have taken so far. */
async function cpuOf(stores: Stores): Promise<number> {
  let seconds = 0;
  for (const name of storeNames) {
    const pid = await stores.own(name).pid();
    if (pid !== undefined) seconds += await cpuSeconds(pid);
  }
  return seconds;
}

if (import.meta.main) await main();
