/**
 * Apache Kafka (KRaft) from Maven Central jars.
 *
 * @module
 */
import { run } from "./cache.ts";
import { Daemon } from "./daemon.ts";
import { jars, java, template } from "./java.ts";
import { freePort } from "./ports.ts";
import { Service, type ServiceOptions, type ServiceParts } from "./service.ts";

/** How to start Kafka; read when the folder is new, kept from then on. */
export interface KafkaOptions extends ServiceOptions {
  /**
   * `user:password` of a second listener that takes PLAIN, SCRAM-SHA-256 and
   * SCRAM-SHA-512.
   */
  sasl?: string;
  /** Broker properties, which win over those set here. */
  properties?: Readonly<Record<string, string>>;
}

/** A broker that is its own controller; `address` needs no password. */
export class Kafka extends Service {
  /** The listener with a password, if one was asked for. */
  readonly saslAddress: string | undefined;

  constructor({ saslAddress, ...service }:
    & ServiceParts
    & { readonly saslAddress: string | undefined }) {
    super(service);
    this.saslAddress = saslAddress;
  }
}

/** What a folder keeps. */
interface Layout {
  cluster: string;
  sasl?: string | undefined;
  properties: Readonly<Record<string, string>>;
  ports: { client: number; controller: number; secure: number };
}

/** Kafka in a folder, not yet started. */
export async function openKafka(
  folder: string,
  options: KafkaOptions = {},
): Promise<Kafka> {
  const layout = await layoutOf(folder, options);
  const { ports, sasl } = layout;
  return new Kafka({
    name: "Kafka",
    address: `127.0.0.1:${ports.client}`,
    saslAddress: sasl && `127.0.0.1:${ports.secure}`,
    daemon: new Daemon(folder, options.owner),
    launch: async () => {
      await prepare(folder, layout);
      return {
        command: await command(folder),
        ready: async (log) => (await log()).includes("Kafka Server started"),
      };
    },
  });
}

async function layoutOf(
  folder: string,
  { sasl, properties = {} }: KafkaOptions,
): Promise<Layout> {
  const path = `${folder}/kafka.json`;
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const layout: Layout = {
    cluster: crypto.getRandomValues(new Uint8Array(16))
      .toBase64({ alphabet: "base64url", omitPadding: true })
      // A first "-" would be an option to the storage tool.
      .replace(/^-/, "A"),
    sasl,
    properties,
    ports: {
      client: freePort(),
      controller: freePort(),
      secure: freePort(),
    },
  };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(layout, undefined, 2));
  return layout;
}

async function command(home: string): Promise<string[]> {
  return [
    java(),
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseG1GC",
    "-XX:+ExitOnOutOfMemoryError",
    `-Dlog4j2.configurationFile=${template("kafka/log4j2.properties")}`,
    "-cp",
    `${await jars("kafka")}/*`,
    "kafka.Kafka",
    `${home}/server.properties`,
  ];
}

/** Write the settings and format the log folder, once. */
async function prepare(home: string, layout: Layout): Promise<void> {
  const formatted = await Deno.stat(`${home}/data/meta.properties`)
    .then(() => true, () => false);
  if (formatted) return;
  await Deno.mkdir(home, { recursive: true });
  const properties = Object.entries(propertiesOf(home, layout))
    .map(([name, value]) => `${name}=${value}\n`);
  await Deno.writeTextFile(`${home}/server.properties`, properties.join(""));
  const [user, password] = split(layout.sasl);
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) =>
    user === undefined
      ? []
      : ["--add-scram", `${mechanism}=[name=${user},password=${password}]`]
  );
  await run(java(), [
    "-Xmx256m",
    `-Dlog4j2.configurationFile=${template("kafka/log4j2.properties")}`,
    "-cp",
    `${await jars("kafka")}/*`,
    "kafka.tools.StorageTool",
    "format",
    "--cluster-id",
    layout.cluster,
    "--config",
    `${home}/server.properties`,
    ...scram,
  ]);
}

function propertiesOf(
  home: string,
  { ports, sasl, properties }: Layout,
): Record<string, string | number | boolean> {
  const listeners = [
    `PLAINTEXT://127.0.0.1:${ports.client}`,
    `CONTROLLER://127.0.0.1:${ports.controller}`,
    ...sasl ? [`SASL_PLAINTEXT://127.0.0.1:${ports.secure}`] : [],
  ];
  return {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT," +
      "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
    listeners: listeners.join(),
    ...saslProperties(sasl),
    "log.dirs": `${home}/data`,
    "auto.create.topics.enable": false,
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    // Small internal topics: fifty partitions each would take seconds.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    // After a crash the old registration must expire before a broker is back;
    // 9 s by default.
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 2000,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    "controlled.shutdown.enable": false,
    ...properties,
  };
}

function saslProperties(sasl: string | undefined): Record<string, string> {
  const [user, password] = split(sasl);
  if (user === undefined) return {};
  const security = "org.apache.kafka.common.security";
  const listener = "listener.name.sasl_plaintext";
  const scram = `${security}.scram.ScramLoginModule required;`;
  return {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    [`${listener}.plain.sasl.jaas.config`]:
      `${security}.plain.PlainLoginModule required ` +
      `user_${user}="${password}";`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: scram,
  };
}

function split(sasl: string | undefined): [user?: string, password?: string] {
  if (sasl === undefined) return [];
  const at = sasl.indexOf(":");
  return [sasl.slice(0, at), sasl.slice(at + 1)];
}
