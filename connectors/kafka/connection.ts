/**
 * A Kafka cluster, with the schema registry beside it.
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
  UserError,
} from "../../runtime/component.ts";
import type { TlsOptions } from "./client.ts";

/** What a cluster is asked at when a broker names no port. */
const defaultPort = 9092;

const tlsFields = {
  ca: optional(fields.file("PEM file with the authority to trust")),
  cert: optional(fields.file("PEM file with the client's certificate")),
  key: optional(fields.file("PEM file with the client's private key")),
};

const kafkaFields = {
  brokers: fields.list(
    fields.string("host:port"),
    "Brokers to ask first, host:port; may be separated by commas",
  ),
  client_id: optional(
    fields.string("Name that the brokers' logs and quotas know"),
    "sluice",
  ),
  tls: optional(fields.either<boolean | Config<typeof tlsFields>>([
    fields.boolean("true or false"),
    fields.object(tlsFields, "{ ca, cert, key }"),
  ], "Encrypt connections; with files when the machine does not know the CA")),
  sasl: optional(fields.object({
    mechanism: optional(
      fields.choice(
        ["plain", "scram-sha-256", "scram-sha-512"],
        "How the password is proved",
      ),
      "scram-sha-512",
    ),
    username: fields.string("User"),
    password: fields.secret("Password of the user"),
  }, "User and password")),
  registry: optional(fields.object({
    url: fields.string(
      "Address of the Confluent API: http://host:8081, or Apicurio's " +
        "http://host:8080/apis/ccompat/v7",
    ),
    username: optional(fields.string("User")),
    password: optional(fields.secret("Password of the user")),
  }, "Schema registry; sinks and sources with format: avro need it")),
};

type KafkaConfig = Config<typeof kafkaFields>;

/** A Kafka cluster: brokers, encryption, user, schema registry. */
export const kafka = defineConnection({
  type: "kafka",
  summary: "A Kafka cluster, with the schema registry beside it",
  fields: kafkaFields,
  check({ config, place }) {
    const brokers = brokersOf(config);
    const wrong = brokers.find((one) =>
      !/^[^\s:/@]+:\d{1,5}$|^\[.+\]:\d{1,5}$/.test(one)
    );
    if (brokers.length === 0 || wrong !== undefined) {
      place.at("brokers").report(
        wrong === undefined ? "No broker" : `"${wrong}" is no broker`,
        "write host:port",
      );
    }
    const url = config.registry?.url;
    if (
      url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")
    ) {
      place.at("registry").at("url").report(
        "Expected an http or https URL",
        "write http://host:8081",
      );
    }
    if (typeof config.tls !== "object") return;
    if ((config.tls.cert === undefined) === (config.tls.key === undefined)) {
      return;
    }
    place.at("tls").report(
      config.tls.cert === undefined
        ? "A key without cert"
        : "A cert without key",
      "a client's certificate needs both",
    );
  },
  example: `
name: blocks-to-kafka
connections:
  eth: { type: evm, url: "recording:pipelines/recordings/local" }
  bus:
    type: kafka
    brokers: ["\${KAFKA_BROKERS:-localhost:9092}"]
    tls: true
    sasl:
      username: sluice
      password: "\${KAFKA_PASSWORD}"
sources:
  chain: { type: evm.chain, connection: eth, emit: [blocks] }
sinks:
  blocks: { type: kafka, connection: bus, from: chain.blocks, topic: blocks, key: hash }
`,
  async open(config, { folder, log, name }) {
    const { KafkaClient } = await import("./client.ts");
    const { client_id: clientId, registry, sasl } = config;
    return new KafkaClient({
      name,
      brokers: brokersOf(config),
      clientId,
      tls: () => tlsOptions(config, folder),
      sasl,
      registry,
      log,
    });
  },
});

/** The brokers; `\${KAFKA_BROKERS}` holds several in one text. */
function brokersOf({ brokers }: KafkaConfig): string[] {
  return brokers.flatMap((text) => text.split(","))
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map((one) => /^[^:]+$/.test(one) ? `${one}:${defaultPort}` : one);
}

async function tlsOptions(
  { tls }: KafkaConfig,
  folder: string,
): Promise<TlsOptions | undefined> {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const read = async (name: keyof typeof tlsFields) => {
    const file = tls[name];
    if (file === undefined) return {};
    try {
      return { [name]: await readFile(resolve(folder, file), "utf8") };
    } catch (error) {
      throw new UserError(
        `Cannot read "${file}", the ${name} of a kafka connection: ` +
          `${(error as Error).message}`,
        { cause: error },
      );
    }
  };
  return { ...await read("ca"), ...await read("cert"), ...await read("key") };
}
