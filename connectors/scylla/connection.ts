/**
 * A Scylla or Cassandra cluster.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type Config,
  defineConnection,
  fields,
  optional,
  type Place,
  UserError,
} from "../../runtime/component.ts";
import { consistencies } from "./consistency.ts";
import type { Replication, TlsFiles } from "./session.ts";

const tlsFields = {
  ca: optional(fields.file("PEM file with the authority to trust")),
  cert: optional(fields.file("PEM file with the client's certificate")),
  key: optional(fields.file("PEM file with the client's private key")),
};

const scyllaFields = {
  hosts: fields.list(
    fields.string("host or host:port"),
    "Nodes to ask first, host or host:port; may be separated by commas",
  ),
  data_center: optional(fields.string(
    "Data centre that requests stay in; may be left out where there is one",
  )),
  keyspace: fields.string(
    "Keyspace; created when it is missing, never altered",
  ),
  replication: optional(fields.either<Replication>(
    [
      fields.integer("a number of replicas", { min: 1 }),
      fields.map(
        fields.integer("Replicas", { min: 1 }),
        "a number for each data centre",
      ),
    ],
    "Replicas of a keyspace that is created: a number for the local data " +
      "centre, or a map of data centres; 3 otherwise, or 1 for each node " +
      "where there are fewer",
  )),
  username: optional(fields.string("User")),
  password: optional(fields.secret("Password of the user")),
  tls: optional(fields.either<boolean | Config<typeof tlsFields>>([
    fields.boolean("true or false"),
    fields.object(tlsFields, "{ ca, cert, key }"),
  ], "Encrypt connections; with files when the machine does not know the CA")),
  consistency: optional(
    fields.choice(
      consistencies,
      "How many replicas must have stored or answered",
    ),
    "local_quorum",
  ),
  timeout: optional(fields.duration("Longest wait for one request"), "12s"),
};

type ScyllaConfig = Config<typeof scyllaFields>;

/** Names that a keyspace or table may have, and how long they may be. */
export const namePattern = /^[A-Za-z][A-Za-z0-9_]{0,47}$/;

/** A Scylla or Cassandra cluster: nodes, keyspace, user, consistency. */
export const scylla = defineConnection({
  type: "scylla",
  summary: "A ScyllaDB or Apache Cassandra cluster",
  fields: scyllaFields,
  offers: ["query", "state"],
  check({ config, place }) {
    const hosts = hostsOf(config);
    const wrong = hosts.find((one) =>
      !/^[^\s:/@]+(:\d{1,5})?$|^\[.+\](:\d{1,5})?$/.test(one)
    );
    if (hosts.length === 0 || wrong !== undefined) {
      place.at("hosts").report(
        wrong === undefined ? "No host" : `"${wrong}" is no host`,
        "write host or host:port",
      );
    }
    if (!namePattern.test(config.keyspace)) {
      place.at("keyspace").report(
        `"${config.keyspace}" cannot be a keyspace`,
        "a letter, then letters, digits and _; 48 at most",
      );
    }
    checkPairs(config, place);
  },
  example: `
name: transactions-to-scylla
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  hot:
    type: scylla
    hosts: ["localhost:9042"]
    keyspace: mainnet
    replication: 3
    username: sluice
    password: "\${SCYLLA_PASSWORD}"
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
sinks:
  transactions:
    type: scylla
    connection: hot
    from: chain.transactions
    table: transactions
    primary_key: [hash]
`,
  async open(config, { folder, log, name }) {
    const { ScyllaClient } = await import("./client.ts");
    const { openSession } = await import("./session.ts");
    const { keyspace, username } = config;
    const hosts = hostsOf(config);
    return new ScyllaClient({
      connection: name,
      hosts: hosts.join(", "),
      username,
      keyspace,
      open: async () =>
        await openSession({
          ...config,
          name,
          hosts,
          dataCenter: config.data_center,
          tls: await tlsFiles(config, { folder, name }),
          log,
        }),
    });
  },
});

function checkPairs(config: ScyllaConfig, place: Place): void {
  const { password, tls, username } = config;
  if ((username === undefined) !== (password === undefined)) {
    place.report(
      username === undefined
        ? "A password without username"
        : "A username without password",
      "write both, or neither",
      { key: true },
    );
  }
  if (typeof tls !== "object") return;
  if ((tls.cert === undefined) === (tls.key === undefined)) return;
  place.at("tls").report(
    tls.cert === undefined ? "A key without cert" : "A cert without key",
    "a client's certificate needs both",
  );
}

/** The hosts; `\${SCYLLA_HOSTS}` holds several in one text. */
function hostsOf({ hosts }: ScyllaConfig): string[] {
  return hosts.flatMap((text) => text.split(","))
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

async function tlsFiles(
  { tls }: ScyllaConfig,
  { folder, name }: { readonly folder: string; readonly name: string },
): Promise<TlsFiles | undefined> {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const read = async (field: keyof typeof tlsFields) => {
    const file = tls[field];
    if (file === undefined) return {};
    try {
      return { [field]: await readFile(resolve(folder, file), "utf8") };
    } catch (error) {
      throw new UserError(
        `Cannot read "${file}", the "${field}" of Scylla "${name}": ` +
          `${(error as Error).message}`,
        { cause: error },
      );
    }
  };
  return { ...await read("ca"), ...await read("cert"), ...await read("key") };
}
