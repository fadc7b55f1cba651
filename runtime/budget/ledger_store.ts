/**
 * Where processes that share accounts keep their books.
 *
 * @module
 */
import type { Book, Seen } from "./book.ts";

/** A process's place in an account: a lease that it renews. */
export interface Place {
  readonly account: string;
  /** The process. */
  readonly id: string;
  /** For so long it counts as living, ms: at least. */
  readonly lasts: number;
  /**
   * For so long its last calls may count in a window of the provider, ms: a
   * store that sees that the process has died waits no longer.
   */
  readonly lingers: number;
}

/** What a key has been used for in an hour, by one process. */
export interface HourOfKey {
  readonly account: string;
  /** Who it is to all processes: never the key itself. */
  readonly key: string;
  readonly process: string;
  /** When the hour began, ms since 1970. */
  readonly hour: number;
  readonly calls: number;
  readonly credits: number;
}

/** Something that was found out about an endpoint. */
export interface Fact {
  /**
   * Where it was found out, and under which plan: never an address or a key
   * itself.
   */
  readonly endpoint: string;
  /** What it is about. */
  readonly name: string;
  readonly value: number;
  /** When it is over, ms since 1970. */
  readonly until: number;
}

/**
 * Books of accounts, what each key was used for, and what was found out about
 * endpoints. What a store cannot do
 * now throws {@linkcode RetryableError}; whether it was done is unknown then,
 * and the same may come again.
 */
export interface LedgerStore extends AsyncDisposable {
  /**
   * Change an account's book as if nobody else did, and renew the place.
   * `change` may run several times: the last one counts.
   */
  change(place: Place, change: (seen: Seen) => Book): Promise<void>;
  /** An account's book now. */
  look(account: string): Promise<Seen>;
  /** Keep what a process has counted; its last word on an hour counts. */
  count(hours: readonly HourOfKey[]): Promise<void>;
  /** What was counted of an account in hours that began at an instant or later. */
  counted(account: string, since: number): Promise<readonly HourOfKey[]>;
  /** Keep facts; the last word on each counts, and one that is over is gone. */
  learn(facts: readonly Fact[]): Promise<void>;
  /** What is known of an endpoint and not over. */
  learned(endpoint: string): Promise<readonly Fact[]>;
}

/** For so many days hours are kept. */
export const keptDays = 40;
