/**
 * What a request asks for: statement, data, settings, formats.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { pipeline, type Transform } from "node:stream";
import {
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
} from "node:zlib";
import { type Bytes, concat, inPieces, take } from "./bytes.ts";
import type { Scope } from "./engine.ts";
import { Refusal } from "./exception.ts";

/** A request as the engine needs it. */
export interface Job extends Scope {
  /**
   * The statement, or at least its beginning: of a text that came in the body
   * this is as much as an INSERT needs to name its format.
   */
  sql: Bytes;
  /** What follows in the body, uncompressed. */
  rest: AsyncIterable<Bytes>;
  queryId: string;
  /** Output format of a statement that names none. */
  defaultFormat: string;
  /** Whether the whole result must exist before any of it is sent. */
  whole: boolean;
  /** Whether the answer is to be compressed. */
  gzip: boolean;
}

/** More than the columns and settings of any INSERT take. */
const HEAD_BYTES = 65_536;

/**
 * The longest statement. A text is held in memory three times while it is
 * parsed; data belongs after an INSERT, where it is streamed.
 */
const STATEMENT_BYTES = 16 * 1024 ** 2;

/** URL parameters that are neither settings nor query parameters. */
const RESERVED = new Set([
  "query",
  "query_id",
  "database",
  "default_format",
  "user",
  "password",
  "quota_key",
  "stacktrace",
  "buffer_size",
  "wait_end_of_query",
  "client_protocol_version",
]);

/** URL parameters that this server would have to ignore. */
const REFUSED = new Set([
  "session_id",
  "session_timeout",
  "session_check",
  "close_session",
  "role",
  "compress",
  "decompress",
]);

/** What the client may compress a body with. */
const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", createGunzip],
  ["br", createBrotliDecompress],
  ["zstd", createZstdDecompress],
]);

/**
 * Read a request up to its data.
 *
 * @throws {Refusal} when it asks for something this server does not have
 */
export async function readJob(request: IncomingMessage): Promise<Job> {
  const parameters = urlOf(request).searchParams;
  const { headers } = request;
  checkParameters(parameters);
  let body = inPieces(decoded(request));
  const type = headers["content-type"];
  if (type?.startsWith("multipart/")) {
    // The client's way to send query parameters that are long.
    const text = await take(body, STATEMENT_BYTES);
    const form = new Response(text, { headers: { "content-type": type } });
    for (const [name, value] of await form.formData()) {
      if (typeof value === "string") parameters.set(name, value);
    }
    checkParameters(parameters);
    body = inPieces([]);
  }
  const query = parameters.get("query");
  return {
    sql: query === null
      ? await take(body, HEAD_BYTES)
      : utf8.encode(`${query}\n`),
    rest: body,
    database: parameters.get("database") ?? undefined,
    settings: readSettings(parameters),
    queryId: parameters.get("query_id") ?? crypto.randomUUID(),
    defaultFormat: parameters.get("default_format") ?? "TabSeparated",
    whole: parameters.get("wait_end_of_query") === "1",
    gzip: parameters.get("enable_http_compression") === "1" &&
      /\bgzip\b/.test(String(headers["accept-encoding"])),
  };
}

/** The address that a request asked for. */
export function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? "/", "http://127.0.0.1");
}

/**
 * The whole text of a statement that carries no data.
 *
 * @throws {Refusal} when it is too long
 */
export async function readText({ sql, rest }: Job): Promise<Bytes> {
  const more = await take(rest, STATEMENT_BYTES + 1);
  if (more.length > STATEMENT_BYTES) {
    throw new Refusal(
      "SYNTAX_ERROR",
      `Statement is longer than ${STATEMENT_BYTES} bytes; send the data of ` +
        "an INSERT in the body, after FORMAT",
    );
  }
  return concat([sql, more]);
}

const utf8 = new TextEncoder();

function checkParameters(parameters: URLSearchParams): void {
  for (const name of parameters.keys()) {
    if (REFUSED.has(name)) {
      throw new Refusal(
        "NOT_IMPLEMENTED",
        `Parameter "${name}" is not available in embedded ClickHouse`,
      );
    }
  }
}

function readSettings(parameters: URLSearchParams): Map<string, string> {
  return new Map([...parameters].filter(([name]) => !RESERVED.has(name)));
}

function decoded(request: IncomingMessage): AsyncIterable<Bytes> {
  const encoding = request.headers["content-encoding"];
  if (encoding === undefined || encoding === "identity") return request;
  const decoder = DECODERS.get(encoding)?.();
  if (!decoder) {
    throw new Refusal(
      "NOT_IMPLEMENTED",
      `Content-Encoding "${encoding}" is not available; use gzip`,
    );
  }
  // An error reaches the decoder too, and with it whoever reads it.
  return pipeline(request, decoder, () => {});
}
