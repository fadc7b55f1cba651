/**
 * Books of accounts on one machine: SQLite at `.sluice/usage.db`, for all
 * processes of a working directory.
 *
 * @module
 */
import { existsSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { RetryableError } from "../errors.ts";
import type { Book, Seen } from "./book.ts";
import type { Clock } from "../run/clock.ts";
import {
  type Fact,
  type HourOfKey,
  keptDays,
  type LedgerStore,
  type Place,
} from "./ledger_store.ts";
import { isRunning, startOf } from "../run/process_start.ts";

/** Where the budgets are that the processes of a directory share. */
export const usageFile = ".sluice/usage.db";

/**
 * Others hold the file for less than a millisecond, ms. Nothing else happens
 * in this process while it waits.
 */
const patience = 50;

const dayMs = 86_400_000;

const tables = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS clock (
  one INTEGER PRIMARY KEY CHECK (one = 1), time REAL NOT NULL);
CREATE TABLE IF NOT EXISTS books (
  account TEXT PRIMARY KEY, book TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS places (
  account TEXT NOT NULL, id TEXT NOT NULL, host TEXT NOT NULL,
  pid INTEGER NOT NULL, started TEXT NOT NULL, lingers REAL NOT NULL,
  until REAL NOT NULL,
  PRIMARY KEY (account, id));
CREATE TABLE IF NOT EXISTS hours (
  account TEXT NOT NULL, hour INTEGER NOT NULL, key TEXT NOT NULL,
  process TEXT NOT NULL, calls INTEGER NOT NULL, credits INTEGER NOT NULL,
  PRIMARY KEY (account, hour, key, process));
CREATE TABLE IF NOT EXISTS facts (
  endpoint TEXT NOT NULL, name TEXT NOT NULL, value REAL NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (endpoint, name));
`;

/** Options of {@linkcode openSqliteLedger}. */
export interface SqliteLedgerOptions {
  readonly clock: Clock;
  /** Milliseconds that only grow, the same for all processes. */
  readonly elapsed?: () => number;
  /** Only look: the file is there, and nothing is changed. */
  readonly readOnly?: boolean;
}

/** Open the file; the first that there is to keep creates it. */
export function openSqliteLedger(
  path: string,
  options: SqliteLedgerOptions,
): LedgerStore {
  return new SqliteLedger(path, options);
}

/** A place as the file has it. */
interface Stored extends Omit<Place, "lasts"> {
  /** When it is over, on the file's clock. */
  readonly until: number;
  /** Whether its process may still renew it. */
  readonly isAlive: boolean;
}

class SqliteLedger implements LedgerStore {
  readonly #path: string;
  readonly #readOnly: boolean;
  readonly #clock: Clock;
  readonly #elapsed: () => number;
  readonly #started = startOf(Deno.pid) ?? "";
  /** The same instant on the file's clock and on this process's. */
  #anchor: { readonly time: number; readonly elapsed: number } | undefined;
  #opened: DatabaseSync | undefined;

  constructor(
    path: string,
    { clock, elapsed = () => performance.now(), readOnly = false }:
      SqliteLedgerOptions,
  ) {
    this.#path = path;
    this.#readOnly = readOnly;
    this.#clock = clock;
    this.#elapsed = elapsed;
  }

  change(place: Place, change: (seen: Seen) => Book): Promise<void> {
    const { account, id, lasts, lingers } = place;
    return this.#transaction(() => {
      const { places, time } = this.#now();
      this.#run("INSERT OR REPLACE INTO clock VALUES (1, ?)", time);
      this.#bury(places, time);
      const book = change(this.#seen(account, time));
      this.#run(
        "INSERT OR REPLACE INTO books VALUES (?, ?)",
        account,
        JSON.stringify(book),
      );
      this.#run(
        "INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?, ?)",
        ...[account, id, hostname(), Deno.pid, this.#started],
        ...[lingers, time + lasts],
      );
    });
  }

  look(account: string): Promise<Seen> {
    return Promise.resolve(this.#seen(account, this.#now().time));
  }

  count(hours: readonly HourOfKey[]): Promise<void> {
    return this.#transaction(() => {
      for (const { account, calls, credits, hour, key, process } of hours) {
        this.#run(
          "INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?, ?, ?)",
          ...[account, hour, key, process, calls, credits],
        );
      }
    });
  }

  counted(account: string, since: number): Promise<readonly HourOfKey[]> {
    const rows = this.#all(
      "SELECT * FROM hours WHERE account = ? AND hour >= ?",
      account,
      since,
    );
    return Promise.resolve(rows.map((row) => ({
      account,
      key: String(row["key"]),
      process: String(row["process"]),
      hour: Number(row["hour"]),
      calls: Number(row["calls"]),
      credits: Number(row["credits"]),
    })));
  }

  learn(facts: readonly Fact[]): Promise<void> {
    return this.#transaction(() => {
      // What is over is seen by nobody, and dropped by whoever opens next.
      for (const { endpoint, name, until, value } of facts) {
        this.#run(
          "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)",
          ...[endpoint, name, value, until],
        );
      }
    });
  }

  learned(endpoint: string): Promise<readonly Fact[]> {
    // Who only asks has nothing to keep.
    if (!this.#opened && !existsSync(this.#path)) return Promise.resolve([]);
    // Nobody has written to the file since there are facts.
    if (this.#readOnly && !this.#hasTable("facts")) return Promise.resolve([]);
    const rows = this.#all(
      "SELECT * FROM facts WHERE endpoint = ? AND until > ?",
      endpoint,
      this.#clock.now(),
    );
    return Promise.resolve(rows.map((row) => ({
      endpoint,
      name: String(row["name"]),
      value: Number(row["value"]),
      until: Number(row["until"]),
    })));
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#opened?.isOpen) this.#opened.close();
    return Promise.resolve();
  }

  get #db(): DatabaseSync {
    return this.#opened ??= this.#open();
  }

  /** Open the file, make what is missing, and drop what is old. */
  #open(): DatabaseSync {
    const readOnly = this.#readOnly;
    if (!readOnly) mkdirSync(dirname(this.#path), { recursive: true });
    const db = new DatabaseSync(this.#path, { readOnly });
    if (readOnly) return db;
    try {
      db.exec(`PRAGMA busy_timeout = 5000; ${tables}`);
      const now = this.#clock.now();
      db.prepare("DELETE FROM hours WHERE hour < ?").run(
        now - keptDays * dayMs,
      );
      db.prepare("DELETE FROM facts WHERE until <= ?").run(now);
      db.exec(`PRAGMA busy_timeout = ${patience}`);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  #hasTable(name: string): boolean {
    const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?";
    return this.#all(sql, name).length > 0;
  }

  #seen(account: string, time: number): Seen {
    const [row] = this.#all(
      "SELECT book FROM books WHERE account = ?",
      account,
    );
    const live = this.#all(
      "SELECT id FROM places WHERE account = ? AND until > ?",
      account,
      time,
    );
    return {
      book: row && JSON.parse(String(row["book"])) as Book,
      live: new Set(live.map(({ id }) => String(id))),
      time,
      wall: this.#clock.now(),
    };
  }

  /**
   * The file's clock. While anybody is there it goes on as monotonic clocks
   * do, whatever happens to the machine's; else it is the machine's.
   */
  #now(): { readonly time: number; readonly places: readonly Stored[] } {
    const [row] = this.#all("SELECT time FROM clock");
    const elapsed = this.#elapsed();
    const own = this.#anchor
      ? this.#anchor.time + (elapsed - this.#anchor.elapsed)
      : -Infinity;
    const going = Math.max(Number(row?.["time"] ?? -Infinity), own);
    const running = new Map<number, boolean>();
    const places = this.#all("SELECT * FROM places").map((row): Stored => {
      const [pid, until] = [Number(row["pid"]), Number(row["until"])];
      // A container has processes of its own, of which others see nothing.
      const isHere = row["host"] === hostname();
      const isAlive = until > going && (!isHere || pid === Deno.pid ||
        (running.get(pid) ?? isRunning(pid, String(row["started"]))));
      if (isHere) running.set(pid, isAlive);
      return {
        account: String(row["account"]),
        id: String(row["id"]),
        lingers: Number(row["lingers"]),
        until,
        isAlive,
      };
    });
    const isHeld = places.some(({ isAlive }) => isAlive);
    const time = isHeld ? going : this.#clock.now();
    this.#anchor = { time, elapsed };
    return { time, places };
  }

  /** Nobody waits for the end of a lease whose holder was killed. */
  #bury(places: readonly Stored[], time: number): void {
    for (const { account, id, isAlive, lingers, until } of places) {
      if (isAlive) continue;
      const over = Math.min(until, time + lingers);
      if (over <= time) {
        this.#run(
          "DELETE FROM places WHERE account = ? AND id = ?",
          ...[account, id],
        );
      } else if (over < until) {
        this.#run(
          "UPDATE places SET until = ? WHERE account = ? AND id = ?",
          ...[over, account, id],
        );
      }
    }
  }

  #transaction(work: () => void): Promise<void> {
    return new Promise((resolve) => {
      try {
        this.#db.exec("BEGIN IMMEDIATE");
        try {
          work();
          this.#db.exec("COMMIT");
        } catch (error) {
          this.#db.exec("ROLLBACK");
          throw error;
        }
      } catch (error) {
        throw passing(error);
      }
      resolve();
    });
  }

  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  #statement(sql: string) {
    const known = this.#statements.get(sql);
    if (known) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).all(...values);
  }
}

/** What another process's transaction causes passes. */
function passing(error: unknown): unknown {
  // All that Deno tells of SQLite's code is its text.
  const isBusy = error instanceof Error &&
    /database (table )?is locked/.test(error.message);
  if (!isBusy) return error;
  return new RetryableError(`${usageFile} is busy: ${error.message}`, {
    cause: error,
  });
}
