/**
 * Books of accounts in Scylla or Cassandra, for processes on several machines
 * that share keys.
 *
 * A book and its version are columns that the rows of an account share; each
 * process has a row with a time to live. A change is one lightweight
 * transaction on the version: whoever was overtaken reads again.
 *
 * @module
 */
import { hostname } from "node:os";
import type { ArrayOrObject } from "cassandra-driver";
import {
  type Book,
  type Clock,
  type Fact,
  type HourOfKey,
  type LedgerOptions,
  type LedgerPlace,
  type LedgerStore,
  RetryableError,
  type Seen,
} from "../../runtime/component.ts";
import type { Answer, ScyllaClient, Statement } from "./client.ts";
import {
  createTables,
  factsTable,
  hasTables,
  hoursTable,
  ledgerTable,
  ledgerTables,
} from "./state_tables.ts";

/** A renewal must fail while the lease lasts, to be tried again, ms. */
const timeout = 4_000;

/** CQL's number of the consistency of lightweight transactions. */
const serial = 0x0008;

/** Others may be faster so often before the store is taken for busy. */
const mostRaces = 12;

/** Longest pause before a lost race is run again, ms. */
const racePause = 20;

/** Open the books; the first that there is to keep creates what is missing. */
export function openScyllaLedger(
  client: ScyllaClient,
  { clock }: Pick<LedgerOptions, "clock">,
): LedgerStore {
  return new ScyllaLedger(client, clock);
}

/** A book and what it takes to replace it. */
interface Versioned {
  readonly seen: Seen;
  readonly version: bigint | undefined;
}

class ScyllaLedger implements LedgerStore {
  readonly #client: ScyllaClient;
  readonly #clock: Clock;
  /** Settled when the tables are there; undefined while nobody makes them. */
  #made: Promise<void> | undefined;
  /** Tables that were found. */
  readonly #found = new Set<string>();

