/**
 * Opening the driver: the data centre, the keyspace, the settings.
 *
 * @module
 */
import type { Client, Host, HostMap, policies } from "cassandra-driver";
import { type Logger, UserError } from "../../runtime/component.ts";
import type { Consistency } from "./consistency.ts";
import { responseCode } from "./errors.ts";

/** A number of replicas in the local data centre, or one for each. */
export type Replication = number | Readonly<Record<string, number>>;

/** PEM texts. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a session is opened with. */
export interface SessionOptions {
  /** Name of the connection. */
  readonly name: string;
  /** host or host:port. */
  readonly hosts: readonly string[];
  readonly dataCenter: string | undefined;
  readonly keyspace: string;
  readonly replication: Replication | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly consistency: Consistency;
  /** Longest wait for an answer, ms. */
  readonly timeout: number;
  readonly log: Logger;
}

/** A connected driver. */
export interface Session extends AsyncDisposable {
  readonly client: Client;
  /** The driver's number of a consistency. */
  level(consistency: Consistency): number;
}

/** Replicas of a keyspace that says nothing, where there are as many nodes. */
const usualReplicas = 3;

/** Time between two looks at a server that is down, ms. */
const reconnectEvery = 500;

type Driver = typeof import("cassandra-driver");

/** Connect; the keyspace is created when it is missing. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { consistency, log, tls, timeout, username } = options;
  const { password = "" } = options;
  const driver = await import("cassandra-driver");
  const level = levels(driver);
  const balancing = localPolicy(driver, options);
  const client = new driver.Client({
    contactPoints: [...options.hosts],
    ...(username === undefined ? {} : { credentials: { username, password } }),
    // Left to itself, the driver takes any certificate.
    ...(tls === undefined
      ? {}
      : { sslOptions: { ...tls, rejectUnauthorized: true } }),
    encoding: {
      map: Map,
      set: Set,
      useBigIntAsLong: true,
      useBigIntAsVarint: true,
    },
    queryOptions: { prepare: true, consistency: level(consistency) },
    policies: {
      loadBalancing: balancing.policy,
      // The default waits ever longer, and a restart takes seconds.
      reconnection: new driver.policies.reconnection
        .ConstantReconnectionPolicy(reconnectEvery),
      retry: new driver.policies.retry.IdempotenceAwareRetryPolicy(
        new driver.policies.retry.RetryPolicy(),
      ),
    },
    socketOptions: { readTimeout: timeout },
    // Reports to a product that Scylla is not.
    monitorReporting: { enabled: false },
  });
  // When all nodes were away, the driver makes new hosts of what it finds, and
  // forgets the old ones with their timers and connections.
  client.on("hostRemove", (host: Host & { shutdown(): Promise<void> }) => {
    host.shutdown().catch(() => {});
  });
  client.on("log", (severity, _class, message) => {
    if (severity === "warning" || severity === "error") log.debug(message);
  });
  try {
    await client.connect();
    await useKeyspace(client, {
      ...options,
      local: balancing.local(),
      one: level("one"),
    });
  } catch (error) {
    await close(client);
    throw error;
  }
  return {
    client,
    level,
    [Symbol.asyncDispose]: () => close(client),
  };
}

/** What of the driver has timers of its own. */
interface ControlConnection {
  shutdown(): void;
}

async function close(
  client: Client & { readonly controlConnection?: ControlConnection },
): Promise<void> {
  await client.shutdown();
  // Its timers end before its connections: a change of the schema that was
  // told in between has set another.
  client.controlConnection?.shutdown();
}

function levels({ types }: Driver): (consistency: Consistency) => number {
  const { consistencies: known } = types;
  const numbers: Readonly<Record<Consistency, number>> = {
    one: known.one,
    two: known.two,
    three: known.three,
    quorum: known.quorum,
    all: known.all,
    local_quorum: known.localQuorum,
    each_quorum: known.eachQuorum,
    local_one: known.localOne,
  };
  return (consistency) => numbers[consistency];
}

/** The data centre that requests stay in, and its number of nodes. */
interface Local {
  readonly name: string;
  readonly nodes: number;
}

/** A balancing policy, and the data centre that it found. */
interface LocalPolicy {
  readonly policy: policies.loadBalancing.LoadBalancingPolicy;
  local(): Local;
}

