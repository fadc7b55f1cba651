/**
 * Components that are shaped like the real ones but reach nothing: what the
 * checker's tests are written against.
 *
 * @module
 */
import {
  type Column,
  type Config,
  defineConnection,
  defineSink,
  defineSource,
  defineTransform,
  fields,
  optional,
  type Registry,
  type Schema,
} from "../../../runtime/component.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";

type Type = Column["type"];

function column(name: string, type: Type, nullable = false): Column {
  return { name, type, doc: `The ${name}`, ...(nullable ? { nullable } : {}) };
}

const ports: Readonly<Record<string, Schema>> = {
  blocks: [
    column("number", "uint64"),
    column("hash", "hash"),
    column("timestamp", "timestamp"),
    column("miner", "address"),
    column("base_fee_per_gas", "uint64", true),
    column("withdrawals", "json", true),
  ],
  transactions: [
    column("hash", "hash"),
    column("block_number", "uint64"),
    column("block_timestamp", "timestamp"),
    column("transaction_index", "uint32"),
    column("from_address", "address"),
    column("to_address", "address", true),
    column("value", "uint256"),
    column("input", "bytes"),
    column("transaction_type", "uint8"),
    column("receipt_status", "uint8", true),
  ],
  logs: [
    column("block_number", "uint64"),
    column("log_index", "uint32"),
    column("transaction_hash", "hash"),
    column("address", "address"),
    column("topics", "list<hash>"),
    column("data", "bytes"),
    column("removed", "bool"),
  ],
  token_transfers: [
    column("block_number", "uint64"),
    column("log_index", "uint32"),
    column("token_address", "address"),
    column("value", "uint256"),
  ],
  withdrawals: [
    column("block_number", "uint64"),
    column("index", "uint64"),
    column("address", "address"),
    column("amount", "uint64"),
  ],
};

const example = "name: example\n";

const evm = defineConnection({
  type: "evm",
  summary: "Ethereum JSON-RPC endpoints",
  fields: {
    chain_id: optional(fields.integer("Chain id", { min: 1 })),
    url: optional(fields.string("Address of the node", { empty: true })),
    rate: optional(fields.rate("Most calls")),
    in_flight: optional(fields.integer("Most calls at once"), 16),
    endpoints: optional(fields.list(
      fields.object({
        name: fields.string("Name in logs"),
        url: fields.string("Address; may use {key}", { empty: true }),
        keys: optional(fields.secret("Keys, comma separated")),
        plan: optional(fields.string("Price table")),
        quota_group: optional(fields.string("Account")),
        rate: optional(fields.rate("Most calls")),
        in_flight: optional(fields.integer("Most calls at once")),
      }, "An endpoint"),
      "Endpoints, in order of preference",
    )),
  },
  example,
  check({ config, place }) {
    if (config.url === undefined && !config.endpoints) {
      place.report(
        `Missing field "url" or "endpoints" in evm connection`,
        'write url: "${ETH_RPC_URL}"',
        { key: true },
      );
    }
  },
  open: () => ({}),
});

const clickhouse = defineConnection({
  type: "clickhouse",
  summary: "A ClickHouse server",
  fields: {
    url: optional(fields.string("HTTP address")),
    embedded: optional(fields.file("Folder of an embedded server")),
    database: optional(fields.string("Database"), "default"),
    password: optional(fields.secret("Password")),
  },
  example,
  open: () => ({}),
});

const scylla = defineConnection({
  type: "scylla",
  summary: "A ScyllaDB cluster",
  offers: ["state"],
  fields: {
    hosts: fields.list(fields.string("host"), "Nodes to begin with"),
    keyspace: fields.string("Keyspace"),
  },
  example,
  open: () => ({}),
});

const kafka = defineConnection({
  type: "kafka",
  summary: "A Kafka cluster",
  fields: {
    brokers: fields.list(fields.string("host:port"), "Bootstrap brokers"),
    password: optional(fields.secret("SASL password")),
    tls: optional(fields.boolean("Use TLS"), false),
  },
  example,
  open: () => ({}),
});

const abiLookup = defineConnection({
  type: "abi_lookup",
  summary: "A service that knows verified ABIs",
  fields: {
    url: fields.string("Address"),
    keys: fields.secret("Keys, comma separated"),
    rate: optional(fields.rate("Most calls")),
    quota: optional(fields.rate("Most calls in a day")),
  },
  example,
  open: () => ({}),
});

const chainFields = {
  emit: fields.list(
    fields.choice(
      ["blocks", "transactions", "logs", "token_transfers", "withdrawals"],
      "An output",
    ),
    "Outputs to produce",
  ),
  start: optional(
    fields.either<number | string>([
      fields.integer("a block number"),
      fields.choice(["latest"], "latest"),
    ], "First block of a first run"),
    "latest",
  ),
  in_flight: optional(fields.integer("Blocks at once", { min: 1 }), 16),
  confirmations: optional(fields.integer("Blocks to stay behind the head")),
};

const chain = defineSource({
  type: "evm.chain",
  summary: "Every block of a chain with all that is in it",
  connection: evm,
  reorgs: true,
  fields: chainFields,
  outputs: ({ emit }: Config<typeof chainFields>) =>
    Object.fromEntries(emit.map((port) => [port, ports[port] ?? []])),
  example,
  open: () => ({ read: async function* () {} }),
});

const topics = defineSource({
  type: "kafka",
  summary: "Records of topics",
  connection: kafka,
  reorgs: false,
  shared: true,
  rejects: true,
  positions: (_, pipeline) => `consumer group "${pipeline}"`,
  fields: { topics: fields.list(fields.string("A topic"), "Topics to read") },
  outputs: () => ({ rows: ports["transactions"] ?? [] }),
  example,
  open: () => ({ read: async function* () {} }),
});

