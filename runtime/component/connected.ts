/**
 * What the client of a connection may offer to the runtime and its verbs.
 *
 * @module
 */

import type { Clock } from "../run/clock.ts";
import type { LedgerStore } from "../budget/ledger_store.ts";
import type { StateStore } from "../run/state.ts";

/** How the result of a query is written. */
export type QueryFormat = "table" | "json" | "csv";

/** What a recording is made of. */
export interface RecordOptions {
  /** First block, inclusive. */
  readonly from: number;
  /** Last block, inclusive. */
  readonly to: number;
  /** File to write; the connection may add an extension. */
  readonly out: string;
  /** Whether a file that exists is replaced. */
  readonly overwrite: boolean;
  /** Aborted when the recording is not wanted any more. */
  readonly signal: AbortSignal;
  /** Called whenever a block is stored, with what was recorded so far. */
  progress(recorded: Recorded): void;
}

/** How much was recorded. */
export interface Recorded {
  readonly blocks: number;
  /** Calls whose answers were kept. */
  readonly calls: number;
  /** Size of these answers as JSON text; the file is compressed. */
  readonly bytes: number;
}

/** One key at a provider, and what its account has left. */
export interface KeyReport {
  /** As logs and metrics have it: the endpoint's name. */
  readonly name: string;
  /** Its last characters: nobody can use those. */
  readonly key: string;
  /** The account that pays. */
  readonly group: string;
  readonly plan: string | undefined;
  /** "open", "not asked", or since when and why it is not used. */
  readonly state: string;
  readonly limits: readonly {
    /** "500 credits/s". */
    readonly limit: string;
    /** By all processes that share the account, as far as is known. */
    readonly used: number;
    readonly left: number;
  }[];
  /** What the key was used for in the last 24 hours; absent: nobody counts. */
  readonly day?: { readonly calls: number; readonly credits: number };
  /** What was found that cannot be done with it; absent: nothing. */
  readonly shortcomings?: readonly Shortcoming[];
  /** What a test has shown. */
  readonly test?: KeyTest;
}

/** Something that an endpoint was found unable to do. */
export interface Shortcoming {
  /** "eth_getLogs of more than 1000 blocks". */
  readonly what: string;
  /** When it is tried again, in ISO 8601. */
  readonly until: string;
}

/** What asking with a key has shown. */
export interface KeyTest {
  /** Milliseconds that an answer took. */
  readonly latency: number;
  /** The newest position that the other side has; undefined: it has none. */
  readonly head: number | undefined;
  /** Which chain it serves. */
  readonly chainId: number | undefined;
}

/** Whose memory is opened. */
export interface StateOptions {
  readonly pipeline: string;
  readonly clock: Clock;
  /** Only look: nothing is created and no lease can be taken. */
  readonly readOnly: boolean;
}

/** How the budgets that processes share are opened. */
export type LedgerOptions = Omit<StateOptions, "pipeline">;

/** What a connection's client may offer besides its own methods. */
export interface Connected {
  /**
   * Reach the other side; throws a message that a user can act on.
   *
   * @param options `lazy`: what the first use will show may be left to it.
   */
  health?(options?: { readonly lazy?: boolean }): Promise<void>;
  /**
   * Run one statement and return its result as text, for the verb `query`.
   *
   * @throws {UserError} when the other side refuses the statement.
   */
  query?(
    sql: string,
    options: { readonly format: QueryFormat; readonly signal: AbortSignal },
  ): Promise<string>;
  /**
   * Save what the other side answers for a range of blocks, for the verb
   * `record`.
   *
   * @returns the file that was written and how much is in it.
   * @throws {UserError} when the file exists or the range is not there.
   */
  record?(
    options: RecordOptions,
  ): Promise<Recorded & { readonly file: string }>;
  /**
   * Tell of every key and its account, for the verb `keys`; with `test` each
   * key is used for two calls at most.
   */
  keys?(
    options: { readonly test: boolean; readonly signal: AbortSignal },
  ): Promise<readonly KeyReport[]>;
  /**
   * Open the memory of a pipeline, for specs with `state: { connection }`.
   *
   * @throws {RetryableError} when the other side cannot be asked now.
   */
  state?(options: StateOptions): Promise<StateStore>;
  /**
   * Open the budgets that processes share, where the state is.
   *
   * @throws {RetryableError} when the other side cannot be asked now.
   */
  ledger?(options: LedgerOptions): Promise<LedgerStore>;
  [Symbol.asyncDispose]?(): Promise<void>;
}

/** What verbs look for in a client: methods of it, or what it serves. */
export type Offer = "keys" | "query" | "record" | "state" | "transactions";
