/**
 * A ClickHouse to talk to, with its errors in the runtime's classes.
 *
 * @module
 */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ClickHouseClient, DataFormat } from "@clickhouse/client";
import type { Connected, QueryFormat } from "../../runtime/component.ts";
import { isUnreachable, typedError } from "./errors.ts";

const formats: Readonly<Record<QueryFormat, string>> = {
  table: "PrettyCompactMonoBlock",
  json: "JSONEachRow",
  csv: "CSVWithNames",
};

/** What every insert asks for, whatever the profile of the user says. */
const insertSettings = {
  // An acknowledged insert must be stored: no asynchronous ones. Waiting is
  // for servers that hold on to them.
  async_insert: 0,
  wait_for_async_insert: 1,
  // The same on a cluster: the shards have it, not a queue in a folder.
  distributed_foreground_insert: 1,
  // The table merges a repetition; the views behind it must not count it.
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // One thread cuts the same rows into the same blocks, which the token needs.
  max_insert_threads: "1",
  // A batch of a sparse port may span years, a partition each month.
  max_partitions_per_insert_block: "0",
} as const;

/** An address with its client. */
export interface Opened extends AsyncDisposable {
  readonly client: ClickHouseClient;
  /** For messages: without user or password. */
  readonly place: string;
}

/** What one insert carries. */
export interface Insert {
  /** Name of the sink, for messages. */
  readonly sink: string;
  /** The table as SQL names it. */
  readonly table: string;
  readonly columns: readonly string[];
  /** Blocks in the Native format. */
  readonly blocks: readonly Uint8Array[];
  /** The same for the same rows: views behind the table drop a repetition. */
  readonly token: string;
  readonly signal: AbortSignal;
}

/** What a connection is made of. */
export interface WarehouseOptions {
  readonly name: string;
  readonly database: string;
  readonly cluster?: string | undefined;
  open(): Promise<Opened>;
}

/** A connection to one ClickHouse; opened at its first use. */
export class Warehouse implements Connected {
  readonly name: string;
  readonly database: string;
  /** The cluster that its tables are on, if they are on one. */
  readonly cluster: string | undefined;
  readonly #open: () => Promise<Opened>;
  #opened: Promise<Opened> | undefined;

  constructor({ cluster, database, name, open }: WarehouseOptions) {
    this.name = name;
    this.database = database;
    this.cluster = cluster;
    this.#open = open;
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

  /** Store rows; a repetition changes nothing. */
  async insert(insert: Insert): Promise<void> {
    const { blocks, columns, signal, sink, table, token } = insert;
    const names = columns.map((name) => `\`${name.replaceAll("`", "\\`")}\``);
    await this.#use(async ({ client }) => {
      const { stream } = await client.exec({
        query: `INSERT INTO ${table} (${names.join(", ")}) FORMAT Native`,
        values: Readable.from(blocks, { objectMode: false }),
        abort_signal: signal,
        clickhouse_settings: {
          ...insertSettings,
          insert_deduplication_token: token,
        },
      });
      stream.resume();
      await new Promise<void>((resolve, reject) => {
        stream.once("end", resolve).once("error", reject);
      });
    }, `Sink "${sink}" cannot write to`);
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

  async #use<T>(
    work: (opened: Opened) => Promise<T>,
    action = "Cannot use",
  ): Promise<T> {
    const what = `${action} ClickHouse "${this.name}"`;
    const opened = await (this.#opened ??= this.#open()).catch((error) => {
      this.#opened = undefined;
      throw typedError(error, what);
    });
    try {
      return await work(opened);
    } catch (error) {
      // An embedded server may have ended with the process that owned it.
      if (isUnreachable(error)) this.#opened = undefined;
      throw typedError(error, `${what} at ${opened.place}`);
    }
  }
}
