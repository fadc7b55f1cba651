/**
 * The rows of journaled units: large, so in parts, and outside of the fence.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  packRows,
  type UnitRows,
  unpackRows,
  UserError,
} from "../../runtime/component.ts";
import type { ScyllaClient } from "./client.ts";
import { rowsTable } from "./state_tables.ts";

/** Cells of a megabyte and more weigh on a node's heap and on its repairs. */
const partBytes = 512 * 1024;

/** Parts on their way at once: 2 MiB. */
const mostParts = 4;

/** Where a unit's rows are: its event says so. */
export interface RowsPlace {
  /** The journal's own name, which stays when its source is renamed. */
  readonly journal: string;
  readonly seq: number;
  /** Of the process that wrote them: an overtaken one writes elsewhere. */
  readonly epoch: bigint;
}

/** The rows of one pipeline's journals. */
export class JournalRows {
  readonly #client: ScyllaClient;
  readonly #pipeline: string;

  constructor(client: ScyllaClient, pipeline: string) {
    this.#client = client;
    this.#pipeline = pipeline;
  }

  /** Store rows; the number of parts goes into their event. */
  async write(place: RowsPlace, rows: UnitRows): Promise<number> {
    const packed = packRows(rows);
    const count = Math.max(1, Math.ceil(packed.length / partBytes));
    for (let first = 0; first < count; first += mostParts) {
      const last = Math.min(first + mostParts, count);
      await Promise.all(
        Array.from(
          { length: last - first },
          (_, index) => this.#writePart(place, first + index, packed),
        ),
      );
    }
    return count;
  }

  /**
   * Read rows.
   *
   * @throws {UserError} when the store has forgotten some of them.
   */
  async read(place: RowsPlace, count: number): Promise<UnitRows> {
    const parts: Uint8Array[] = [];
    const { epoch, journal, seq } = place;
    const stored = this.#client.rows(
      `SELECT data FROM ${rowsTable} WHERE pipeline = ? AND journal = ? ` +
        "AND seq = ? AND epoch = ?",
      [this.#pipeline, journal, BigInt(seq), epoch],
      { consistency: "local_quorum", fetchSize: mostParts },
    );
    for await (const { data } of stored) {
      if (data instanceof Uint8Array) parts.push(data);
    }
    if (parts.length === count) return unpackRows(Buffer.concat(parts));
    throw new UserError(
      `The store has lost rows of the journal (event ${seq} has ` +
        `${parts.length} of ${count} parts): check that its commit log is ` +
        "synchronised before it answers, then `reset` the source",
    );
  }

  /** Drop what is below a sequence, whoever wrote it. */
  async dropBelow(journal: string, seq: number): Promise<void> {
    await this.#client.execute(
      `DELETE FROM ${rowsTable} WHERE pipeline = ? AND journal = ? ` +
        "AND seq < ?",
      [this.#pipeline, journal, BigInt(seq)],
      { consistency: "local_quorum", idempotent: true },
    );
  }

  /** Drop all rows of a journal. */
  async drop(journal: string): Promise<void> {
    await this.#client.execute(
      `DELETE FROM ${rowsTable} WHERE pipeline = ? AND journal = ?`,
      [this.#pipeline, journal],
      { consistency: "local_quorum", idempotent: true },
    );
  }

  async #writePart(
    { epoch, journal, seq }: RowsPlace,
    part: number,
    packed: Uint8Array,
  ): Promise<void> {
    const start = part * partBytes;
    const length = Math.min(partBytes, packed.length - start);
    await this.#client.execute(
      `INSERT INTO ${rowsTable} (pipeline, journal, seq, epoch, part, data) ` +
        "VALUES (?, ?, ?, ?, ?, ?)",
      [
        this.#pipeline,
        journal,
        BigInt(seq),
        epoch,
        part,
        Buffer.from(packed.buffer, packed.byteOffset + start, length),
      ],
      { consistency: "local_quorum", idempotent: true },
    );
  }
}
