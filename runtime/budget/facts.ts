/**
 * What was found out about endpoints: known to all processes that share a
 * ledger, and to those that come later.
 *
 * Facts are advice. They are recalled once and kept in the background; where
 * the store does not answer, each process finds them out by itself.
 *
 * @module
 */
import type { Clock } from "../run/clock.ts";
import type { Fact, LedgerStore } from "./ledger_store.ts";
import type { Logger } from "../run/log.ts";

/** Longest wait for what others know, ms: finding out takes no longer. */
const RECALL_MS = 1000;

/** What is known of one endpoint. */
export interface Facts {
  /** What others had found out by now; nothing where the store is away. */
  readonly known: Promise<readonly Fact[]>;
  /** Keep a fact, soon; one that is over is forgotten by all. */
  learn(fact: Omit<Fact, "endpoint">): void;
}

/** Options of {@linkcode FactKeeper}. */
export interface FactKeeperOptions {
  readonly clock: Clock;
  readonly log: Logger | undefined;
  /** Opens the store, once. */
  store(): Promise<LedgerStore>;
  /** There is something to save; undefined: nothing is kept. */
  readonly changed: (() => void) | undefined;
}

/** Recalls and keeps the facts of this process's endpoints. */
export class FactKeeper {
  readonly #options: FactKeeperOptions;
  readonly #recalls: Promise<unknown>[] = [];
  /** Facts that are not saved, by endpoint and name. */
  #unsaved = new Map<string, Fact>();
  #told = false;

  constructor(options: FactKeeperOptions) {
    this.#options = options;
  }

  /** Facts of an endpoint. */
  of(endpoint: string): Facts {
    const { changed } = this.#options;
    const known = this.#recall(endpoint);
    this.#recalls.push(known);
    return {
      known,
      learn: (fact) => {
        if (!changed) return;
        this.#unsaved.set(`${endpoint} ${fact.name}`, { ...fact, endpoint });
        changed();
      },
    };
  }

  /**
   * Wait until it is known what others know; not for long, unless that is all
   * that is wanted.
   */
  async recalled(): Promise<void> {
    if (this.#recalls.length === 0) return;
    const { changed, clock } = this.#options;
    const all = Promise.all(this.#recalls);
    const enough = new AbortController();
    await Promise.race([
      all,
      changed ? clock.sleep(RECALL_MS, enough.signal).catch(() => {}) : all,
    ]);
    enough.abort("It is known");
  }

  /** Save what is not saved; what fails is saved the next time. */
  async save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const facts = this.#unsaved;
    this.#unsaved = new Map();
    try {
      const store = await this.#options.store();
      await store.learn([...facts.values()]);
    } catch (error) {
      // What was learned meanwhile is newer.
      this.#unsaved = new Map([...facts, ...this.#unsaved]);
      this.#tell(error);
    }
  }

  async #recall(endpoint: string): Promise<readonly Fact[]> {
    try {
      const store = await this.#options.store();
      return await store.learned(endpoint);
    } catch (error) {
      this.#tell(error);
      return [];
    }
  }

  #tell(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.log?.warn(
      "Cannot share what endpoints were found unable to do",
      { reason: error instanceof Error ? error.message : String(error) },
    );
  }
}
