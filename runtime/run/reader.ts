/**
 * Reads one source into events: journal first, then the chain, with every
 * reorg turned into retractions.
 *
 * @module
 */
import type { Head, OpenSource, SourceUnit } from "../component.ts";
import { RetryableError, UserError } from "../errors.ts";
import type { Position } from "../row.ts";
import { backoff } from "./backoff.ts";
import { canonicalCount } from "./canonical.ts";
import type { Clock } from "./clock.ts";
import type { EventOptions, Progress, UnitEvent } from "./events.ts";
import type { Logger } from "./log.ts";
import type { Counter, Metrics } from "./metrics.ts";
import { differenceOf, isSame, type Reading } from "./reading.ts";
import { renew } from "./renewal.ts";
import type { JournalEvent, StateStore, UnitRows } from "./state.ts";

/**
 * Units this far behind the head are taken for final where the node does not
 * say what is; the deepest reorg that can be followed there.
 */
const journalDepth = 512;

/**
 * Versions behind the last one that are for making rows anew between two
 * runs: sequences may be ahead of the clock.
 */
export const replacingVersions = 4;

/** What a reader works with. */
export interface ReaderOptions {
  /** The source's name. */
  readonly name: string;
  readonly source: OpenSource;
  /** Ports that some stage reads; the others are not journaled. */
  readonly ports: readonly string[];
  /** What its rows are made for. */
  readonly reading: Reading;
  readonly reorgs: boolean;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Reads one source; see the module. */
export class Reader {
  /** Called when the head has moved, or more has become safe or final. */
  onHead: () => void = () => {};
  readonly #options: ReaderOptions;
  readonly #reorgs: Counter;
  /** Units that may still be replaced, oldest first. */
  #open: JournalEvent[] = [];
  #tip: Position | undefined;
  /** Number of the first unit that was ever read. */
  #origin = -Infinity;
  #lastSeq = 0;
  /** The least sequence that this run may give. */
  #firstSeq = 0;
  #head: Head | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const { metrics, name } = options;
    this.#reorgs = metrics.counter("sluice_reorgs_total", { source: name });
  }

  /** How far the other side is, as last seen. */
  get head(): Head | undefined {
    return this.#head;
  }

  /** The last unit read. */
  get tip(): Position | undefined {
    return this.#tip;
  }

  /** Units up to this number are final; -1 while that is not known. */
  get final(): number {
    return this.#finalBelow() ?? -1;
  }

  /** Every event that some sink does not have, in order. */
  async *events(options: EventOptions): AsyncGenerator<UnitEvent> {
    const { signal } = options;
    this.#signal = signal;
    try {
      yield* this.#events(options);
    } catch (error) {
      // It waited for an answer that nobody wants any more.
      if (!signal.aborted || error !== signal.reason) throw error;
    }
  }

  async *#events(options: EventOptions): AsyncGenerator<UnitEvent> {
    const { name, reading, state } = this.#options;
    // The journal may have been pruned: what sinks have taken counts too.
    this.#lastSeq = Math.max(0, ...options.sinks.map(seqOf));
    const origin = await state.origin(name);
    if (origin === undefined) {
      await state.saveReading(name, reading);
      return yield* this.#follow(options);
    }

