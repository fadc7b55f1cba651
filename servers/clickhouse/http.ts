/**
 * ClickHouse's HTTP interface as far as its clients use it: one statement a
 * request, data in the body, compression both ways, typed errors.
 *
 * Sessions across requests, roles and the compression of `compress=1` are
 * refused; progress headers are not sent.
 *
 * @module
 */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Bytes, drain, inChunks } from "./bytes.ts";
import type { Engine } from "./engine.ts";
import { describe, exceptionBlock, Refusal } from "./exception.ts";
import { notStreamable, type Result } from "./libchdb.ts";
import { type Job, readJob, readText, urlOf } from "./request.ts";
import { parseStatement, trimStatement } from "./statement.ts";

/** Who may use the server. */
export interface Credentials {
  username: string;
  password: string;
}

/** The engine queues 16 chunks of an insert, which bounds it to 16 MiB. */
const CHUNK_BYTES = 1024 ** 2;

/**
 * Output formats that may be cut anywhere between rows. The engine formats
 * each block of a streamed result by itself, so that any other format would
 * come out as several documents; those are collected in the engine instead.
 */
const STREAMABLE = new Set([
  "JSONEachRow",
  "JSONStringsEachRow",
  "JSONCompactEachRow",
  "JSONCompactStringsEachRow",
  "TabSeparated",
  "TSV",
  "TabSeparatedRaw",
  "TSVRaw",
  "CSV",
  "RowBinary",
  "Native",
]);

/**
 * The interface of one engine on a free port of the loopback address.
 *
 * Not `Deno.serve`: a body in row-sized chunks, as clients send a stream of
 * objects, costs it 25 s of CPU for 35 MB where `node:http` takes 0.3 s.
 */
export class HttpServer {
  readonly #engine: Engine;
  readonly #credentials: Credentials;
  readonly #server = createServer((request, response) => {
    const done = this.#serve(request, response);
    this.#underWay.add(done);
    done.finally(() => this.#underWay.delete(done));
  });
  readonly #underWay = new Set<Promise<void>>();
  #closing = false;

  constructor(engine: Engine, credentials: Credentials) {
    this.#engine = engine;
    this.#credentials = credentials;
    // The client decides how long a stream of rows may take.
    this.#server.requestTimeout = 0;
  }

  /** Start to answer on a port, 0 for a free one, and return the address. */
  async listen(port: number): Promise<string> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") {
      throw new Error("The server has no port");
    }
    return `http://127.0.0.1:${address.port}`;
  }

  /** Finish the requests under way, and take no others. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#server.close();
    await Promise.all(this.#underWay);
    // Clients keep theirs open for the next request.
    this.#server.closeAllConnections();
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      if (this.#closing) throw new Refusal("ABORTED", "Server is stopping");
      if (urlOf(request).pathname === "/ping") {
        return await pipeline(["Ok.\n"], response);
      }
      authenticate(request, this.#credentials);
      const job = await readJob(request);
      try {
        await answer(this.#engine, { job, response });
      } catch (error) {
        await drain(job.rest);
        throw error;
      }
    } catch (error) {
      await refuse(error, { request, response });
    }
  }
}

async function answer(
  engine: Engine,
  { job, response }: { job: Job; response: ServerResponse },
): Promise<void> {
  let sql = job.sql;
  let statement = parseStatement(sql);
  if (statement.kind !== "insert") {
    sql = trimStatement(await readText(job));
    statement = parseStatement(sql);
  }
  using connection = await engine.open(job);
  if (statement.kind === "insert") {
    const { head, format } = statement;
    const data = inChunks(job.rest, {
      first: statement.data,
      size: CHUNK_BYTES,
    });
    const result = await connection.insert(head, { format, data });
    return await send(response, { job, result });
  }
  const format = statement.format ?? job.defaultFormat;
  if (statement.kind === "select" && STREAMABLE.has(format) && !job.whole) {
    const blocks = connection.stream(sql, format);
    try {
      // Until the first rows are there, an error is an answer of its own.
      const first = await blocks.next();
      const tag = crypto.randomUUID().slice(0, 16);
      const body = follow(blocks, { first, tag });
      return await send(response, { job, format, body, tag });
    } catch (error) {
      if (!notStreamable(error)) throw error;
    } finally {
      // The connection must be idle before it is closed.
      await blocks.return(undefined);
    }
  }
  const result = await connection.run(sql, format);
  await send(response, { job, format, result });
}

/** The rows of a streamed result; an error becomes their end. */
async function* follow(
  blocks: AsyncIterator<Bytes>,
  { first, tag }: { first: IteratorResult<Bytes>; tag: string },
): AsyncGenerator<Bytes> {
  try {
    for (let next = first; !next.done; next = await blocks.next()) {
      yield next.value;
    }
  } catch (error) {
    yield exceptionBlock(tag, error);
  }
}

