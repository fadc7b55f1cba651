/**
 * A keyspace of its own for one test, in the run's Cassandra.
 *
 * @module
 */
import type { ScyllaClient } from "../../../connectors/scylla/client.ts";
import { scylla } from "../../../connectors/scylla/connection.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { createScheduler } from "../../../runtime/run/scheduler.ts";
import { javaMissing } from "../../../servers/services/java.ts";
import { openContext } from "../../contracts/open_context.ts";
import { cassandra, uniqueName } from "../../services/mod.ts";

/** Whether there is no Java for the server; required, its tests fail then. */
export const ignore = Deno.env.get("SLUICE_REQUIRE_JAVA") !== "1" &&
  await javaMissing() !== undefined;

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
  const clock = systemClock;
  const metrics = new Metrics();
  const keyspace = uniqueName("hot");
  return await scylla.open({ ...plain, keyspace, ...config }, {
    ...openContext({ name: "hot" }),
    scheduler: createScheduler({ clock, metrics }),
  });
}

/** A connection whose keyspace goes away with it. */
export interface Hot extends AsyncDisposable {
  readonly client: ScyllaClient;
}

/** A fresh keyspace in the run's Cassandra, or in the one at an address. */
export async function hot(address?: string): Promise<Hot> {
  const client = await connect({ hosts: [address ?? await cassandra()] });
  await client.health();
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.execute(`DROP KEYSPACE "${client.keyspace}"`, [], {
        prepare: false,
      });
      await client[Symbol.asyncDispose]();
    },
  };
}
