/**
 * The state store on one machine: SQLite at `.sluice/<pipeline>.db`.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Clock } from "./clock.ts";
import { packRows, unpackRows } from "./journal.ts";
import { LeaseClock } from "./lease_clock.ts";
import { isRunning, startOf } from "./process_start.ts";
import type { Reading } from "./reading.ts";
import {
  type Cursor,
  FencedError,
  type JournalEvent,
  type Owner,
  type StateStore,
  type UnitRows,
} from "./state.ts";

/** A lease that is not renewed for so long is free, ms. */
export const leaseTtl = 15_000;

/**
 * The holder stops so much earlier than others may begin, ms: a write that
 * it has just sent is over by then.
 */
const margin = 1_000;

const tables = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS lease (
  one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL,
  pid INTEGER NOT NULL, started TEXT NOT NULL, host TEXT NOT NULL,
  since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cursors (
  sink TEXT PRIMARY KEY, source TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS origins (
  source TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS readings (
  source TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
  source TEXT NOT NULL, seq INTEGER NOT NULL, op TEXT NOT NULL,
  number INTEGER NOT NULL, id TEXT NOT NULL, parent TEXT,
  time INTEGER NOT NULL, rows_of INTEGER NOT NULL, rows BLOB,
  after INTEGER, PRIMARY KEY (source, seq));
`;

/** Options of {@linkcode openSqliteState}. */
export interface SqliteStateOptions {
  readonly clock: Clock;
  /** Only look: nothing is created and no lease can be taken. */
  readonly readOnly?: boolean;
}

/** Open (and create) a state file; its folder is made. */
export function openSqliteState(
  path: string,
  options: SqliteStateOptions,
): StateStore {
  if (!options.readOnly) mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path, { readOnly: options.readOnly ?? false });
  if (!options.readOnly) {
    db.exec(tables);
    addColumn(db, { table: "journal", column: "after" });
  }
  return new SqliteState(db, options.clock);
}

/** What files of an earlier version lack. */
function addColumn(
  db: DatabaseSync,
  { column, table }: { readonly table: string; readonly column: string },
): void {
  const columns = db.prepare(`PRAGMA table_info(${table})`).all();
  if (columns.some(({ name }) => name === column)) return;
  db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} INTEGER`);
}

class SqliteState implements StateStore {
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #lease: LeaseClock;
  #token = 0;

  constructor(db: DatabaseSync, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#lease = new LeaseClock(clock);
  }

  acquire(): Promise<Owner | undefined> {
    const asked = this.#lease.now();
    return this.#transaction(() => {
      const now = asked.wall;
      const held = this.#get("SELECT * FROM lease");
      if (held && Number(held["until"]) > now && isAlive(held)) {
        const { pid, host, since } = held;
        return {
          pid: Number(pid),
          host: String(host),
          since: Number(since),
        };
      }
      this.#token = Number(held?.["token"] ?? 0) + 1;
      this.#run(
        "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?)",
        this.#token,
        Deno.pid,
        startOf(Deno.pid) ?? "",
        hostname(),
        now,
        now + leaseTtl,
      );
      this.#lease.extend(asked, leaseTtl - margin);
      return undefined;
    });
  }

  renew(): Promise<void> {
    const asked = this.#lease.now();
    return this.#write(() => {
      this.#run("UPDATE lease SET until = ?", asked.wall + leaseTtl);
      this.#lease.extend(asked, leaseTtl - margin);
    });
  }

  lasts(): number {
    return this.#lease.left();
  }

  cursors(): Promise<readonly Cursor[]> {
    // Whoever only looks may come before the first run has made the tables.
    const made = this.#get(
      "SELECT 1 FROM sqlite_master WHERE name = 'cursors'",
    );
    const rows = made
      ? this.#all("SELECT record FROM cursors ORDER BY sink")
      : [];
    return Promise.resolve(
      rows.map(({ record }) => JSON.parse(String(record)) as Cursor),
    );
  }

  saveCursor(cursor: Cursor): Promise<void> {
    return this.#write(() => this.#putCursor(cursor));
  }

  reset(what: { sink?: string; source?: string } = {}): Promise<void> {
    const { sink, source } = what;
    return this.#write(() => {
      if (sink !== undefined) {
        this.#run("DELETE FROM cursors WHERE sink = ?", sink);
        return;
      }
      for (const table of ["cursors", "origins", "readings", "journal"]) {
        if (source === undefined) this.#run(`DELETE FROM ${table}`);
        else this.#run(`DELETE FROM ${table} WHERE source = ?`, source);
      }
    });
  }

  rename(kind: "sink" | "source", from: string, to: string): Promise<void> {
    return this.#write(() => {
      for (const row of this.#all("SELECT record FROM cursors")) {
        const cursor = JSON.parse(String(row["record"])) as Cursor;
        if (cursor[kind] !== from) continue;
        this.#run("DELETE FROM cursors WHERE sink = ?", cursor.sink);
        this.#putCursor({ ...cursor, [kind]: to });
      }
      if (kind === "sink") return;
      for (const table of ["origins", "readings", "journal"]) {
        this.#run(`UPDATE ${table} SET source = ? WHERE source = ?`, to, from);
      }
    });
  }

  origin(source: string): Promise<number | undefined> {
    const row = this.#get("SELECT number FROM origins WHERE source = ?", [
      source,
    ]);
    return Promise.resolve(row ? Number(row["number"]) : undefined);
  }

  saveOrigin(source: string, number: number): Promise<void> {
    return this.#write(() =>
      this.#run("INSERT OR REPLACE INTO origins VALUES (?, ?)", source, number)
    );
  }

  reading(source: string): Promise<Reading | undefined> {
    const row = this.#get("SELECT record FROM readings WHERE source = ?", [
      source,
    ]);
    return Promise.resolve(row && JSON.parse(String(row["record"])));
  }

  saveReading(source: string, reading: Reading): Promise<void> {
    const record = JSON.stringify(reading);
    return this.#write(() =>
      this.#run("INSERT OR REPLACE INTO readings VALUES (?, ?)", source, record)
    );
  }

  journal(source: string): Promise<readonly JournalEvent[]> {
    const rows = this.#all(
      "SELECT seq, op, number, id, parent, time, rows_of, after " +
        "FROM journal WHERE source = ? ORDER BY seq",
      [source],
    );
    return Promise.resolve(rows.map((row) => ({
      seq: Number(row["seq"]),
      op: row["op"] === "retract" ? "retract" : "insert",
      number: Number(row["number"]),
      id: String(row["id"]),
      parent: row["parent"] === null ? undefined : String(row["parent"]),
      ...row["after"] === null ? {} : { after: Number(row["after"]) },
      time: Number(row["time"]),
      rowsOf: Number(row["rows_of"]),
    })));
  }

  append(source: string, event: JournalEvent, rows?: UnitRows): Promise<void> {
    const { after, seq, op, number, id, parent, time, rowsOf } = event;
    return this.#write(() =>
      this.#run(
        "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        source,
        seq,
        op,
        number,
        id,
        parent ?? null,
        time,
        rowsOf,
        rows ? packRows(rows) : null,
        after ?? null,
      )
    );
  }

  rows(source: string, seq: number): Promise<UnitRows> {
    const row = this.#get(
      "SELECT rows FROM journal WHERE source = ? AND seq = ?",
      [source, seq],
    );
    const blob = row?.["rows"];
    return blob instanceof Uint8Array
      ? Promise.resolve(unpackRows(blob))
      : Promise.reject(
        new Error(`Journal of "${source}" has no rows of event ${seq}`),
      );
  }

  prune(
    source: string,
    limits: { seq: number; number: number },
  ): Promise<void> {
    // The rule of `prunable`, without reading the whole journal.
    return this.#write(() =>
      this.#run(
        `DELETE FROM journal WHERE source = ?1 AND seq <= ?2 AND (
           number <= ?3 OR rows_of IN (
             SELECT rows_of FROM journal
             WHERE source = ?1 AND op = 'retract' AND seq <= ?2))
         AND rows_of NOT IN (
           SELECT rows_of FROM journal WHERE source = ?1 AND seq > ?2)`,
        source,
        limits.seq,
        limits.number,
      )
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#db.isOpen) return Promise.resolve();
    if (this.#token > 0) {
      this.#lease.end();
      this.#run("UPDATE lease SET until = 0 WHERE token = ?", this.#token);
    }
    this.#db.close();
    return Promise.resolve();
  }

  #putCursor(cursor: Cursor): void {
    this.#run(
      "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)",
      cursor.sink,
      cursor.source,
      JSON.stringify(cursor),
    );
  }

  /** Run a change under the fencing token. */
  #write(change: () => void): Promise<void> {
    return this.#transaction(() => {
      const held = this.#get("SELECT token, pid, host FROM lease");
      if (Number(held?.["token"] ?? 0) !== this.#token) {
        this.#lease.end();
        throw new FencedError(
          `Cannot write state: process ${held?.["pid"]} on ` +
            `${held?.["host"]} has taken over this pipeline`,
        );
      }
      change();
    });
  }

  #transaction<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#db.exec("COMMIT");
        resolve(result);
      } catch (error) {
        this.#db.exec("ROLLBACK");
        throw error;
      }
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

  #get(sql: string, values: SQLInputValue[] = []) {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, values: SQLInputValue[] = []) {
    return this.#statement(sql).all(...values);
  }
}

/** A holder that was killed must not keep its successor waiting. */
function isAlive(held: Record<string, unknown>): boolean {
  return held["host"] !== hostname() ||
    isRunning(Number(held["pid"]), String(held["started"]));
}
