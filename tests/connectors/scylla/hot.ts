/**
 * Connections for tests of Scylla.
 *
 * @module
 */
import type { ScyllaClient } from "../../../connectors/scylla/client.ts";
import { scylla } from "../../../connectors/scylla/connection.ts";
import { scyllaSink } from "../../../connectors/scylla/sink.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { createScheduler } from "../../../runtime/budget/scheduler.ts";
import { openContext } from "../../contracts/open_context.ts";
import { cassandra, uniqueName, withoutJava } from "../../services/mod.ts";

/** Whether there is no Java for the server; required, its tests fail then. */
export const ignore = withoutJava();

/** One for all tests of a file: their tables have names of their own. */
const keyspace = uniqueName("hot");

type Config = Parameters<typeof scylla.open>[0];

/** A connection's config as the spec gives it when it says nothing. */
const plain = {
  data_center: undefined,
  replication: undefined,
  username: undefined,
  password: undefined,
  tls: undefined,
  consistency: "local_quorum",
  timeout: 12_000,
} as const;

/** Open a connection; the server is asked at its first use. */
export async function connect(
  config: Partial<Config> & Pick<Config, "hosts">,
): Promise<ScyllaClient> {
  const metrics = new Metrics();
  return await scylla.open({ ...plain, keyspace, ...config }, {
    ...openContext({ name: "hot" }),
    scheduler: createScheduler({ clock: systemClock, metrics }),
  });
}

/** A connection to the run's Cassandra, in this process's keyspace. */
export async function hot(): Promise<ScyllaClient & AsyncDisposable> {
  return await connect({ hosts: [await cassandra()] });
}

type SinkConfig = Parameters<typeof scyllaSink.open>[0];

/** A sink's config as the spec gives it when it says nothing else. */
export function sinkConfig(
  config: Partial<SinkConfig> & Pick<SinkConfig, "table" | "primary_key">,
): SinkConfig {
  return {
    ttl: undefined,
    compaction: undefined,
    consistency: undefined,
    ...config,
  };
}
