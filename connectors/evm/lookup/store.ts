/**
 * What was learnt of contracts, kept between runs: `.sluice/abis.db`.
 *
 * Only what is certain is kept: an ABI, a list of signatures, or the answer
 * that there is none, which ages. A refusal or an outage leaves no trace.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** Where it is, relative to the working directory. */
export const abiStoreFile = ".sluice/abis.db";

const tables = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS abis (
  chain INTEGER NOT NULL, address TEXT NOT NULL, abi TEXT,
  service TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (chain, address));
CREATE TABLE IF NOT EXISTS signatures (
  hash TEXT PRIMARY KEY, texts TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS units (
  stage TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL,
  findings TEXT NOT NULL, PRIMARY KEY (stage, id));
CREATE TABLE IF NOT EXISTS lacks (
  stage TEXT NOT NULL, span INTEGER NOT NULL, what TEXT NOT NULL,
  bits INTEGER NOT NULL, PRIMARY KEY (stage, span, what)) WITHOUT ROWID;
`;

/**
 * Units whose lacks share a row, a bit each: a contract that nobody knows may
 * be called in every block.
 */
const SPAN = 32;

/** Units that are remembered behind the last one: no reorg goes deeper. */
const UNITS = 1024;

/** What is known for certain of a contract or a hash, and since when. */
export interface Known<T> {
  /** Undefined: that there is none. */
  readonly value: T | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a stage could not decode in a unit, and why that may change. */
export interface Lack {
  readonly number: number;
  /** The address without an ABI, or the hash without a signature. */
  readonly what: string;
}

/** The memory; see the module. */
export class AbiStore implements Disposable {
  readonly #path: string;
  #opened: DatabaseSync | undefined;

  /** @param path Made when it is first used; `:memory:` keeps nothing. */
  constructor(path = abiStoreFile) {
    this.#path = path;
  }

  /** The ABI at an address, as JSON text. */
  abi(chain: number, address: string): Known<string> | undefined {
    const row = this.#get(
      "SELECT abi, at FROM abis WHERE chain = ? AND address = ?",
      chain,
      address,
    );
    if (!row) return undefined;
    const abi = row["abi"];
    const value = typeof abi === "string" ? abi : undefined;
    return { value, at: Number(row["at"]) };
  }

  /** Keep an ABI, or the answer that there is none. */
  saveAbi(
    { abi, address, at, chain, service }: {
      readonly chain: number;
      readonly address: string;
      readonly abi: string | undefined;
      readonly service: string;
      readonly at: number;
    },
  ): void {
    this.#run(
      "INSERT OR REPLACE INTO abis VALUES (?, ?, ?, ?, ?)",
      chain,
      address,
      abi ?? null,
      service,
      at,
    );
  }

  /** Signatures with a hash; none is an answer too. */
  signatures(hash: string): Known<readonly string[]> | undefined {
    const row = this.#get(
      "SELECT texts, at FROM signatures WHERE hash = ?",
      hash,
    );
    if (!row) return undefined;
    const texts: readonly string[] = JSON.parse(String(row["texts"]));
    const value = texts.length > 0 ? texts : undefined;
    return { value, at: Number(row["at"]) };
  }

  /** Keep the signatures with a hash. */
  saveSignatures(hash: string, texts: readonly string[], at: number): void {
    this.#run(
      "INSERT OR REPLACE INTO signatures VALUES (?, ?, ?)",
      hash,
      JSON.stringify(texts),
      at,
    );
  }

  /** What a stage found in a unit when it saw it first, as JSON text. */
  unit(stage: string, id: string): string | undefined {
    const row = this.#get(
      "SELECT findings FROM units WHERE stage = ? AND id = ?",
      stage,
      id,
    );
    return row && String(row["findings"]);
  }

  /** Keep what a stage found in a unit, and what it lacked. */
  saveUnit(
    { findings, id, lacks, number, stage }: {
      readonly stage: string;
      readonly id: string;
      readonly number: number;
      readonly findings: string;
      readonly lacks: readonly string[];
    },
  ): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      this.#run(
        "INSERT OR REPLACE INTO units VALUES (?, ?, ?, ?)",
        stage,
        id,
        number,
        findings,
      );
      if (number % 64 === 0) {
        this.#run(
          "DELETE FROM units WHERE stage = ? AND number < ?",
          stage,
          number - UNITS,
        );
      }
      const span = Math.floor(number / SPAN);
      const bit = 2 ** (number % SPAN);
      this.#run(
        "UPDATE lacks SET bits = bits & ~? WHERE stage = ? AND span = ?",
        bit,
        stage,
        span,
      );
      for (const what of lacks) {
        this.#run(
          "INSERT INTO lacks VALUES (?, ?, ?, ?) " +
            "ON CONFLICT DO UPDATE SET bits = bits | excluded.bits",
          stage,
          span,
          what,
          bit,
        );
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** What a stage lacked in units of a range, in their order. */
  lacks(
    stage: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): readonly Lack[] {
    const rows = this.#db.prepare(
      "SELECT span, what, bits FROM lacks WHERE stage = ? AND span >= ? " +
        "AND span <= ? AND bits <> 0",
    ).all(stage, Math.floor(from / SPAN), Math.floor(to / SPAN));
    return rows.flatMap(({ bits, span, what }) =>
      Array.from({ length: SPAN }, (_, bit) => bit)
        .filter((bit) => Math.floor(Number(bits) / 2 ** bit) % 2 === 1)
        .map((bit) => ({
          number: Number(span) * SPAN + bit,
          what: String(what),
        }))
        .filter(({ number }) => number >= from && number <= to)
    ).sort((a, b) => a.number - b.number);
  }

  [Symbol.dispose](): void {
    this.#opened?.close();
  }

  get #db(): DatabaseSync {
    if (this.#opened) return this.#opened;
    const path = this.#path;
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
    const db = new DatabaseSync(path);
    db.exec(tables);
    return this.#opened = db;
  }

  #get(sql: string, ...values: SQLInputValue[]) {
    return this.#db.prepare(sql).get(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#db.prepare(sql).run(...values);
  }
}
