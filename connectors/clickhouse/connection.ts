/**
 * A ClickHouse server, or the engine embedded in a folder.
 *
 * @module
 */
import {
  type Config,
  type ConnectionContext,
  defineConnection,
  fields,
  optional,
  UserError,
} from "../../runtime/component.ts";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Opened } from "./client.ts";
import { codeOf } from "./errors.ts";
import { quoted } from "./table.ts";

/** ClickHouse's UNKNOWN_DATABASE. */
const unknownDatabase = "81";

const clickhouseFields = {
  url: optional(fields.string("Address of a server: http://host:8123")),
  embedded: optional(fields.string(
    "Folder for ClickHouse's own engine, without a server; relative to the " +
      "working directory",
  )),
  database: optional(
    fields.string("Database; created when it is missing"),
    "default",
  ),
  cluster: optional(fields.string(
    "Cluster of the server: tables are created ON CLUSTER, replicated, and " +
      "sharded behind the same view",
  )),
  username: optional(fields.string("User of the server"), "default"),
  password: optional(fields.secret("Password of the user")),
  timeout: optional(fields.duration("Longest wait for one request"), "5m"),
};

/** The connection's typed fields. */
export type ClickhouseConfig = Config<typeof clickhouseFields>;

/** A ClickHouse server by `url`, or ClickHouse's engine in a folder. */
export const clickhouse = defineConnection({
  type: "clickhouse",
  summary: "A ClickHouse server, or ClickHouse's engine embedded in a folder",
  fields: clickhouseFields,
  offers: ["query"],
  check({ config: { cluster, embedded, url }, place }) {
    if (cluster !== undefined && embedded !== undefined) {
      place.at("cluster").report(
        "The embedded engine has no cluster",
        "write url: for a server of the cluster",
      );
    }
    if ((url === undefined) !== (embedded === undefined)) return;
    place.report(
      url === undefined ? "Neither url nor embedded" : "Both url and embedded",
      "write url: for a server or embedded: data/FOLDER for the engine",
      { key: true },
    );
  },
  example: `
name: blocks-to-clickhouse
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  warehouse: { type: clickhouse, embedded: data/warehouse }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks] }
sinks:
  blocks:
    type: clickhouse
    connection: warehouse
    from: chain.blocks
    table: blocks
    order_by: [number]
`,
  async open(config, context) {
    const { name } = context;
    const { Warehouse } = await import("./client.ts");
    const open = () =>
      config.embedded === undefined
        ? openServer(config)
        : openEmbedded(config.embedded, { config, context });
    const { cluster, database } = config;
    return new Warehouse({ name, database, cluster, open });
  },
});

async function openServer(config: ClickhouseConfig): Promise<Opened> {
  const { password = "", url = "", username } = config;
  return await connect({ url, username, password }, config);
}

async function openEmbedded(
  folder: string,
  { config, context }: {
    readonly config: ClickhouseConfig;
    readonly context: ConnectionContext;
  },
): Promise<Opened> {
  const { log, signal } = context;
  const { connectEmbedded } = await import("./embedded.ts");
  const server = await connectEmbedded(folder, {
    log: (line) => log.debug(line),
    signal,
  }).catch((error) => {
    throw new UserError(error.message, { cause: error });
  });
  const opened = await connect(server, config);
  return {
    ...opened,
    place: folder,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The client is loaded only where one is used. */
async function connect(
  { password, url, username }: {
    readonly url: string;
    readonly username: string;
    readonly password: string;
  },
  config: ClickhouseConfig,
): Promise<Opened> {
  const { cluster, database, timeout } = config;
  const { ClickHouseLogLevel, createClient } = await import(
    "@clickhouse/client"
  );
  const options = {
    url,
    username,
    password,
    request_timeout: timeout,
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      // Numbers above 2^53 would lose their last digits in JSON.
      output_format_json_quote_64bit_integers: 1,
    },
  } as const;
  const client = createClient({ ...options, database });
  try {
    await client.command({ query: "SELECT 1" });
  } catch (error) {
    await client.close();
    if (codeOf(error) !== unknownDatabase) throw error;
    await using creating = closing(createClient(options));
    await createDatabase(creating.client, { cluster, database, username });
    return await connect({ password, url, username }, config);
  }
  return {
    client,
    place: new URL(url).host,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Only when it is missing: whoever may write need not have this right. */
async function createDatabase(
  client: ClickHouseClient,
  { cluster, database, username }: {
    readonly cluster: string | undefined;
    readonly database: string;
    readonly username: string;
  },
): Promise<void> {
  const where = cluster === undefined ? "" : ` ON CLUSTER ${quoted(cluster)}`;
  const query = `CREATE DATABASE IF NOT EXISTS ${quoted(database)}${where}`;
  try {
    await client.command({ query });
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    const said = error instanceof Error ? error.message.trim() : String(error);
    throw new UserError(
      `Cannot create database "${database}", which does not exist: ` +
        `${said.replace(/\.$/, "")}; have somebody run \`${query}\` and ` +
        `grant "${username}" the rights to create tables in it, or name ` +
        "another database in the connection",
      { cause: error },
    );
  }
}

function closing(
  client: ClickHouseClient,
): AsyncDisposable & { readonly client: ClickHouseClient } {
  return { client, [Symbol.asyncDispose]: () => client.close() };
}
