/**
 * ClickHouse's errors in the runtime's classes, each with what to do.
 *
 * @module
 */
import { RetryableError, UserError } from "../../runtime/component.ts";

/** Codes that pass, by themselves or when somebody acts on the server. */
const passing: Readonly<Record<string, string>> = {
  "159": "the server is slow", // TIMEOUT_EXCEEDED
  "202": "the server is busy", // TOO_MANY_SIMULTANEOUS_QUERIES
  "209": "the server is slow", // SOCKET_TIMEOUT
  "210": "a server behind it is out of reach", // NETWORK_ERROR
  "225": "its Keeper is out of reach", // NO_ZOOKEEPER
  "241": "raise its memory limits, or write less at once: " + // MEMORY_LIMIT
    "`batch: { bytes: 8MiB }` in the sink",
  "242": "the replica is read-only until its Keeper is back", // TABLE_IS_READ_ONLY
  "243": "free disk space on the server", // NOT_ENOUGH_SPACE
  "252": "merges are behind: write more at once, with a larger " + // TOO_MANY_PARTS
    "`batch` in the sink",
  "279": "no shard or replica answers", // ALL_CONNECTION_TRIES_FAILED
  "285": "too few replicas are alive", // TOO_FEW_LIVE_REPLICAS
  "319": "whether it was stored is not known", // UNKNOWN_STATUS_OF_INSERT
  "999": "its Keeper has trouble", // KEEPER_EXCEPTION
};

const credentials = 'check "username" and "password" of the connection';
const rights = "grant its user what the message names, or use another user";

/** Codes that stay until the user does something. */
const lasting: Readonly<Record<string, string>> = {
  "60": "somebody dropped it: start again to have it created, and `reset` " + // UNKNOWN_TABLE
    "the sink to have its rows again",
  "81": "create the database, or let the user create it", // UNKNOWN_DATABASE
  "139": "define the macros shard and replica on each server", // NO_ELEMENTS_IN_CONFIG
  "164": rights, // READONLY
  "170": 'check "cluster" of the connection; system.clusters has the names', // BAD_GET
  "192": credentials, // UNKNOWN_USER
  "194": credentials, // REQUIRED_PASSWORD
  "392": rights, // QUERY_IS_PROHIBITED
  "497": rights, // ACCESS_DENIED
  "516": credentials, // AUTHENTICATION_FAILED
  "701": 'check "cluster" of the connection; system.clusters has the names', // CLUSTER_DOESNT_EXIST
};

/** What a full disk says, whichever part of the engine has noticed. */
const fullDisk = /No space left on device|not enough space|Cannot reserve/i;

/** Node's names for a connection that is not there (any more). */
const unreachable =
  /ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|hang up|[Tt]imeout|closed/;

/** Whether nobody has answered: the address may be another one by now. */
export function isUnreachable(error: unknown): boolean {
  const { code, message } = partsOf(error);
  return !isServerCode(code) && unreachable.test(`${code} ${message}`);
}

/** The code that ClickHouse gave, if it was ClickHouse. */
export function codeOf(error: unknown): string | undefined {
  const { code } = partsOf(error);
  return isServerCode(code) ? code : undefined;
}

/**
 * An error as the runtime wants it; one that is not known stays as it is.
 *
 * @param what the action and the other side: `Cannot write to ClickHouse "a"`.
 */
export function typedError(error: unknown, what: string): unknown {
  if (error instanceof UserError || error instanceof RetryableError) {
    return error;
  }
  const { code, message } = partsOf(error);
  const said = message.trim().replace(/\.$/, "");
  const options = { cause: error };
  if (isServerCode(code)) {
    // Any code may stand before it; the engine embedded here has 1001.
    if (fullDisk.test(message)) {
      return new RetryableError(
        `${what}: ${said}; ${passing["243"]}`,
        options,
      );
    }
    const hint = passing[code];
    if (hint) return new RetryableError(`${what}: ${said}; ${hint}`, options);
    const remedy = lasting[code];
    return new UserError(
      `${what}: ${said}${remedy ? `; ${remedy}` : ""}`,
      options,
    );
  }
  if (isUnreachable(error)) {
    return new RetryableError(
      `${what}: ${said}; start the server, or check the address`,
      options,
    );
  }
  return error;
}

function isServerCode(code: string): boolean {
  return /^\d+$/.test(code);
}

function partsOf(error: unknown): { code: string; message: string } {
  const { code = "", message = String(error) } = error as {
    code?: string;
    message?: string;
  };
  // A connection refused on every address of a name has a code and no text.
  return { code: String(code), message: message || String(code) };
}
