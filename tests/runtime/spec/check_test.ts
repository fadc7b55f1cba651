import assert from "node:assert/strict";
import {
  type Component,
  type Place,
  SpecError,
  UserError,
} from "../../../runtime/component.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import { formatDiagnostics } from "../../../runtime/spec/diagnostics.ts";
import type { Spec, Stage } from "../../../runtime/spec/spec.ts";
import { check, registry } from "./registry.ts";

const env = { ETH_RPC_URL: "https://rpc.example.org/v2/", BUS: "bus:9092" };

function messages(text: string, options: Parameters<typeof check>[1] = {}) {
  return formatDiagnostics(check(text, { env, ...options }).diagnostics);
}

function passed(text: string, options: Parameters<typeof check>[1] = {}): Spec {
  const { diagnostics, spec } = check(text, { env, ...options });
  assert.equal(formatDiagnostics(diagnostics), "");
  assert.ok(spec);
  return spec;
}

function stage(spec: Spec, name: string): Stage {
  const found = spec.stages.find((one) => one.name === name);
  assert.ok(found);
  return found;
}

const mainnet = `
name: mainnet
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
  bus: { type: kafka, brokers: ["\${BUS}"] }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, transactions, logs] }
transforms:
  kind:
    type: classify
    from: chain.transactions
    cases: { deploy: { to_address: null }, call: {} }
  dear: { type: filter, from: [kind.call, kind.deploy], where: { value: { gte: 1 ether } } }
sinks:
  calls: { type: kafka, connection: bus, from: dear, topic: "tx.{case}", key: hash }
  logs: { type: stdout, from: chain.logs, batch: { every: 2s }, deliver: safe }
  rejects: { type: stdout, from: errors }
`;

Deno.test("checkSpec() says what the language's page promises, word by word", () => {
  // With the two transforms that the page knows.
  const known = registry.filter(({ type }) => type !== "filter");
  const text = `name: broken
connections: { eth: { type: evm, url: "\${ETH_RPC_URL}" } }
sources:
  chain:
    type: evm.chain
    connection: eth
    emit: [blocks, transactions]
    confirmation: 2
transforms:
  kind:
    type: clasify
    from: chain.blocks
sinks:
  blocks:
    type: file
    from: chain.blocks
    path: data/blocks.jsonl
  kinds:
    type: file
    from: kind
    path: data/kinds.jsonl
  logs:
    from: chain.logs
    type: file
    path: data/logs.jsonl
`;
  assert.equal(
    messages(text, { file: "pipelines/broken.yaml", registry: known }),
    `pipelines/broken.yaml:8:5: Unknown field "confirmation" in evm.chain source
  |
 8|     confirmation: 2
  |     ^^^^^^^^^^^^ did you mean "confirmations"?
pipelines/broken.yaml:11:11: Unknown transform type "clasify"
  |
11|     type: clasify
  |           ^^^^^^^ did you mean "classify"? types: classify, decode
pipelines/broken.yaml:23:11: "chain" has no output "logs"
  |
23|     from: chain.logs
  |           ^^^^^^^^^^ add logs to sources.chain.emit, or use one of: chain.blocks, chain.transactions
`,
  );
});

Deno.test("checkSpec() blames an unquoted variable as the language's page does", () => {
  const text = `name: flow_env
connections:
  bus: { type: kafka, brokers: [\${KAFKA_BROKERS}] }
`;
  assert.equal(
    messages(text, { file: "pipelines/flow_env.yaml" }),
    `pipelines/flow_env.yaml:3:34: Missing , or : between flow sequence items
  |
 3|   bus: { type: kafka, brokers: [\${KAFKA_BROKERS}] }
  |                                  ^ inside { } or [ ] quote it: "\${NAME}"
`,
  );
});

Deno.test("checkSpec() puts stages behind what they read", () => {
  const { stages } = passed(mainnet);
  const at = (name: string) => stages.findIndex((one) => one.name === name);
  assert.ok(at("chain") < at("kind"));
  assert.ok(at("kind") < at("dear"));
  assert.ok(at("dear") < at("calls"));
});

