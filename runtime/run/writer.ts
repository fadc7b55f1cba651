/**
 * Feeds one sink: encodes units as they come, writes them in batches, saves
 * the cursor behind every write.
 *
 * @module
 */
import type { Chunk, OpenSink } from "../component.ts";
import { type Reject, RejectedError, RetryableError } from "../errors.ts";
import type { Position, Row, UnitInfo } from "../row.ts";
import type { SinkStage } from "../spec/spec.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Progress, UnitEvent } from "./events.ts";
import type { Logger } from "./log.ts";
import type { Counter, Metrics } from "./metrics.ts";
import { reaches, same, tokenOf } from "./mark.ts";
import type { Cursor, Mark } from "./state.ts";

/**
 * Encoded bytes that may wait in front of a write, as a multiple of the
 * batch: one batch on its way and one that fills up behind it.
 */
const queuedBatches = 2;

/**
 * Units that may wait in front of a write: they cost memory also when the
 * sink takes no row of them, and a shared source has them by the million.
 */
const queuedUnits = 200_000;

/** What a writer works with. */
export interface WriterOptions {
  readonly pipeline: string;
  readonly stage: SinkStage;
  readonly sink: OpenSink<unknown>;
  readonly cursor: Cursor;
  /** Its source is a shared one: units come in no order, and none twice. */
  readonly shared?: boolean;
  /**
   * Wait until a write may leave; the signal is aborted when it may not any
   * more, because another process may own the pipeline by then.
   */
  hold(): Promise<AbortSignal>;
  /** Persist the cursor; throws when another process owns the pipeline. */
  save(cursor: Cursor): Promise<void>;
  /** Rows that the store refused, with the unit that they came from. */
  rejected(rejects: readonly Reject[], unit: UnitInfo): Promise<void>;
  /** The sink has failed for good: nothing more will be written. */
  failed(error: unknown): void;
  /** Its queue is full; undefined: it has room again. */
  full?(sink: string | undefined): void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Aborted when the run stops at once. */
  readonly signal: AbortSignal;
}

/** A unit, or rows on their own, waiting for a write. */
interface Entry {
  readonly mark: Mark | undefined;
  /** Where the sink stands behind it. */
  readonly at: Position | undefined;
  readonly chunk: Chunk<unknown> | undefined;
  readonly arrived: number;
}