const stateFields = {
  every: fields.string("How often"),
  contracts: fields.map(fields.address("A contract"), "Name to address"),
  read: fields.map(fields.string("A signature"), "Column to function"),
  only_changes: optional(fields.list(fields.string("A column"), "Columns")),
};

const state = defineSource({
  type: "evm.state",
  summary: "What contracts answer at a block",
  connection: evm,
  reorgs: true,
  fields: stateFields,
  outputs: ({ read }: Config<typeof stateFields>) => ({
    rows: [
      column("contract", "string"),
      column("block_number", "uint64"),
      ...Object.keys(read).map((name) => column(name, "int256")),
    ],
  }),
  example,
  open: () => ({ read: async function* () {} }),
});

const classifyFields = {
  cases: fields.map(fields.match("What a row is like"), "Case to match"),
};

const classify = defineTransform({
  type: "classify",
  summary: "Split rows into one output per case; the first that matches wins",
  fields: classifyFields,
  rejects: true,
  outputs: ({ config, input }) => {
    const schema = [...input, column("case", "string")];
    return Object.fromEntries(
      Object.keys(config.cases).map((name) => [name, schema]),
    );
  },
  uses: ({ config }, used) => [
    ...[...used.values()].flatMap((names) => [...names]),
    ...Object.values(config.cases).flatMap(({ columns }) => columns),
  ],
  example,
  open: ({ cases }: Config<typeof classifyFields>) => ({
    apply(rows, emit) {
      for (const row of rows) {
        const hit = Object.entries(cases).find(([, matches]) => matches(row));
        if (hit) emit(hit[0], { ...row, case: hit[0] });
        else emit.reject(row, "No case matches");
      }
    },
  }),
});

const decode = defineTransform({
  type: "decode",
  summary: "Decode calldata and logs with ABIs",
  fields: {
    abis: optional(fields.list(
      fields.object({
        address: optional(fields.address("Contract")),
        file: fields.file("ABI file"),
      }, "An ABI"),
      "Known ABIs",
    )),
  },
  rejects: true,
  outputs: ({ input }) => ({
    decoded: [
      ...input,
      column("function", "string"),
      column("arguments", "json"),
    ],
    unknown: input,
  }),
  example,
  open: () => ({
    apply(rows, emit) {
      for (const row of rows) emit("unknown", row);
    },
  }),
});

const filterFields = { where: fields.match("Rows to keep") };

const filter = defineTransform({
  type: "filter",
  summary: "Keep the rows that match",
  fields: filterFields,
  outputs: ({ input }) => ({ rows: input }),
  uses: ({ config }, used) => [
    ...(used.get("rows") ?? []),
    ...config.where.columns,
  ],
  example,
  open: ({ where }: Config<typeof filterFields>) => ({
    apply(rows, emit) {
      for (const row of rows) if (where(row)) emit("rows", row);
    },
  }),
});

const limits = { rows: 10_000, bytes: 1_000_000, every: 1000 };

const openSink = {
  encode: () => ({ data: "", bytes: 0 }),
  write: () => Promise.resolve(),
};

const file = defineSink({
  type: "file",
  summary: "Append rows to a file",
  fields: {
    path: fields.template("File; may use {column}"),
    format: optional(fields.choice(["jsonl", "csv"], "Format"), "jsonl"),
  },
  batch: () => limits,
  target: ({ path }) => path.text,
  delivery: () => "exactly once",
  alone: true,
  example,
  open: () => openSink,
});

const clickhouseSink = defineSink({
  type: "clickhouse",
  summary: "Insert rows into a ClickHouse table",
  connection: clickhouse,
  fields: {
    table: fields.string("Table to write to"),
    order_by: fields.list(fields.column("A column"), "Sorting key"),
    index: optional(fields.list(fields.column("A column"), "Skip indices")),
  },
  batch: () => limits,
  delivery: () => "exactly once",
  merges: true,
  example,
  open: () => openSink,
});

const kafkaSink = defineSink({
  type: "kafka",
  summary: "Publish rows to a Kafka topic",
  connection: kafka,
  fields: {
    topic: fields.template("Topic; may use {column}"),
    key: fields.column("Column that keys the record"),
    partitions: optional(fields.integer("Partitions", { min: 1 })),
  },
  batch: () => limits,
  delivery: () => "exactly once",
  example,
  open: () => openSink,
});

const stdout = defineSink({
  type: "stdout",
  summary: "Print rows",
  fields: {},
  batch: () => limits,
  delivery: () => "at least once",
  example,
  open: () => openSink,
});

/** The components that golden specs are checked against. */
export const registry: Registry = [
  evm,
  clickhouse,
  kafka,
  scylla,
  abiLookup,
  chain,
  topics,
  state,
  classify,
  decode,
  filter,
  file,
  clickhouseSink,
  kafkaSink,
  stdout,
];

/** Check a text as if it were a file, in an environment of its own. */
export function check(
  text: string,
  options: {
    readonly file?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly files?: Readonly<Record<string, string>>;
    readonly registry?: Registry;
  } = {},
) {
  const { env = {}, file = "pipelines/test.yaml", files = {} } = options;
  return checkSpec(file, {
    registry: options.registry ?? registry,
    env: (name) => env[name],
    read(path) {
      if (path === file) return text;
      const found = files[path];
      if (found === undefined) throw new Deno.errors.NotFound(path);
      return found;
    },
  });
}
