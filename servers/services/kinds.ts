/**
 * The services there are.
 *
 * @module
 */
import { openCassandra } from "./cassandra.ts";
import { openClickhouse } from "./clickhouse.ts";
import { openKafka } from "./kafka.ts";
import { openRegistry } from "./registry.ts";
import type { Service, ServiceOptions } from "./service.ts";

/** A service that can be had, by the name people type. */
export interface Kind {
  id: "kafka" | "cassandra" | "registry" | "clickhouse";
  name: string;
  /** Carries its address to `pipelines/connections.yaml`. */
  variable: string;
  needsJava: boolean;
  open: (folder: string, options?: ServiceOptions) => Promise<Service>;
}

/** In the order in which people read about them. */
export const kinds: readonly Kind[] = [
  {
    id: "kafka",
    name: "Kafka",
    variable: "KAFKA_BROKERS",
    needsJava: true,
    open: openKafka,
  },
  {
    id: "cassandra",
    name: "Cassandra",
    variable: "SCYLLA_HOSTS",
    needsJava: true,
    open: openCassandra,
  },
  {
    id: "registry",
    name: "Schema registry",
    variable: "SCHEMA_REGISTRY_URL",
    needsJava: true,
    open: openRegistry,
  },
  {
    id: "clickhouse",
    name: "ClickHouse",
    variable: "CLICKHOUSE_URL",
    needsJava: false,
    open: openClickhouse,
  },
];
