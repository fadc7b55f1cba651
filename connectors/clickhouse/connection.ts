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
import { type Opened, Warehouse } from "./client.ts";
import { connectEmbedded } from "./embedded.ts";

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
  username: optional(fields.string("User of the server"), "default"),
  password: optional(fields.secret("Password of the user")),
  timeout: optional(fields.duration("Longest wait for one request"), "5m"),
};

type ClickhouseConfig = Config<typeof clickhouseFields>;

/** A ClickHouse server by `url`, or ClickHouse's engine in a folder. */
export const clickhouse = defineConnection({
  type: "clickhouse",
  summary: "A ClickHouse server, or ClickHouse's engine embedded in a folder",
  fields: clickhouseFields,
  offers: ["query"],
  check({ config: { embedded, url }, place }) {
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
  open(config, context) {
    const { name } = context;
    const open = () =>
      config.embedded === undefined
        ? openServer(config)
        : openEmbedded(config.embedded, { config, context });
    return new Warehouse({ name, database: config.database, open });
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
  { database, timeout }: ClickhouseConfig,
): Promise<Opened> {
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
  // `default` always exists; asking for it needs no right to create.
  if (database !== "default") {
    const creating = createClient(options);
    const name = database.replaceAll("`", "\\`");
    try {
      await creating.command({
        query: `CREATE DATABASE IF NOT EXISTS \`${name}\``,
      });
    } finally {
      await creating.close();
    }
  }
  const client = createClient({ ...options, database });
  return {
    client,
    place: new URL(url).host,
    [Symbol.asyncDispose]: () => client.close(),
  };
}
