/**
 * A Kafka cluster to talk to, with its errors in the runtime's classes.
 *
 * @module
 */
import process from "node:process";
import type {
  Admin,
  Kafka,
  Producer,
  ProducerConfig,
  SASLOptions,
} from "kafkajs";
import type { Connected, Logger } from "../../runtime/component.ts";
import { registerCodecs } from "./codecs.ts";
import { kafkaError } from "./errors.ts";
import { Registry, type RegistryOptions } from "./registry.ts";

/**
 * Retries inside of kafkajs: short, because the runtime tries for ever and
 * says so. A first pause of 300 ms, its default, makes one transaction right
 * behind another wait that long (p99 380 ms; 24 ms with 5 ms).
 */
const retry = {
  initialRetryTime: 10,
  multiplier: 2,
  factor: 0.2,
  maxRetryTime: 1_000,
  retries: 8,
};

/** Longest wait for a TCP connection, in milliseconds. */
const connectionTimeout = 5_000;

/** Certificates in PEM, for those that the machine does not know. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a cluster is reached with. */
export interface KafkaClientOptions {
  /** Name of the connection, for messages. */
  readonly name: string;
  /** host:port. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Undefined: without encryption. */
  tls(): Promise<TlsOptions | undefined>;
  readonly sasl: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  } | undefined;
  readonly registry: RegistryOptions | undefined;
  readonly log: Logger;
}

/** A connection to one cluster; kafkajs is loaded at its first use. */
export class KafkaClient implements Connected {
  readonly name: string;
  /** The schema registry, where the connection has one. */
  readonly registry: Registry | undefined;
  readonly #options: KafkaClientOptions;
  #kafka: Promise<Kafka> | undefined;

  constructor(options: KafkaClientOptions) {
    const { name, registry } = options;
    this.#options = options;
    this.name = name;
    this.registry = registry && new Registry(registry, name);
  }

  /** kafkajs' client: one a connection, with all codecs. */
  kafka(): Promise<Kafka> {
    return this.#kafka ??= this.#open();
  }

  /** Ask the brokers something and the registry where there is one. */
  async health(): Promise<void> {
    await this.admin("reach the brokers", (admin) => admin.describeCluster());
    await this.registry?.health();
  }

  /**
   * Do something with an admin client of its own, which is closed behind it.
   *
   * @param action what it is for, in messages: `create topic "blocks"`.
   */
  async admin<T>(
    action: string,
    work: (admin: Admin) => Promise<T>,
  ): Promise<T> {
    const kafka = await this.kafka();
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      throw this.error(error, action);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }

  /** A producer that is connected, and so has its id and epoch. */
  async producer(config: ProducerConfig): Promise<Producer> {
    const kafka = await this.kafka();
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: true,
      // More would lose the order between sends when one is repeated.
      maxInFlightRequests: 1,
      // An idempotent producer of kafkajs retries for ever otherwise.
      retry,
      ...config,
    });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      await producer.disconnect().catch(() => {});
      throw this.error(error, "open a producer");
    }
  }

  /**
   * An error of kafkajs as one that steers the runtime.
   *
   * @param action what was tried, in messages: `write to topic "blocks"`.
   */
  error(error: unknown, action: string): unknown {
    const { brokers, name } = this.#options;
    return kafkaError(error, { action, brokers, connection: name });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#kafka = undefined;
    return Promise.resolve();
  }

  async #open(): Promise<Kafka> {
    const { brokers, clientId, log, sasl, tls } = this.#options;
    const ssl = await tls();
    const kafkajs = await import("kafkajs");
    const { Kafka, logLevel, CompressionCodecs } = kafkajs.default ?? kafkajs;
    registerCodecs(CompressionCodecs);
    quietTimers();
    return new Kafka({
      brokers: [...brokers],
      clientId,
      connectionTimeout,
      ...(ssl ? { ssl } : {}),
      ...(sasl ? { sasl: sasl as SASLOptions } : {}),
      retry,
      logLevel: logLevel.INFO,
      // Each retry is an error to kafkajs; the runtime says what matters.
      logCreator: () => ({ log: { message, ...more }, namespace }) =>
        log.debug(`kafkajs: ${message}`, { namespace, ...more }),
    });
  }
}

let quiet = false;

/**
 * kafkajs sets timers to times before now: harmless (they are 1 ms), but Node
 * and Deno warn of it on stderr, among what the user reads.
 */
function quietTimers(): void {
  if (quiet) return;
  quiet = true;
  const warn = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === "TimeoutNegativeWarning") return;
    Reflect.apply(warn, process, [warning, ...rest]);
  }) as typeof warn;
}