    this.#origin = origin;
    const journal = await state.journal(name);
    this.#lastSeq = Math.max(this.#lastSeq, journal.at(-1)?.seq ?? 0);
    this.#firstSeq = this.#lastSeq + replacingVersions;
    const known = await state.reading(name);
    const retractions = await this.#renew(journal, known);
    // Before a unit is journaled that has less than those before it.
    if (known === undefined || !isSame(known, reading)) {
      await state.saveReading(name, reading);
    }
    this.#tip = this.#known(lowest(options.sinks, origin));
    yield* this.#replay([...journal, ...retractions], options);
    yield* this.#follow(options);
  }

  /** Make rows in the journal anew where the spec needs others. */
  async #renew(
    journal: readonly JournalEvent[],
    known: Reading | undefined,
  ): Promise<readonly JournalEvent[]> {
    const difference = differenceOf(known, this.#options.reading);
    return await renew(journal, difference, {
      ...this.#options,
      signal: this.#signal ?? AbortSignal.abort(),
      canonical: (units) => this.#retrying(() => this.#ancestor(units)),
      before: (unit) => this.#before(unit),
      rowsOf: (unit) => this.#rowsOf(unit),
      retract: (unit) => this.#retract(unit),
      retrying: (work) => this.#retrying(work),
    });
  }

  /**
   * Forget journal events that no sink needs any more.
   *
   * @param acknowledged Lowest journal sequence that all sinks have taken.
   */
  async prune(acknowledged: number): Promise<void> {
    const limit = this.#finalBelow();
    if (limit === undefined) return;
    const { name, state } = this.#options;
    await state.prune(name, { seq: acknowledged, number: limit });
    this.#open = this.#open.filter(({ number }) => number > limit);
  }

  /** Journal events, and what they leave open. */
  async *#replay(
    journal: readonly JournalEvent[],
    options: EventOptions,
  ): AsyncGenerator<UnitEvent> {
    const { sinks } = options;
    const after = Math.min(...sinks.map(seqOf));
    const low = this.#tip?.number ?? -Infinity;
    for (const event of journal) {
      if (event.op === "insert") {
        const before = event.after ?? event.number - 1;
        if (low < before && (this.#tip?.number ?? before) < before) {
          // What was final when it came is not in the journal.
          const to = Math.min(before, options.to ?? Infinity);
          yield* this.#follow({ ...options, to });
          if ((this.#tip?.number ?? before) < before) return;
        }
        this.#open.push(event);
        this.#tip = event;
      } else {
        this.#open.pop();
        this.#tip = this.#before(event);
      }
      if (event.seq > after) yield this.#event(event);
    }
    const tip = this.#open.at(-1);
    if (tip === undefined) return;

    const id = await this.#retrying(() => this.#identify(tip.number));
    // A node that does not know the number yet proves nothing.
    if (id !== undefined && id !== tip.id) yield* this.#rewind();
  }

  /** Read on behind the tip, through reorgs and outages. */
  async *#follow(options: EventOptions): AsyncGenerator<UnitEvent> {
    const { log, name, source, state } = this.#options;
    const { from, signal, to } = options;
    let failures = 0;
    while (!signal.aborted) {
      let forked = false;
      try {
        const units = source.read({
          after: this.#tip,
          from,
          to,
          signal,
          onHead: (head) => this.#see(head),
        });
        for await (const unit of units) {
          if (unit === "fork" || !this.#follows(unit)) {
            forked = true;
            break;
          }
          if (this.#tip === undefined) {
            await state.saveOrigin(name, unit.number);
            this.#origin = unit.number;
          }
          failures = 0;
          yield await this.#accept(unit);
        }
        if (!forked) return;
        yield* this.#rewind();
      } catch (error) {
        if (!(error instanceof RetryableError)) throw error;
        if (signal.aborted) return;
        failures++;
        const pause = backoff(failures, error.after);
        log.warn("Source failed, tries again", {
          source: name,
          reason: error.message,
          pause_ms: Math.round(pause),
        });
        await this.#options.clock.sleep(pause, signal).catch(() => {});
      }
    }
  }

  #follows(unit: SourceUnit): boolean {
    if (this.#tip === undefined || unit.parent === undefined) return true;
    // An empty id is a position that was never read: nothing to compare.
    return this.#tip.id === "" || unit.parent === this.#tip.id;
  }

  async #accept(unit: SourceUnit): Promise<UnitEvent> {
    const { name, reorgs, state } = this.#options;
    const rows = this.#rowsOf(unit);
    const { after, id, number, parent, time } = unit;
    this.#tip = { id, number };
    const event = { op: "insert", after, id, number, parent, time } as const;
    if (!reorgs || unit.final || number <= (this.#finalBelow() ?? -1)) {
      const stored = () => Promise.resolve(rows);
      // Final, but its number may have been retracted before.
      const version = this.#lastSeq + 1;
      return { ...event, seq: 0, version, rows: () => rows, stored };
    }
    const seq = this.#nextSeq();
    const entry = { ...event, seq, rowsOf: seq };
    // Before any sink sees it: a crash must not leave rows of a unit that
    // the next run knows nothing about.
    await state.append(name, entry, rows);
    this.#open.push(entry);
    return { ...this.#event(entry), rows: () => rows };
  }

  #rowsOf(unit: SourceUnit): UnitRows {
    const { ports } = this.#options;
    return Object.fromEntries(
      ports.map((port) => [port, unit.rows[port] ?? []]),
    );
  }

  /** Retract everything above the last unit that is still canonical. */
  async *#rewind(): AsyncGenerator<UnitEvent> {
    const { log, name } = this.#options;
    const keep = await this.#retrying(() => this.#ancestor(this.#open));
    const abandoned = this.#open.splice(keep).reverse();
    if (abandoned.length === 0) {
      // The next unit did not fit although the tip is canonical: a node that
      // answers from two forks. Ask again a little later.
      throw new RetryableError(
        `The unit after ${this.#tip?.number} does not follow it`,
      );
    }
    this.#reorgs.add();
    log.info("Reorg", {
      source: name,
      depth: abandoned.length,
      from: abandoned.at(-1)?.number,
      to: abandoned[0]?.number,
    });
    for (const unit of abandoned) {
      const entry = await this.#retract(unit);
      this.#tip = this.#before(unit);
      yield this.#event(entry);
    }
  }

  async #retract(unit: JournalEvent): Promise<JournalEvent> {
    const { name, state } = this.#options;
    const entry = { ...unit, op: "retract", seq: this.#nextSeq() } as const;
    await state.append(name, entry);
    return entry;
  }

  /** How many of these units are canonical, counted from the oldest. */
  async #ancestor(units: readonly JournalEvent[]): Promise<number> {
    const count = await canonicalCount(
      units,
      async ({ id, number }) => await this.#identify(number) === id,
    );
    if (count === 0) await this.#checkBase(units);
    return count;
  }

  /** What lies below the open units was final: it must be canonical. */
  async #checkBase([oldest]: readonly JournalEvent[]): Promise<void> {
    const base = oldest ? this.#before(oldest) : this.#tip;
    if (base === undefined || base.id === "") return;
    const id = await this.#identify(base.number);
    if (id === undefined || id === base.id) return;
    throw new UserError(
      `Cannot follow the reorg of "${this.#options.name}": block ` +
        `${base.number} was final with hash ${base.id} and now has ${id}; ` +
        "check that the endpoints serve the same chain, then use " +
        "`reset` to read it again",
    );
  }

  #event(entry: JournalEvent): UnitEvent {
    const { name, state } = this.#options;
    const { after, id, number, op, seq, time } = entry;
    const parent = this.#before(entry).id || undefined;
    const stored = () => state.rows(name, entry.rowsOf);
    const unit = { after, id, number, op, parent, time };
    return { ...unit, seq, version: seq, rows: stored, stored };
  }

  #see(head: Head): void {
    const { finalized, latest, safe } = this.#head ?? {};
    this.#head = head;
    const stands = head.latest === latest && head.safe === safe &&
      head.finalized === finalized;
    if (!stands) this.onHead();
  }

  /** Units at or below this number are final; undefined: not known yet. */
  #finalBelow(): number | undefined {
    if (this.#head === undefined) return undefined;
    return this.#head.finalized ?? this.#head.latest - journalDepth;
  }

  /** Sequences are times, so that they grow also when the state is lost. */
  #nextSeq(): number {
    this.#lastSeq = Math.max(
      this.#lastSeq + 1,
      this.#firstSeq,
      this.#options.clock.now(),
    );
    return this.#lastSeq;
  }

  /** The position in front of a unit. */
  #before({ after, number, parent }: JournalEvent): Position {
    return this.#known({ number: after ?? number - 1, id: parent ?? "" });
  }

  /** What lies in front of the first unit was never read, and may change. */
  #known(position: Position): Position {
    return position.number < this.#origin ? { ...position, id: "" } : position;
  }

  #identify(number: number): Promise<string | undefined> {
    return this.#options.source.identify?.(number, this.#signal) ??
      Promise.resolve(undefined);
  }

  async #retrying<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RetryableError)) throw error;
        const pause = backoff(attempt, error.after);
        await this.#options.clock.sleep(pause, this.#signal);
      }
    }
  }
}

function seqOf({ seq }: Progress): number {
  return seq;
}

/** Where the sink that is furthest back stands. */
function lowest(sinks: readonly Progress[], origin: number): Position {
  const start = { number: origin - 1, id: "" };
  return sinks.map(({ at }) => at ?? start)
    .reduce((low, at) => at.number < low.number ? at : low);
}
