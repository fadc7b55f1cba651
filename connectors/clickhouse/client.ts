/**
 * A ClickHouse to talk to, with its errors in the runtime's classes.
 *
 * @module
 */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ClickHouseClient, DataFormat } from "@clickhouse/client";
import {
  type Connected,
  type QueryFormat,
  RetryableError,
  UserError,
} from "../../runtime/component.ts";

/** Codes that pass with time: load, memory, replicas, keeper. */
const passing = new Set([
  "159", // TIMEOUT_EXCEEDED
  "202", // TOO_MANY_SIMULTANEOUS_QUERIES
  "209", // SOCKET_TIMEOUT
  "210", // NETWORK_ERROR
  "241", // MEMORY_LIMIT_EXCEEDED
  "242", // TABLE_IS_READ_ONLY
  "252", // TOO_MANY_PARTS
  "285", // TOO_FEW_LIVE_REPLICAS
  "319", // UNKNOWN_STATUS_OF_INSERT
  "999", // KEEPER_EXCEPTION
]);

/** Node's names for a connection that is not there (any more). */
const unreachable =
  /ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|hang up|[Tt]imeout|closed/;

const formats: Readonly<Record<QueryFormat, string>> = {
  table: "PrettyCompactMonoBlock",
  json: "JSONEachRow",
  csv: "CSVWithNames",
};

/** An address with its client. */
export interface Opened extends AsyncDisposable {
  readonly client: ClickHouseClient;
  /** For messages: without user or password. */
  readonly place: string;
}

/** What one insert carries. */
export interface Insert {
  /** The table as SQL names it. */
  readonly table: string;
  readonly columns: readonly string[];
  /** Blocks in the Native format. */
  readonly rows: readonly Uint8Array[];
  /** The same for the same rows: the server drops a repetition. */
  readonly token: string;
  readonly signal: AbortSignal;
}

/** A connection to one ClickHouse; opened at its first use. */
export class Warehouse implements Connected {
  readonly name: string;
  readonly database: string;
  readonly #open: () => Promise<Opened>;
  #opened: Promise<Opened> | undefined;

  constructor(
    options: { name: string; database: string; open: () => Promise<Opened> },
  ) {
    this.name = options.name;
    this.database = options.database;
    this.#open = options.open;
  }

  health(): Promise<void> {
    return this.command("SELECT 1");
  }

  /** Run a statement for its effect. */
  async command(sql: string): Promise<void> {
    await this.#use(async ({ client }) => {
      await client.command({ query: sql });
    });
  }

  /** Run a query; rows as objects. */
  rows<T>(
    sql: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<T[]> {
    return this.#use(async ({ client }) => {
      const result = await client.query({
        query: sql,
        query_params: params,
        format: "JSONEachRow",
      });
      return await result.json<T>();
    });
  }

  /** Store rows; a repetition of a token changes nothing. */
  async insert(insert: Insert): Promise<void> {
    const { columns, rows, signal, table, token } = insert;
    const names = columns.map((name) => `\`${name.replaceAll("`", "\\`")}\``);
    await this.#use(async ({ client }) => {
      const { stream } = await client.exec({
        query: `INSERT INTO ${table} (${names.join(", ")}) FORMAT Native`,
        values: Readable.from(rows, { objectMode: false }),
        abort_signal: signal,
        clickhouse_settings: {
          insert_deduplication_token: token,
          // An acknowledged insert must be there: no asynchronous ones.
          async_insert: 0,
          // The views of a table must not count a repetition either.
          deduplicate_blocks_in_dependent_materialized_views: 1,
        },
      });
      stream.resume();
      await new Promise<void>((resolve, reject) => {
        stream.once("end", resolve).once("error", reject);
      });
    });
  }

  async query(
    sql: string,
    options: { format: QueryFormat; signal: AbortSignal },
  ): Promise<string> {
    return await this.#use(async ({ client }) => {
      const { stream } = await client.exec({
        query: sql.trim().replace(/;\s*$/, ""),
        abort_signal: options.signal,
        clickhouse_settings: {
          // The statement may say FORMAT itself.
          // The client's list of formats has only those that it can read.
          default_format: formats[options.format] as DataFormat,
          output_format_pretty_color: 0,
        },
      });
      return await text(stream);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await opened?.[Symbol.asyncDispose]();
  }

  async #use<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = await (this.#opened ??= this.#open()).catch((error) => {
      this.#opened = undefined;
      throw this.#typed(error);
    });
    try {
      return await work(opened);
    } catch (error) {
      throw this.#typed(error, ` at ${opened.place}`);
    }
  }

  #typed(error: unknown, place = ""): unknown {
    if (error instanceof UserError) return error;
    const { code, message = String(error) } = error as {
      code?: string;
      message?: string;
    };
    const what = `ClickHouse "${this.name}"${place}: ${message}`;
    if (code !== undefined && passing.has(code)) {
      return new RetryableError(what, { cause: error });
    }
    if (code === "516" || code === "497" || code === "194") {
      return new UserError(
        `${what}; check "username" and "password" of the connection`,
      );
    }
    if (code !== undefined && /^\d+$/.test(code)) return new UserError(what);
    if (unreachable.test(`${code} ${message}`)) {
      // An embedded server may have ended with the process that owned it.
      this.#opened = undefined;
      return new RetryableError(`Cannot reach ${what}`, { cause: error });
    }
    return error;
  }
}
