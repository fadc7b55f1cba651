/**
 * One pipeline into Kafka, Cassandra and ClickHouse, and whether all of them
 * equal the chain.
 *
 * @module
 */
import type { CanonicalRows } from "../fixtures/simulated/rows.ts";
import {
  cassandraRows,
  changesOf,
  clickhouseRows,
  type Stores,
  topicRecords,
} from "./stores.ts";
import {
  assertSameRows,
  columnsOf,
  expectedRows,
  netRows,
  type StoredRow,
  type TestedPort,
  textOf,
} from "./truth.ts";

/** What identifies a row of a port, in every store. */
const keys = {
  blocks: ["number"],
  transactions: ["hash"],
  logs: ["block_number", "log_index"],
} as const;

const ports = Object.keys(keys) as (keyof typeof keys)[];

/**
 * A spec that writes three ports to three stores each, everything there under
 * the name of the pipeline.
 */
export function storesSpec(url: string, name: string): string {
  return [
    `name: ${name}`,
    "connections:",
    `  eth: { type: evm, url: "${url}/key", chain_id: 1337 }`,
    '  bus: { type: kafka, brokers: ["${KAFKA_BROKERS}"] }',
    `  hot: { type: scylla, hosts: ["\${SCYLLA_HOSTS}"], keyspace: ${name}, replication: 1 }`,
    `  warehouse: { type: clickhouse, url: "\${CLICKHOUSE_URL}", database: ${name} }`,
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1, poll: 100ms }",
    "sinks:",
    ...ports.flatMap((port, index) => {
      const key = keys[port].join(", ");
      // Sinks that write at different times have different cursors.
      const batch = `batch: { rows: ${60 + 40 * index}, every: ${
        40 + 30 * index
      }ms }`;
      return [
        `  to_kafka_${port}: { type: kafka, connection: bus, from: chain.${port}, topic: ${name}.${port}, key: [${key}], partitions: 3, ${batch} }`,
        `  to_scylla_${port}: { type: scylla, connection: hot, from: chain.${port}, table: ${port}, primary_key: [${key}], ${batch} }`,
        `  to_clickhouse_${port}: { type: clickhouse, connection: warehouse, from: chain.${port}, table: ${port}, order_by: [${key}], ${batch} }`,
      ];
    }),
  ].join("\n");
}

/** How many rows each store was found to hold. */
export interface Held {
  readonly rows: number;
  /** Records of the topics, retracted ones and retractions included. */
  readonly records: number;
}

/** Compare every topic and table of a pipeline with the truth. */
export async function checkStores(
  stores: Stores,
  { name, truth }: { readonly name: string; readonly truth: CanonicalRows },
): Promise<Held> {
  let rows = 0;
  let records = 0;
  for (const port of ports) {
    const expected = expectedRows(port, truth);
    const read = await topicRecords(stores.address("kafka"), `${name}.${port}`);
    records += read.length;
    rows += expected.length;
    const changes = changesOf(read);
    assertSameRows(netRows(port, changes), expected, `topic of ${port}`);

    const inCassandra = await cassandraRows(
      stores.address("cassandra"),
      `${name}.${port}`,
    );
    assertSameRows(texts(port, inCassandra), expected, `Cassandra ${port}`);

    const inClickhouse = await clickhouseRows(
      stores.address("clickhouse"),
      `SELECT ${columnsOf(port).join(", ")} FROM ${name}.${port}`,
    );
    assertSameRows(texts(port, inClickhouse), expected, `ClickHouse ${port}`);
  }
  return { rows, records };
}

function texts(port: TestedPort, rows: readonly StoredRow[]): string[] {
  return rows.map((row) => textOf(port, row)).sort();
}
