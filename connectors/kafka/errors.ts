/**
 * Errors of kafkajs as errors that steer the runtime.
 *
 * @module
 */
import { RetryableError, UserError } from "../../runtime/component.ts";

/** What an error message needs to know. */
export interface ErrorContext {
  /** What was tried: `write to topic "blocks"`. */
  readonly action: string;
  readonly brokers: readonly string[];
  /** Name of the connection. */
  readonly connection: string;
}

/** What kafkajs' errors carry, each kind something else. */
interface KafkaJsError extends Error {
  /** The protocol's name of the error: `TOPIC_AUTHORIZATION_FAILED`. */
  readonly type?: string;
  /** Node's code of a network error. */
  readonly code?: string | number;
  readonly broker?: string;
  readonly errors?: readonly unknown[];
}

/** Protocol errors that only the user can mend, each with the remedy. */
const remedies: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED:
    "grant the user Describe, Create, Read and Write on the topic",
  GROUP_AUTHORIZATION_FAILED: "grant the user Read on the consumer group",
  CLUSTER_AUTHORIZATION_FAILED:
    "grant the user IdempotentWrite and Create on the cluster",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    "grant the user Write and Describe on the transactional id, or set " +
    "delivery: at_least_once",
  INVALID_TOPIC_EXCEPTION:
    "a topic has letters, digits, dots, - and _ only, 249 at most",
  INVALID_REPLICATION_FACTOR: "set a replication up to the number of brokers",
  INVALID_PARTITIONS: "set partitions to 1 or more",
  INVALID_CONFIG: "correct the config of the topic",
  INVALID_REQUEST: "correct the settings of the topic",
  POLICY_VIOLATION: "ask who runs the brokers what their policy allows",
  MESSAGE_TOO_LARGE: "raise max.message.bytes of the topic, or select fewer " +
    "columns",
  RECORD_LIST_TOO_LARGE: "set smaller batch: { rows, bytes }",
  INVALID_TRANSACTION_TIMEOUT:
    "raise transaction.max.timeout.ms of the brokers",
  UNSUPPORTED_COMPRESSION_TYPE: "set another compression",
  UNSUPPORTED_VERSION: "the brokers must be Kafka 1.0 or later",
  UNSUPPORTED_FOR_MESSAGE_FORMAT: "the topic must have message format 2",
  ILLEGAL_SASL_STATE: 'this port wants no user: leave "sasl" of the ' +
    "connection out, or take the port for users",
  UNSUPPORTED_SASL_MECHANISM: "set a mechanism that the brokers offer",
  INVALID_TIMESTAMP: "set message.timestamp.type of the topic to CreateTime " +
    "without a limit",
  INVALID_RECORD: "a compacted topic needs a key: set key",
};

/** Another producer has taken the transactional id, or it has timed out. */
const fencing = new Set(["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"]);

/** The brokers do not know (any more) what a producer has sent. */
const forgotten = new Set([
  ...fencing,
  "INVALID_PRODUCER_ID_MAPPING",
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "UNKNOWN_PRODUCER_ID",
]);

/** Protocol errors that pass, with what makes them pass. */
const hints: Readonly<Record<string, string>> = {
  KAFKA_STORAGE_ERROR: "the disk of a broker is full or failing: free it",
  NOT_ENOUGH_REPLICAS: "too few brokers are up for min.insync.replicas",
  UNKNOWN_TOPIC_OR_PARTITION: "create the topic, or start the pipeline " +
    "again, which does",
};

/** OpenSSL's and rustls' words for a certificate or protocol mismatch. */
const tlsTrouble =
  /certificate|CERT_|SELF_SIGNED|ERR_TLS|ERR_SSL|UnknownIssuer|InvalidContentType|alert|corrupt message|EPROTO/;

/** Whether an error says that a producer's epoch is over. */
export function isFenced(error: unknown): boolean {
  return fencing.has(rootOf(error).type ?? "");
}

/** Whether an error says that only a new producer can go on. */
export function isForgotten(error: unknown): boolean {
  return forgotten.has(rootOf(error).type ?? "");
}

/** The protocol's name of an error, where the broker gave one. */
export function protocolError(error: unknown): string | undefined {
  return rootOf(error).type;
}

/**
 * Turn what kafkajs throws into an error that says what to do; an error that
 * is none of kafkajs' is returned as it is.
 */
export function kafkaError(error: unknown, context: ErrorContext): unknown {
  if (!(error instanceof Error) || isOurs(error)) return error;
  const { action, brokers, connection } = context;
  const root = rootOf(error);
  const { broker, code, message, name, type } = root;
  const what = `Kafka "${connection}" cannot ${action}`;
  const cause = { cause: error };

  if (name === "KafkaJSSASLAuthenticationError") {
    return new UserError(
      `${what}: ${message}; check mechanism, username and password under ` +
        '"sasl" of the connection',
      cause,
    );
  }
  if (type !== undefined) {
    const remedy = remedies[type];
    const hint = hints[type] === undefined ? "" : `; ${hints[type]}`;
    return remedy === undefined
      ? new RetryableError(`${what}: ${message} (${type})${hint}`, cause)
      : new UserError(`${what}: ${message} (${type}); ${remedy}`, cause);
  }
  const at = broker ?? brokers.join(", ");
  if (tlsTrouble.test(`${code} ${message}`)) {
    return new UserError(
      `${what}: no TLS with ${at}: ${message}; check "tls" of the ` +
        "connection and the port: one with TLS and one without differ",
      cause,
    );
  }
  if (code === "ENOTFOUND" || /ENOTFOUND|EAI_AGAIN|lookup/.test(message)) {
    return new RetryableError(
      `${what}: the name of ${at} does not resolve; check "brokers" of the ` +
        "connection and the addresses that the brokers advertise",
      cause,
    );
  }
  if (/ClosedError/.test(name) || /secure TLS connection/.test(message)) {
    return new RetryableError(
      `${what}: ${at} closed the connection; if it always does, it is a ` +
        'port of another kind: see "tls" and "sasl" of the connection',
      cause,
    );
  }
  if (name.startsWith("KafkaJS") || name === "LockTimeout") {
    return new RetryableError(`${what}: ${message} (${at})`, cause);
  }
  return error;
}

/** The error behind "retries exceeded" and its like. */
function rootOf(error: unknown): KafkaJsError {
  const seen = new Set<unknown>();
  let current = error as KafkaJsError;
  while (current instanceof Error && !seen.has(current)) {
    seen.add(current);
    const inner = current.errors?.[0] ?? current.cause;
    if (!(inner instanceof Error)) break;
    current = inner;
  }
  return current;
}

function isOurs(error: Error): boolean {
  return ["UserError", "RetryableError", "RejectedError", "SpecError"]
    .includes(error.name);
}