/** Send an answer and wait until the client has it, or is gone. */
async function send(
  response: ServerResponse,
  { job, format, result, body, tag }: {
    job: Job;
    format?: string;
    result?: Result;
    body?: AsyncIterable<Bytes>;
    tag?: string;
  },
): Promise<void> {
  response.setHeader("x-clickhouse-query-id", job.queryId);
  response.setHeader("x-clickhouse-timezone", "UTC");
  response.setHeader(
    "content-type",
    format?.startsWith("JSON")
      ? "application/json; charset=UTF-8"
      : "text/plain; charset=UTF-8",
  );
  if (format) response.setHeader("x-clickhouse-format", format);
  if (result) response.setHeader("x-clickhouse-summary", summary(result));
  if (tag) response.setHeader("x-clickhouse-exception-tag", tag);
  const bytes = result?.bytes ?? new Uint8Array();
  if (!job.gzip) {
    if (!body) response.setHeader("content-length", bytes.length);
    return await pipeline(body ?? [bytes], response);
  }
  response.setHeader("content-encoding", "gzip");
  await pipeline(body ?? [bytes], createGzip(), response);
}

/** Numbers as text, as ClickHouse sends them. */
function summary(result: Result): string {
  return JSON.stringify({
    read_rows: String(result.rowsRead),
    read_bytes: String(result.bytesRead),
    written_rows: String(result.rowsWritten),
    written_bytes: String(result.bytesWritten),
    total_rows_to_read: "0",
    result_rows: String(result.rowsWritten || result.rowsRead),
    result_bytes: String(result.bytes.length),
    elapsed_ns: String(Math.round(result.elapsed * 1e9)),
  });
}

async function refuse(
  error: unknown,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  // The client has gone, or is gone by now: nobody is there to be told.
  if ((request.destroyed && !request.complete) || response.headersSent) {
    response.destroy();
    return;
  }
  await drain(request);
  const { message, code, status } = describe(error);
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=UTF-8");
  response.setHeader("x-clickhouse-exception-code", String(code));
  if (status === 401) {
    response.setHeader("www-authenticate", 'Basic realm="ClickHouse"');
  }
  await pipeline([`${message}\n`], response).catch(() => {
    // Gone meanwhile.
  });
}

/** @throws {Refusal} unless the request carries the password */
function authenticate(
  { headers }: IncomingMessage,
  credentials: Credentials,
): void {
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const user = headers["x-clickhouse-user"] ?? "default";
  const key = headers["x-clickhouse-key"] ?? "";
  const given = basic ?? btoa(`${user}:${key}`);
  const wanted = btoa(`${credentials.username}:${credentials.password}`);
  if (!sameText(given, wanted)) {
    const name = basic === undefined ? user : userOf(basic);
    throw new Refusal(
      "AUTHENTICATION_FAILED",
      `${name}: Authentication failed: password is incorrect, or there is no ` +
        "user with such name; those of embedded ClickHouse are in " +
        "server.json in its folder",
    );
  }
}

/** The name in what a client sends as its credentials. */
function userOf(basic: string): string {
  try {
    return atob(basic).split(":")[0] ?? "";
  } catch {
    return "";
  }
}

/** Takes the same time wherever two texts differ. */
function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) {
    difference |= a.charCodeAt(i) ^ b.charCodeAt(i % b.length);
  }
  return difference === 0;
}