/**
 * The driver's own policy (token aware, one data centre), which learns its
 * data centre from the cluster where the spec does not say it.
 */
function localPolicy(
  { policies: { loadBalancing } }: Driver,
  { dataCenter, name }: SessionOptions,
): LocalPolicy {
  let inner: policies.loadBalancing.LoadBalancingPolicy | undefined;
  let local: Local | undefined;
  const opened = () => {
    if (inner) return inner;
    throw new Error("The balancing policy is not initialised");
  };
  class Policy extends loadBalancing.LoadBalancingPolicy {
    override init(...[client, hosts, callback]: InitArguments): void {
      try {
        local = chooseLocal(hosts, { dataCenter, name });
      } catch (error) {
        callback(error as Error);
        return;
      }
      const { DefaultLoadBalancingPolicy } = loadBalancing;
      inner = new DefaultLoadBalancingPolicy({ localDc: local.name });
      inner.init(client, hosts, callback);
    }

    override getDistance(...[host]: Parameters<Balancing["getDistance"]>) {
      return opened().getDistance(host);
    }

    override newQueryPlan(...plan: Parameters<Balancing["newQueryPlan"]>) {
      opened().newQueryPlan(...plan);
    }

    override getOptions() {
      return new Map();
    }
  }
  return {
    policy: new Policy(),
    local() {
      if (local) return local;
      throw new Error("The data centre is not known yet");
    },
  };
}

type Balancing = policies.loadBalancing.LoadBalancingPolicy;
type InitArguments = Parameters<Balancing["init"]>;

/** @throws {UserError} It is not there, or it must be said which one. */
function chooseLocal(
  hosts: HostMap,
  { dataCenter, name }: { dataCenter: string | undefined; name: string },
): Local {
  const centers = new Map<string, number>();
  for (const { datacenter } of hosts.values()) {
    centers.set(datacenter, (centers.get(datacenter) ?? 0) + 1);
  }
  const names = [...centers.keys()].sort();
  const listed = names.map((one) => `"${one}"`).join(", ");
  const chosen = dataCenter ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) {
    throw new UserError(
      `The cluster of Scylla "${name}" has data centres ${listed}: write ` +
        '"data_center" in the connection',
    );
  }
  const nodes = centers.get(chosen);
  if (nodes === undefined) {
    throw new UserError(
      `The cluster of Scylla "${name}" has no data centre "${chosen}": ` +
        `"data_center" of the connection must be ${listed}`,
    );
  }
  return { name: chosen, nodes };
}

interface KeyspaceOptions extends SessionOptions {
  readonly local: Local;
  /** The driver's number for ONE: tables of the system are on each node. */
  readonly one: number;
}

async function useKeyspace(
  client: Client,
  options: KeyspaceOptions,
): Promise<void> {
  const { keyspace, local, name, one, replication } = options;
  const { rowLength } = await client.execute(
    "SELECT keyspace_name FROM system_schema.keyspaces " +
      "WHERE keyspace_name = ?",
    [keyspace],
    { consistency: one },
  );
  if (rowLength === 0) {
    const statement = createKeyspace(keyspace, { local, replication });
    try {
      await client.execute(statement, [], { prepare: false });
    } catch (error) {
      if (responseCode(error) !== unauthorized) throw error;
      throw new UserError(
        `Scylla "${name}" has no keyspace "${keyspace}" and the user may ` +
          `not create it: have it created by ${statement}`,
        { cause: error },
      );
    }
  }
  await client.execute(`USE "${keyspace}"`, [], { prepare: false });
}

const unauthorized = 0x2100;

/** The statement that creates a keyspace. */
export function createKeyspace(
  keyspace: string,
  { local, replication }: {
    readonly local: Local;
    readonly replication: Replication | undefined;
  },
): string {
  const replicas = typeof replication === "object" ? replication : {
    [local.name]: replication ?? Math.min(usualReplicas, local.nodes),
  };
  const each = Object.entries(replicas)
    .map(([center, count]) => `, '${center.replaceAll("'", "''")}': ${count}`);
  return `CREATE KEYSPACE IF NOT EXISTS "${keyspace}" WITH replication = ` +
    `{'class': 'NetworkTopologyStrategy'${each.join("")}}`;
}