Deno.test("checkSpec() resolves inputs, limits and the source of a sink", () => {
  const spec = passed(mainnet);
  const calls = stage(spec, "calls");
  assert.ok(calls.kind === "sink");
  assert.deepEqual(calls.inputs, [{ stage: "dear", port: "rows" }]);
  assert.equal(calls.source, "chain");
  assert.equal(calls.connection, "bus");
  assert.deepEqual(calls.schema.at(-1)?.name, "case");

  const logs = stage(spec, "logs");
  assert.ok(logs.kind === "sink");
  assert.deepEqual(logs.batch, { rows: 10_000, bytes: 1_000_000, every: 2000 });
  assert.equal(logs.deliver, "safe");

  const rejects = stage(spec, "rejects");
  assert.ok(rejects.kind === "sink");
  assert.deepEqual(rejects.inputs, [{ stage: "errors", port: "errors" }]);
  assert.equal(rejects.source, "chain");
});

Deno.test("checkSpec() finds the columns that are used, back to the source", () => {
  const { used } = stage(
    passed(
      `
name: used
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, transactions, logs] }
transforms:
  dear: { type: filter, from: chain.transactions, where: { value: { gte: 1 ether } } }
  slim: { type: slim, from: dear, columns: [hash, to_address] }
sinks:
  out: { type: stdout, from: slim }
  logs: { type: stdout, from: chain.logs }
`,
      { registry: [...registry, slim] },
    ),
    "chain",
  ) as Stage & { kind: "source" };
  assert.deepEqual([...used.keys()].sort(), ["logs", "transactions"]);
  assert.deepEqual([...used.get("transactions") ?? []].sort(), [
    "hash",
    "to_address",
    "value",
  ]);
  assert.equal(used.get("logs")?.size, 7);
});

Deno.test("checkSpec() does not ask a source for what no sink gets", () => {
  const { diagnostics, spec } = check(
    `
name: unread
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks, transactions] }
transforms:
  dear: { type: filter, from: chain.transactions, where: { value: { gte: 1 ether } } }
sinks:
  out: { type: stdout, from: chain.blocks }
`,
    { env },
  );
  assert.deepEqual(diagnostics.map(({ severity }) => severity), ["warning"]);
  assert.ok(spec);
  const chain = stage(spec, "chain");
  assert.ok(chain.kind === "source");
  assert.deepEqual([...chain.used.keys()], ["blocks"]);
});

Deno.test("checkSpec() opens only connections that a stage names", () => {
  const files = {
    "pipelines/shared.yaml": `connections:
  bus: { type: kafka, brokers: ["\${BUS}"] }
  lookup: { type: abi_lookup, url: "https://x", keys: "\${NOWHERE}" }
`,
  };
  const spec = passed(
    mainnet.replace('  bus: { type: kafka, brokers: ["${BUS}"] }\n', "")
      .replace("connections:", "include: shared.yaml\nconnections:"),
    { files },
  );
  assert.deepEqual([...spec.connections.keys()].sort(), ["bus", "eth"]);
  assert.deepEqual(spec.connections.get("bus")?.config.brokers, ["bus:9092"]);
});

Deno.test("checkSpec() lets a transform name its connection as it likes", () => {
  const lookup = registry.find(({ type }) => type === "abi_lookup");
  const curious = {
    ...registry.find(({ type }) => type === "decode"),
    connections: { lookup },
  } as Component;
  const known = [...registry.filter(({ type }) => type !== "decode"), curious];
  const text = (lookup: string) => `
name: lookup
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
  etherscan: { type: abi_lookup, url: "https://x", keys: "\${BUS}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [transactions] }
transforms:
  calls: { type: decode, from: chain${lookup} }
sinks:
  out: { type: stdout, from: calls.decoded }
  rejects: { type: stdout, from: errors }
`;
  const spec = passed(text(", lookup: etherscan"), { registry: known });
  const calls = stage(spec, "calls");
  assert.ok(calls.kind === "transform");
  assert.deepEqual(calls.connections, { lookup: "etherscan" });
  assert.ok(spec.connections.has("etherscan"));

  assert.match(
    messages(text(""), { registry: known }),
    /warning: Nothing uses the connection "etherscan"/,
  );
  assert.match(
    messages(text(", lookup: eth"), { registry: known }),
    /Expected a connection of type abi_lookup, "eth" is of type evm/,
  );
});

Deno.test("checkSpec() says when the file itself cannot be read", () => {
  const { diagnostics, spec } = checkSpec("pipelines/nowhere.yaml", {
    registry,
    read: (path) => {
      throw new Deno.errors.NotFound(path);
    },
  });
  assert.equal(spec, undefined);
  assert.equal(
    formatDiagnostics(diagnostics),
    `pipelines/nowhere.yaml:1:1: Cannot read the file
  |
 1|
  | ^ no such file
`,
  );
});

/** The components, of which a filter is checked by a function of a test. */
function checkedBy(check: (context: { place: Place }) => void) {
  return registry.map((one) =>
    one.type === "filter" ? { ...one, check } as Component : one
  );
}