  constructor(client: ScyllaClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async change(
    place: LedgerPlace,
    change: (seen: Seen) => Book,
  ): Promise<void> {
    await this.#make();
    for (let race = 0; race < mostRaces; race++) {
      // A read of the usual kind costs half of one in the order of all
      // changes. The version tells if it was of the past: then nothing less
      // will do, because a data centre may be behind another.
      const { seen, version } = await this.#read(
        place.account,
        race === 0 ? undefined : serial,
      );
      if (await this.#replace(place, change(seen), version)) return;
      await this.#clock.sleep(Math.random() * racePause);
    }
    throw new RetryableError("The budgets are contended by many processes");
  }

  async look(account: string): Promise<Seen> {
    if (await this.#has(ledgerTable)) {
      return (await this.#read(account, serial)).seen;
    }
    const now = this.#clock.now();
    return { book: undefined, live: new Set(), time: now, wall: now };
  }

  async count(hours: readonly HourOfKey[]): Promise<void> {
    await this.#make();
    const statements = hours.map((hour): Statement => ({
      query: `INSERT INTO ${hoursTable} ` +
        "(account, hour, key, process, calls, credits) " +
        "VALUES (?, ?, ?, ?, ?, ?)",
      params: [
        hour.account,
        new Date(hour.hour),
        hour.key,
        hour.process,
        BigInt(Math.round(hour.calls)),
        BigInt(Math.round(hour.credits)),
      ],
    }));
    await Promise.all(
      statements.map(({ params, query }) =>
        this.#client.execute(query, params, { idempotent: true })
      ),
    );
  }

  async counted(
    account: string,
    since: number,
  ): Promise<readonly HourOfKey[]> {
    if (!await this.#has(hoursTable)) return [];
    const rows = await this.#select(
      "SELECT hour, key, process, calls, credits " +
        `FROM ${hoursTable} WHERE account = ? AND hour >= ?`,
      [account, new Date(since)],
    );
    return rows.map((row) => ({
      account,
      hour: (row["hour"] as Date).getTime(),
      key: String(row["key"]),
      process: String(row["process"]),
      calls: Number(row["calls"]),
      credits: Number(row["credits"]),
    }));
  }

  async learn(facts: readonly Fact[]): Promise<void> {
    await this.#make();
    const now = this.#clock.now();
    await Promise.all(facts.map(({ endpoint, name, until, value }) => {
      const seconds = Math.ceil((until - now) / 1000);
      const { params, query }: Statement = seconds > 0
        ? {
          query: `INSERT INTO ${factsTable} (endpoint, name, value, until) ` +
            "VALUES (?, ?, ?, ?) USING TTL ?",
          params: [endpoint, name, value, new Date(until), seconds],
        }
        : {
          query: `DELETE FROM ${factsTable} WHERE endpoint = ? AND name = ?`,
          params: [endpoint, name],
        };
      return this.#client.execute(query, params, { idempotent: true });
    }));
  }

  async learned(endpoint: string): Promise<readonly Fact[]> {
    if (!await this.#has(factsTable)) return [];
    const rows = await this.#select(
      `SELECT name, value, until FROM ${factsTable} WHERE endpoint = ?`,
      [endpoint],
    );
    const now = this.#clock.now();
    return rows.map((row) => ({
      endpoint,
      name: String(row["name"]),
      value: Number(row["value"]),
      until: (row["until"] as Date).getTime(),
    })).filter(({ until }) => until > now);
  }

  // The client belongs to whoever has opened it.
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Whether there is a table: another process may make it at any time. */
  async #has(table: string): Promise<boolean> {
    if (this.#found.has(table)) return true;
    const statement = ledgerTables[table] ?? "";
    const isThere = await hasTables(this.#client, { [table]: statement });
    if (isThere) this.#found.add(table);
    return isThere;
  }

  #make(): Promise<void> {
    return this.#made ??= createTables(this.#client, ledgerTables)
      .catch((error) => {
        this.#made = undefined;
        throw error;
      });
  }

  async #read(
    account: string,
    consistency: number | undefined,
  ): Promise<Versioned> {
    const rows = await this.#select(
      "SELECT process, book, version, toUnixTimestamp(now()) AS time " +
        `FROM ${ledgerTable} WHERE account = ?`,
      [account],
      consistency,
    );
    const [row] = rows;
    const time = row ? Number(row["time"]) : await this.#time();
    const book = row?.["book"];
    const version = row?.["version"];
    return {
      version: typeof version === "bigint" ? version : undefined,
      seen: {
        book: typeof book === "string" ? JSON.parse(book) as Book : undefined,
        live: new Set(
          rows.flatMap(({ process }) =>
            typeof process === "string" ? [process] : []
          ),
        ),
        // The server's clock: those of the processes need not agree.
        time,
        wall: time,
      },
    };
  }

  async #time(): Promise<number> {
    const [row] = await this.#select(
      "SELECT toUnixTimestamp(now()) AS time FROM system.local",
      [],
    );
    return Number(row?.["time"]);
  }

  #replace(
    { account, id, lasts }: LedgerPlace,
    book: Book,
    version: bigint | undefined,
  ): Promise<boolean> {
    const next = (version ?? 0n) + 1n;
    const statements: readonly Statement[] = [{
      query: `UPDATE ${ledgerTable} SET book = ?, version = ? ` +
        "WHERE account = ? " +
        `IF version = ${version === undefined ? "null" : "?"}`,
      params: [
        JSON.stringify(book),
        next,
        account,
        ...version === undefined ? [] : [version],
      ],
    }, {
      // A time to live counts whole seconds, and may end up to one early.
      query: `UPDATE ${ledgerTable} USING TTL ? SET host = ? ` +
        "WHERE account = ? AND process = ?",
      params: [Math.ceil(lasts / 1000) + 1, hostname(), account, id],
    }];
    return this.#client.use(async ({ client, level }) => {
      const result = await client.batch(
        statements as { query: string; params: ArrayOrObject }[],
        {
          prepare: true,
          consistency: level("local_quorum"),
          serialConsistency: serial,
          readTimeout: timeout,
        },
      );
      return result.wasApplied();
    });
  }

  #select(
    query: string,
    params: readonly unknown[],
    consistency?: number,
  ): Promise<readonly Answer[]> {
    return this.#client.use(async ({ client, level }) => {
      const result = await client.execute(query, params as ArrayOrObject, {
        prepare: true,
        isIdempotent: true,
        consistency: consistency ?? level("local_quorum"),
        readTimeout: timeout,
      });
      const rows: Answer[] = [];
      for await (const row of result) rows.push(row);
      return rows;
    });
  }
}
