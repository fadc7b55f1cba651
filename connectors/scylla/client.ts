/**
 * A Scylla or Cassandra cluster to talk to, with its errors in the runtime's
 * classes.
 *
 * @module
 */
import type {
  ArrayOrObject,
  QueryOptions,
  types as driverTypes,
} from "cassandra-driver";
import type {
  Connected,
  LedgerOptions,
  LedgerStore,
  QueryFormat,
  StateOptions,
  StateStore,
} from "../../runtime/component.ts";
import type { Consistency } from "./consistency.ts";
import { type ErrorContext, scyllaError } from "./errors.ts";
import { openScyllaLedger } from "./ledger.ts";
import { resultText } from "./result.ts";
import type { Session } from "./session.ts";
import { openScyllaState } from "./state.ts";

/** A row by column name, as the driver decodes it. */
export type Answer = { readonly [column: string]: unknown };

/** What came back. */
export interface Result {
  /** Rows of the first page. */
  readonly rows: readonly Answer[];
  /** Whether a conditional statement was applied; true for any other. */
  readonly applied: boolean;
}

/** One prepared statement with its values. */
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/** How a statement is run. */
export interface ExecuteOptions {
  /** The connection's own when absent. */
  readonly consistency?: Consistency;
  /** It may be run twice: the driver then tries the next node by itself. */
  readonly idempotent?: boolean;
  /** False for statements that are run once, such as DDL. */
  readonly prepare?: boolean;
  /** Rows of a page. */
  readonly fetchSize?: number;
}

/** What a client is made of. */
export interface ClientOptions extends ErrorContext {
  readonly keyspace: string;
  open(): Promise<Session>;
}

/** A connection to one cluster; opened at its first use. */
export class ScyllaClient implements Connected {
  /** Name of the connection. */
  readonly name: string;
  readonly keyspace: string;
  readonly #options: ClientOptions;
  #session: Promise<Session> | undefined;

  constructor(options: ClientOptions) {
    this.name = options.connection;
    this.keyspace = options.keyspace;
    this.#options = options;
  }

  async health(): Promise<void> {
    await this.execute("SELECT key FROM system.local", [], {
      consistency: "one",
      idempotent: true,
    });
  }

  /** Run one statement; `?` stands for each value, in order. */
  execute(
    query: string,
    params: readonly unknown[] = [],
    options: ExecuteOptions = {},
  ): Promise<Result> {
    return this.use(async ({ client, level }) => {
      const result = await client.execute(
        query,
        params as ArrayOrObject,
        queryOptions(options, level),
      );
      return { rows: result.rows ?? [], applied: result.wasApplied() };
    });
  }

  /** Every row of a query, page by page. */
  async *rows(
    query: string,
    params: readonly unknown[] = [],
    options: ExecuteOptions = {},
  ): AsyncGenerator<Answer> {
    const result = await this.use(({ client, level }) =>
      client.execute(
        query,
        params as ArrayOrObject,
        queryOptions({ idempotent: true, ...options }, level),
      )
    );
    const pages = result[Symbol.asyncIterator]();
    while (true) {
      const next = await this.use(() => pages.next());
      if (next.done) return;
      yield next.value;
    }
  }

  /** Run several statements as one; unlogged unless they must be atomic. */
  batch(
    statements: readonly Statement[],
    options: ExecuteOptions & { readonly logged?: boolean } = {},
  ): Promise<Result> {
    const { logged = false } = options;
    return this.use(async ({ client, level }) => {
      const result = await client.batch(
        statements as { query: string; params: ArrayOrObject }[],
        { ...queryOptions(options, level), logged },
      );
      return { rows: result.rows ?? [], applied: result.wasApplied() };
    });
  }

  async query(
    sql: string,
    { format, signal }: { format: QueryFormat; signal: AbortSignal },
  ): Promise<string> {
    const statement = sql.trim().replace(/;\s*$/, "");
    const options = { prepare: false, idempotent: true };
    const result = await this.use(({ client, level }) =>
      client.execute(statement, [], queryOptions(options, level))
    );
    const rows: driverTypes.Row[] = [];
    const pages = result[Symbol.asyncIterator]();
    while (result.columns) {
      signal.throwIfAborted();
      const next = await this.use(() => pages.next());
      if (next.done) break;
      rows.push(next.value);
    }
    return await resultText({ columns: result.columns ?? [], rows }, format);
  }

  state(options: StateOptions): Promise<StateStore> {
    return openScyllaState(this, options);
  }

  ledger(options: LedgerOptions): Promise<LedgerStore> {
    return Promise.resolve(openScyllaLedger(this, options));
  }

  /** Do something with the driver itself; its errors become the runtime's. */
  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#opened());
    } catch (error) {
      throw scyllaError(error, this.#options);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.[Symbol.asyncDispose]();
  }

  #opened(): Promise<Session> {
    return this.#session ??= this.#options.open().catch((error) => {
      this.#session = undefined;
      throw error;
    });
  }
}

function queryOptions(
  { consistency, fetchSize, idempotent = false, prepare = true }:
    ExecuteOptions,
  level: Session["level"],
): QueryOptions {
  return {
    prepare,
    isIdempotent: idempotent,
    ...(consistency === undefined ? {} : { consistency: level(consistency) }),
    ...(fetchSize === undefined ? {} : { fetchSize }),
  };
}