Deno.test("checkSpec() asks components, and no one behind a broken one", () => {
  const text = mainnet.replace("tx.{case}", "tx.{nothing}");
  assert.equal(messages(text).match(/no column "nothing"/g)?.length, 1);
  const reporting = checkedBy(({ place }) => {
    place.at("where").at("value").report("Too dear", "be modest");
  });
  assert.equal(
    messages(text, { registry: reporting }),
    `pipelines/test.yaml:13:73: Too dear
  |
13|   dear: { type: filter, from: [kind.call, kind.deploy], where: { value: { gte: 1 ether } } }
  |                                                                         ^^^^^^^^^^^^^^^^ be modest
`,
  );
  const warning = checkedBy(({ place }) => {
    place.report("Rather dear", undefined, { severity: "warning" });
  });
  assert.equal(messages(text, { registry: warning }).split("\n").length, 9);
});

Deno.test("checkSpec() makes a message of an error for the user, no other", () => {
  const throwing = (error: Error) =>
    messages(mainnet, {
      registry: checkedBy(() => {
        throw error;
      }),
    });
  assert.match(throwing(new SpecError("No such contract")), /No such contract/);
  assert.match(throwing(new UserError("Disk full")), /:13:3: Disk full/);
  assert.throws(() => throwing(new TypeError("a bug")), /a bug/);
});

Deno.test("checkSpec() never writes a secret anywhere", () => {
  const secrets = {
    KEY: "s3cr3t-key-one,s3cr3t-key-two",
    URL:
      "https://reader:s3cr3t-pass@h.example.org/v2/s3cr3tinthepathofaurl1?api_key=s3cr3t-query",
    API_TOKEN: "s3cr3t-token",
  };
  const { diagnostics, spec } = check(
    `
name: secrets
connections:
  eth:
    type: evm
    endpoints:
      - { name: a, url: "\${URL}", keys: "\${KEY}" }
      - { name: "\${API_TOKEN}", url: "", keys: "s3cr3t-literal" }
  warehouse: { type: clickhouse, url: "\${URL}", password: "\${file:pass}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks] }
sinks:
  out: { type: clickhouse, connection: warehouse, from: chain, table: "\${API_TOKEN}", order_by: [number] }
`,
    { env: secrets, files: { "pipelines/pass": "s3cr3t-file\n" } },
  );
  assert.ok(spec);
  const written = JSON.stringify([
    ...[...spec.connections.values()].map(({ written }) => written),
    ...spec.stages.map(({ written }) => written),
  ]);
  assert.doesNotMatch(written, /s3cr3t/);
  assert.match(written, /https:\/\/reader:\*\*\*@h\.example\.org\/v2\/\*\*\*/);
  assert.doesNotMatch(formatDiagnostics(diagnostics), /s3cr3t/);
  for (const part of ["key-one", "pass", "token", "literal", "file", "query"]) {
    assert.ok(spec.secrets.includes(`s3cr3t-${part}`), part);
  }
});

Deno.test("checkSpec() does not repeat a secret that stands in a wrong place", () => {
  const text = messages(
    `
name: secrets
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}", rate: "\${API_KEY}", chain_id: "\${PLAIN}" }
  bus: { type: kafka, brokers: [a], password: "\${PLAIN}", tls: "\${file:pass}" }
sources:
  chain: { type: evm.chain, connection: eth, emit: ["\${API_KEY}"] }
sinks:
  out: { type: kafka, connection: bus, from: chain, topic: a, key: hash, deliver: "\${PLAIN}" }
`,
    {
      env: { ...env, API_KEY: "s3cr3t-key", PLAIN: "s3cr3t-plain" },
      files: { "pipelines/pass": "s3cr3t-file" },
    },
  );
  assert.doesNotMatch(text, /s3cr3t/);
  assert.equal(text.match(/\*\*\*/g)?.length, 5);
});

/** Keeps some columns, and says so. */
const slim = {
  ...registry.find(({ type }) => type === "filter"),
  type: "slim",
  fields: { columns: registryField() },
  outputs: ({ config, input }: {
    config: { columns: string[] };
    input: readonly { name: string }[];
  }) => ({
    rows: input.filter(({ name }) => config.columns.includes(name)),
  }),
  uses: ({ config }: { config: { columns: string[] } }) => config.columns,
} as unknown as Component;

function registryField() {
  const sink = registry.find((one) =>
    one.kind === "sink" && one.type === "clickhouse"
  );
  return sink?.fields["order_by"];
}