/** Feeds one sink; see the module. */
export class Writer {
  readonly stage: SinkStage;
  readonly #options: WriterOptions;
  readonly #limit: number;
  readonly #counters: Record<"rows" | "bytes" | "writes" | "retries", Counter>;
  readonly #done: Promise<void>;
  #cursor: Cursor;
  #stored = 0;
  /** Rows on their own that are not stored yet. */
  #extras = 0;
  /** Where the first write must end: as a write of an earlier run did. */
  #repeat: Mark | undefined;
  /** Last unit taken into the queue. */
  #taken: Progress;
  #queue: Entry[] = [];
  #queuedRows = 0;
  #queuedBytes = 0;
  #ending: "drained" | "cut" | undefined;
  #failure: { readonly error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(options: WriterOptions) {
    const { cursor, metrics, stage } = options;
    this.#options = options;
    this.stage = stage;
    this.#cursor = cursor;
    this.#repeat = cursor.pending;
    this.#taken = cursor;
    this.#limit = stage.batch.bytes * queuedBatches;
    const labels = { sink: stage.name };
    this.#counters = {
      rows: metrics.counter("sluice_sink_rows_total", labels),
      bytes: metrics.counter("sluice_sink_bytes_total", labels),
      writes: metrics.counter("sluice_sink_writes_total", labels),
      retries: metrics.counter("sluice_sink_retries_total", labels),
    };
    const wake = () => this.#notify();
    options.signal.addEventListener("abort", wake);
    this.#done = this.#run().catch((error) => {
      this.#failure = { error };
      this.#notify();
      options.failed(error);
    }).finally(() => options.signal.removeEventListener("abort", wake));
  }

  /** What is stored. */
  get cursor(): Cursor {
    return this.#cursor;
  }

  /**
   * How many of the units that it was given in this run it has stored; none
   * while rows wait that came outside of them.
   */
  get stored(): number {
    return this.#extras > 0 ? 0 : this.#stored;
  }

  /** Whether the sink does not have this event yet. */
  wants(event: UnitEvent): boolean {
    if (this.#options.shared) return true;
    const { at, seq } = this.#taken;
    if (event.seq > 0 && event.seq <= seq) return false;
    if (event.op === "retract") {
      // A replay may hold retractions of units that the sink never had.
      return event.number === at?.number &&
        (at.id === "" || event.id === at.id);
    }
    if (at === undefined) return true;
    // It may also hold a branch that the sink, which came by final units,
    // never was on.
    return event.number > at.number &&
      (event.parent === undefined || at.id === "" || event.parent === at.id);
  }

  /** Whether the store may have this event from a write that was cut off. */
  repeats({ number, seq }: UnitEvent): boolean {
    const end = this.#repeat;
    if (end === undefined) return false;
    return end.seq > 0 && seq > 0 ? seq <= end.seq : number <= end.number;
  }

  /**
   * Take an event with the sink's rows of it; resolves when the queue has
   * room for more.
   *
   * @param rejected gets the rows that cannot be encoded.
   */
  async push(
    event: UnitEvent,
    rows: readonly Row[],
    rejected: (reject: Reject) => void,
  ): Promise<void> {
    const { id, number, op, parent, seq } = event;
    const mark = { id, number, op, seq };
    const at = op === "insert"
      ? { id, number }
      : { id: parent ?? "", number: event.after ?? number - 1 };
    const chunk = this.#encode(this.info(event), rows, rejected);
    this.#taken = { at, seq: Math.max(seq, this.#taken.seq) };
    this.#enqueue({ mark, at, chunk });
    await this.#room(this.#options.full);
  }

  /** Take rows outside of the order of units: what a store has refused. */
  async extra(rows: readonly Row[], unit: UnitInfo): Promise<void> {
    const chunk = this.#encode(unit, rows, ({ reason }) => {
      throw new Error(`Sink "${this.stage.name}" cannot encode: ${reason}`);
    });
    this.#extras++;
    this.#enqueue({ mark: undefined, at: undefined, chunk });
    await this.#room();
  }

  /** The unit as the sink sees it. */
  info(event: UnitEvent): UnitInfo {
    const { id, number, op, part = 0, seq, time, version } = event;
    // A reset sink must win over what it stored in an earlier life.
    const above = seq > 0 || this.#options.shared
      ? version
      : Math.max(version, this.#cursor.base);
    return { id, number, op, part, time, version: above };
  }

  /**
   * Write what is queued and end; when it was cut off, a write of an earlier
   * run that cannot be repeated to its end is left to the next run.
   */
  async drain({ cut = false } = {}): Promise<void> {
    this.#ending = cut ? "cut" : "drained";
    this.#notify();
    await this.#done;
    if (this.#failure) throw this.#failure.error;
  }

  #encode(
    unit: UnitInfo,
    rows: readonly Row[],
    rejected: (reject: Reject) => void,
  ): Chunk<unknown> | undefined {
    if (rows.length === 0) return undefined;
    let count = rows.length;
    const encoded = this.#options.sink.encode(rows, unit, (row, reason) => {
      count--;
      rejected({ row, reason });
    });
    return count > 0 ? { ...encoded, rows: count, unit } : undefined;
  }

  #enqueue(entry: Omit<Entry, "arrived">): void {
    this.#queue.push({ ...entry, arrived: this.#options.clock.now() });
    this.#queuedRows += entry.chunk?.rows ?? 0;
    this.#queuedBytes += entry.chunk?.bytes ?? 0;
    this.#notify();
  }

  async #room(full?: WriterOptions["full"]): Promise<void> {
    // A write that must end where it ended before needs all of its units.
    const waits = () =>
      !this.#failure && !this.#repeat && (this.#queuedBytes > this.#limit ||
        this.#queue.length > queuedUnits);
    if (waits()) {
      full?.(this.stage.name);
      while (waits()) await this.#changed.promise;
      full?.(undefined);
    }
    if (this.#failure) throw this.#failure.error;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #run(): Promise<void> {
    while (true) {
      const entries = await this.#collect();
      if (entries.length === 0) return;
      await this.#write(entries);
      this.#notify();
    }
  }

  /** Wait for a batch: full, old enough, or the last one. */
  async #collect(): Promise<Entry[]> {
    const { clock, signal } = this.#options;
    // One timer a batch: units come by the hundred.
    const timer = new AbortController();
    let old = false;
    let timed = false;
    try {
      while (!this.#isFull() && !this.#ending && !old) {
        signal.throwIfAborted();
        const changed = this.#changed.promise;
        const [oldest] = this.#queue;
        if (oldest && !timed && !this.#repeat) {
          timed = true;
          const rest = oldest.arrived + this.stage.batch.every - clock.now();
          clock.sleep(Math.max(0, rest), timer.signal).then(() => {
            old = true;
            this.#notify();
          }, () => {});
        }
        await changed;
      }
    } finally {
      timer.abort();
    }
    return this.#take();
  }

  #isFull(): boolean {
    const { batch } = this.stage;
    const end = this.#repeat;
    if (end) return this.#queue.some(({ mark }) => mark && reaches(mark, end));
    return this.#queuedRows >= batch.rows || this.#queuedBytes >= batch.bytes;
  }

  /** Take the entries of one write off the queue. */
  #take(): Entry[] {
    const { batch } = this.stage;
    const end = this.#repeat;
    // A part of it would be another write to whoever has all of it already.
    if (end && this.#ending === "cut" && !this.#isFull()) return [];
    this.#repeat = undefined;
    let rows = 0;
    let bytes = 0;
    let count = end
      ? this.#queue.findIndex(({ mark }) => same(mark, end)) + 1
      : 0;
    for (const { chunk } of count > 0 ? [] : this.#queue) {
      rows += chunk?.rows ?? 0;
      bytes += chunk?.bytes ?? 0;
      if (count > 0 && (rows > batch.rows || bytes > batch.bytes)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    const { save } = this.#options;
    const last = entries.findLast(({ mark }) => mark !== undefined);
    const chunks = entries.flatMap(({ chunk }) => chunk ? [chunk] : []);
    let { state } = this.#cursor;
    if (chunks.length > 0) {
      // Also the fence: a process that lost its lease stops here.
      await save(this.#cursor = { ...this.#cursor, pending: last?.mark });
      state = await this.#store(entries, chunks) ?? state;
    }
    this.#cursor = {
      ...this.#cursor,
      at: last ? last.at : this.#cursor.at,
      // The last unit may be a final one, which has no sequence.
      seq: entries.reduce(
        (seq, { mark }) => Math.max(seq, mark?.seq ?? 0),
        this.#cursor.seq,
      ),
      state,
      pending: undefined,
    };
    const marked = entries.filter(({ mark }) => mark !== undefined).length;
    this.#stored += marked;
    this.#extras -= entries.length - marked;
    await save(this.#cursor);
    for (const { rows, bytes } of chunks) {
      this.#queuedRows -= rows;
      this.#queuedBytes -= bytes;
    }
  }

  async #store(
    entries: readonly Entry[],
    chunks: readonly Chunk<unknown>[],
  ) {
    const { clock, hold, log, rejected, signal, sink } = this.#options;
    const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    const token = this.#token(entries);
    for (let attempt = 1;; attempt++) {
      let held: AbortSignal | undefined;
      try {
        held = await hold();
        const state = await sink.write({
          ...{ bytes, chunks, rows, token },
          signal: AbortSignal.any([signal, held]),
        });
        this.#count(rows, bytes);
        if (attempt > 1) {
          log.info("Writes again", { sink: this.stage.name, attempt });
        }
        return state;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RejectedError) {
          const unit = chunks.at(-1)?.unit;
          if (unit) await rejected(error.rejects, unit);
          this.#count(rows - error.rejects.length, bytes);
          return undefined;
        }
        // Cut off, not failed: the same again as soon as that is allowed.
        if (held?.aborted) continue;
        if (!(error instanceof RetryableError)) throw error;
        const pause = backoff(attempt, error.after);
        this.#counters.retries.add();
        // An outage of an hour is two lines, not a thousand.
        log[attempt === 1 ? "warn" : "debug"]("Write failed, tries again", {
          sink: this.stage.name,
          reason: error.message,
          attempt,
          pause_ms: Math.round(pause),
        });
        await clock.sleep(pause, signal);
      }
    }
  }

  #count(rows: number, bytes: number): void {
    this.#counters.rows.add(rows);
    this.#counters.bytes.add(bytes);
    this.#counters.writes.add();
  }

  #token(entries: readonly Entry[]): string {
    const { pipeline, shared } = this.#options;
    // Rows on their own have no unit to be recognised by, and units of a
    // shared source come in another order and another company each time.
    const marks = shared ? [] : entries.flatMap(({ mark }) => mark ?? []);
    const name = `${pipeline}/${this.stage.name}/${this.#cursor.base}`;
    return tokenOf(name, marks);
  }
}
