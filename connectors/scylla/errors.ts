/**
 * Errors of the driver as errors that steer the runtime.
 *
 * @module
 */
import {
  RejectedError,
  RetryableError,
  UserError,
} from "../../runtime/component.ts";

/** What an error message needs to know. */
export interface ErrorContext {
  /** Name of the connection. */
  readonly connection: string;
  /** Where the servers are: without user or password. */
  readonly hosts: string;
  /** The user, when there is one. */
  readonly username: string | undefined;
}

/** What the driver's errors carry, each kind something else. */
interface DriverError extends Error {
  /** The protocol's code of an answer, or Node's of a socket's error. */
  readonly code?: number | string;
  /** By host: an error, text, or null for a host that was given up. */
  readonly innerErrors?: Readonly<Record<string, unknown>> | null;
}

/** Codes of the CQL protocol that only the user can mend, with a remedy. */
const remedies: Readonly<Record<number, string>> = {
  0x0100: 'check "username" and "password" of the connection',
  0x1400: "correct the function",
  0x2000: "correct the statement",
  0x2100: "grant the user the right, or use another one",
  0x2200: "correct the table or the statement",
  0x2300: "correct the settings of the keyspace or table",
  0x2400: "use another name, or what there is",
};

/** More replicas are away than the consistency can do without. */
const unavailable = 0x1000;

/** The driver's classes for what passes: load, restarts, broken sockets. */
const passing = new Set([
  "OperationTimedOutError",
  "BusyConnectionError",
  "DriverError",
]);

/** OpenSSL's and rustls' words for a certificate or protocol mismatch. */
const tlsTrouble =
  /certificate|CERT_|SELF_SIGNED|ERR_TLS|ERR_SSL|UnknownIssuer|InvalidContentType|corrupt message|EPROTO/;

/** Node's and the driver's words for a connection that is not there. */
const unreachable = new RegExp(
  "ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|" +
    "EHOSTUNREACH|ENETUNREACH|closed|timeout|destroyed|already cancelled|" +
    "No connection available",
  "i",
);

/**
 * The protocol's code of an answer that says no, of the first host that gave
 * one; else undefined.
 */
export function responseCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { innerErrors } = error as DriverError;
  return [error, ...Object.values(innerErrors ?? {})].map(ownCode)
    .find((code) => code !== undefined);
}

function ownCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || error.name !== "ResponseError") return;
  const { code } = error as DriverError;
  return typeof code === "number" ? code : undefined;
}

/**
 * Turn what the driver throws into an error that says what to do; an error
 * that is none of the driver's is returned as it is.
 */
export function scyllaError(error: unknown, context: ErrorContext): unknown {
  if (!(error instanceof Error) || isOurs(error)) return error;
  const { connection, hosts } = context;
  const { message, name } = error as DriverError;
  const what = `Scylla "${connection}" at ${hosts}: ${message}`;
  const cause = { cause: error };
  const code = ownCode(error);
  if (code !== undefined) return answered(code, what, cause);
  if (name === "AuthenticationError") return refused(error, context);
  if (name === "NoHostAvailableError") return noHost(error, context);
  if (tlsTrouble.test(`${(error as DriverError).code} ${message}`)) {
    return new UserError(
      `${what}; check "tls" of the connection and the port: one with TLS ` +
        "and one without differ",
      cause,
    );
  }
  if (passing.has(name) || unreachable.test(message)) {
    return new RetryableError(what, cause);
  }
  return error;
}

/**
 * A session has made sure of its keyspace. While other processes create tables
 * Cassandra loses sight of it for an instant; a dropped one comes back.
 */
const keyspaceGone = /Keyspace '?\w+'? does not exist/;

function answered(code: number, what: string, cause: ErrorOptions): Error {
  const remedy = remedies[code];
  return remedy === undefined || keyspaceGone.test(what)
    ? new RetryableError(`${what}${hintOf(code)}`, cause)
    : new UserError(`${what}; ${remedy}`, cause);
}

function hintOf(code: number | undefined): string {
  return code === unavailable
    ? "; too few replicas are up for this consistency and the keyspace's " +
      "replication"
    : "";
}

function refused(error: Error, context: ErrorContext): UserError {
  const { connection, hosts, username } = context;
  const cause = { cause: error };
  if (username === undefined) {
    return new UserError(
      `Scylla "${connection}" at ${hosts} wants a user: write "username" ` +
        'and "password" in the connection',
      cause,
    );
  }
  return new UserError(
    `Scylla "${connection}" at ${hosts} refuses user "${username}": check ` +
      '"username" and "password" of the connection',
    cause,
  );
}

/** No host took the request: what each of them said decides. */
function noHost(error: DriverError, context: ErrorContext): unknown {
  const { connection, hosts } = context;
  const cause = { cause: error };
  if (/resolved/.test(error.message)) {
    return new RetryableError(
      `Cannot resolve any host of Scylla "${connection}": ${hosts}; check ` +
        '"hosts" of the connection',
      cause,
    );
  }
  const said = Object.entries(error.innerErrors ?? {});
  for (const [, inner] of said) {
    const typed = scyllaError(inner, context);
    if (typed instanceof UserError) return typed;
  }
  const reasons = said
    .map(([host, inner]) => `${host}: ${reasonOf(inner)}`)
    .join("; ");
  const answers = said.some(([, inner]) => ownCode(inner) !== undefined);
  return new RetryableError(
    `${answers ? "" : "Cannot reach "}Scylla "${connection}" at ` +
      (reasons || hosts),
    cause,
  );
}

function reasonOf(inner: unknown): string {
  if (inner instanceof Error) {
    return `${inner.message}${hintOf(ownCode(inner))}`;
  }
  return typeof inner === "string" ? inner : "no answer";
}

function isOurs(error: Error): boolean {
  return error instanceof UserError || error instanceof RetryableError ||
    error instanceof RejectedError;
}
