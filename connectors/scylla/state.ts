/**
 * A pipeline's memory in Scylla or Cassandra, for pipelines that move between
 * machines.
 *
 * @module
 */
import {
  type Cursor,
  type JournalEvent,
  type Owner,
  prunable,
  type Reading,
  type StateOptions,
  type StateStore,
  type UnitRows,
} from "../../runtime/component.ts";
import type { ScyllaClient, Statement } from "./client.ts";
import { Fence, leaseSeconds } from "./state_fence.ts";
import { JournalRows } from "./state_rows.ts";
import {
  createTables,
  hasTables,
  stateTable,
  stateTables,
} from "./state_tables.ts";

/** Events of one transaction when there are many. */
const mostEvents = 50;

/** Options of {@linkcode openScyllaState}. */
export interface ScyllaStateOptions extends StateOptions {
  /** Lifetime of the lease in whole seconds. */
  readonly leaseSeconds?: number;
}

/** Open a pipeline's memory; what is missing is created. */
export async function openScyllaState(
  client: ScyllaClient,
  options: ScyllaStateOptions,
): Promise<StateStore> {
  const { clock, pipeline, readOnly } = options;
  if (!readOnly) await createTables(client, stateTables);
  const fence = new Fence({
    client,
    pipeline,
    clock,
    seconds: options.leaseSeconds ?? leaseSeconds,
  });
  const made = !readOnly || await hasTables(client, stateTables);
  const rows = new JournalRows(client, pipeline);
  return new ScyllaState({ fence, made, pipeline, rows });
}

/** What the store remembers of a source. */
interface SourceRecord {
  readonly origin?: number;
  readonly reading?: Reading;
  /** Events begin here: what lies below was deleted, and is not looked at. */
  readonly low: number;
  /** Name of the journal's rows, which stays when the source is renamed. */
  readonly journal: string;
}

/** An event as it is stored. */
interface EventRecord extends Omit<JournalEvent, "seq"> {
  /** Parts of its rows, and the epoch of the process that wrote them. */
  readonly rows?: { readonly parts: number; readonly epoch: string };
}

interface Parts {
  readonly fence: Fence;
  /** Whether the tables are there. */
  readonly made: boolean;
  readonly pipeline: string;
  readonly rows: JournalRows;
}

class ScyllaState implements StateStore {
  readonly #fence: Fence;
  readonly #made: boolean;
  readonly #pipeline: string;
  readonly #rows: JournalRows;
  /** Nobody else changes them while this process has the lease. */
  readonly #sources = new Map<string, SourceRecord>();

  constructor({ fence, made, pipeline, rows }: Parts) {
    this.#fence = fence;
    this.#made = made;
    this.#pipeline = pipeline;
    this.#rows = rows;
  }

  acquire(): Promise<Owner | undefined> {
    this.#sources.clear();
    return this.#fence.acquire();
  }

  renew(): Promise<void> {
    return this.#fence.commit([]);
  }

  lasts(): number {
    return this.#fence.lasts();
  }

  async cursors(): Promise<readonly Cursor[]> {
    if (!this.#made) return [];
    const rows = await this.#fence.read("record", "kind = 'cursor'", []);
    return rows.map(({ record }) => withGaps(JSON.parse(String(record))));
  }

  saveCursor(cursor: Cursor): Promise<void> {
    return this.#fence.commit([this.#putCursor(cursor)]);
  }

  async reset(what: { sink?: string; source?: string } = {}): Promise<void> {
    const { sink, source } = what;
    // Whoever may not write learns it also where there is nothing to forget.
    await this.renew();
    if (sink !== undefined) {
      return await this.#fence.commit([this.#drop("cursor", sink)]);
    }
    const cursors = (await this.cursors())
      .filter((cursor) => source === undefined || cursor.source === source);
    // Cursors first: one without its journal could not follow a reorg.
    await this.#fence.commit(
      cursors.map((cursor) => this.#drop("cursor", cursor.sink)),
    );
    for (const name of source === undefined ? await this.#known() : [source]) {
      await this.#forget(name);
    }
  }

  async rename(
    kind: "sink" | "source",
    from: string,
    to: string,
  ): Promise<void> {
    if (kind === "source") await this.#moveSource(from, to);
    const moved = (await this.cursors()).filter((one) => one[kind] === from);
    if (moved.length === 0) return;
    await this.#fence.commit(moved.flatMap((cursor) => [
      ...kind === "sink" ? [this.#drop("cursor", from)] : [],
      this.#putCursor({ ...cursor, [kind]: to }),
    ]));
  }

  async origin(source: string): Promise<number | undefined> {
    return (await this.#source(source))?.origin;
  }

  async saveOrigin(source: string, number: number): Promise<void> {
    const known = await this.#source(source) ?? newSource(0);
    await this.#saveSource(source, { ...known, origin: number });
  }

  async reading(source: string): Promise<Reading | undefined> {
    return (await this.#source(source))?.reading;
  }

  async saveReading(source: string, reading: Reading): Promise<void> {
    const known = await this.#source(source) ?? newSource(0);
    await this.#saveSource(source, { ...known, reading });
  }

  async journal(source: string): Promise<readonly JournalEvent[]> {
    const known = await this.#source(source);
    if (!known) return [];
    const rows = await this.#fence.read(
      "seq, record",
      "kind = 'event' AND name = ? AND seq >= ?",
      [source, BigInt(known.low)],
    );
    return rows.map(({ record, seq }) => {
      const { rows: _, ...event } = JSON.parse(String(record)) as EventRecord;
      return { ...event, parent: event.parent, seq: Number(seq) };
    });
  }

  async append(
    source: string,
    event: JournalEvent,
    rows?: UnitRows,
  ): Promise<void> {
    const { seq, ...rest } = event;
    const stored = await this.#source(source);
    const known = stored ?? newSource(seq);
    const { journal } = known;
    const { epoch } = this.#fence;
    // The rows first: an event that others can see has its rows.
    const parts = rows && await this.#rows.write({ journal, seq, epoch }, rows);
    const record: EventRecord = {
      ...rest,
      ...parts === undefined ? {} : { rows: { parts, epoch: `${epoch}` } },
    };
    const low = Math.min(known.low, seq);
    const changed = { ...known, low };
    await this.#fence.commit([
      ...stored && low === known.low ? [] : [this.#putSource(source, changed)],
      this.#put({ kind: "event", name: source, seq }, record),
    ]);
    this.#sources.set(source, changed);
  }

  async rows(source: string, seq: number): Promise<UnitRows> {
    const known = await this.#source(source);
    const [row] = await this.#fence.read(
      "record",
      "kind = 'event' AND name = ? AND seq = ?",
      [source, BigInt(seq)],
    );
    const record = row && JSON.parse(String(row["record"])) as EventRecord;
    if (!known || !record?.rows) {
      throw new Error(`Journal of "${source}" has no rows of event ${seq}`);
    }
    const { epoch, parts } = record.rows;
    const place = { journal: known.journal, seq, epoch: BigInt(epoch) };
    return await this.#rows.read(place, parts);
  }

  async prune(
    source: string,
    limits: { seq: number; number: number },
  ): Promise<void> {
    const known = await this.#source(source);
    const events = await this.journal(source);
    const gone = prunable(events, limits);
    const last = gone.at(-1);
    if (!known || !last) return;

    for (const group of groups(gone)) {
      await this.#fence.commit(
        group.map(({ seq }) => this.#drop("event", source, seq)),
      );
    }
    const kept = new Set(events).difference(new Set(gone));
    const low = Math.min(last.seq + 1, ...[...kept].map(({ seq }) => seq));
    if (low > known.low) await this.#saveSource(source, { ...known, low });
    // Also what a process left there that died before it wrote the event.
    await this.#rows.dropBelow(known.journal, low);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fence.release();
  }

  async #source(name: string): Promise<SourceRecord | undefined> {
    const known = this.#sources.get(name);
    if (known) return known;
    const [row] = await this.#fence.read(
      "record",
      "kind = 'source' AND name = ?",
      [name],
    );
    if (!row) return undefined;
    const record = JSON.parse(String(row["record"])) as SourceRecord;
    this.#sources.set(name, record);
    return record;
  }

  async #saveSource(name: string, record: SourceRecord): Promise<void> {
    await this.#fence.commit([this.#putSource(name, record)]);
    this.#sources.set(name, record);
  }

  async #known(): Promise<string[]> {
    const rows = await this.#fence.read("name", "kind = 'source'", []);
    return rows.map(({ name }) => String(name));
  }

  async #forget(source: string): Promise<void> {
    const known = await this.#source(source);
    if (!known) return;
    for (const group of groups(await this.journal(source))) {
      await this.#fence.commit(
        group.map(({ seq }) => this.#drop("event", source, seq)),
      );
    }
    // Last: as long as it is there, what is left can be found again.
    await this.#rows.drop(known.journal);
    await this.#fence.commit([this.#drop("source", source)]);
    this.#sources.delete(source);
  }

  async #moveSource(from: string, to: string): Promise<void> {
    const known = await this.#source(from);
    if (!known) return;
    await this.#saveSource(to, known);
    const rows = await this.#fence.read(
      "seq, record",
      "kind = 'event' AND name = ? AND seq >= ?",
      [from, BigInt(known.low)],
    );
    for (let first = 0; first < rows.length; first += mostEvents) {
      await this.#fence.commit(
        rows.slice(first, first + mostEvents).flatMap(({ record, seq }) => [
          this.#put(
            { kind: "event", name: to, seq: Number(seq) },
            JSON.parse(String(record)),
          ),
          this.#drop("event", from, Number(seq)),
        ]),
      );
    }
    // A run that was killed here finds it and goes on.
    await this.#fence.commit([this.#drop("source", from)]);
    this.#sources.delete(from);
  }

  #putCursor(cursor: Cursor): Statement {
    return this.#put({ kind: "cursor", name: cursor.sink, seq: 0 }, cursor);
  }

  #putSource(name: string, record: SourceRecord): Statement {
    return this.#put({ kind: "source", name, seq: 0 }, record);
  }

  #put(
    { kind, name, seq }: {
      readonly kind: string;
      readonly name: string;
      readonly seq: number;
    },
    record: unknown,
  ): Statement {
    return {
      query: `UPDATE ${stateTable} SET record = ? ` +
        "WHERE pipeline = ? AND kind = ? AND name = ? AND seq = ?",
      params: [
        JSON.stringify(record),
        this.#pipeline,
        kind,
        name,
        BigInt(seq),
      ],
    };
  }

  #drop(kind: string, name: string, seq = 0): Statement {
    return {
      query: `DELETE FROM ${stateTable} ` +
        "WHERE pipeline = ? AND kind = ? AND name = ? AND seq = ?",
      params: [this.#pipeline, kind, name, BigInt(seq)],
    };
  }
}

function newSource(low: number): SourceRecord {
  return { low, journal: crypto.randomUUID() };
}

/** JSON leaves out what is undefined. */
function withGaps(cursor: Cursor): Cursor {
  const { at, pending, state } = cursor;
  return { ...cursor, at, pending, state };
}

/** Events by the transaction, an insert together with its retraction. */
function groups(events: readonly JournalEvent[]): JournalEvent[][] {
  const sorted = events.toSorted((a, b) =>
    a.rowsOf - b.rowsOf || a.seq - b.seq
  );
  const made: JournalEvent[][] = [];
  for (const event of sorted) {
    const last = made.at(-1);
    const pair = last?.at(-1)?.rowsOf === event.rowsOf;
    if (last && (last.length < mostEvents || pair)) last.push(event);
    else made.push([event]);
  }
  return made;
}
