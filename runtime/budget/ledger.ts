/**
 * What this process shares with others: it holds its part of each account,
 * keeps count of what its keys are used for, and tells what it finds out about
 * endpoints.
 *
 * @module
 */
import { AccountLease, type AccountLeaseOptions } from "./account_lease.ts";
import { type SharedUsage, usageOf } from "./book.ts";
import type { Clock } from "../run/clock.ts";
import { FactKeeper, type Facts } from "./facts.ts";
import type { HourOfKey, LedgerStore } from "./ledger_store.ts";
import type { Logger } from "../run/log.ts";
import type { Cost, Window } from "./scheduler.ts";

const HOUR_MS = 3_600_000;

/** How often it is stored, ms: so much is lost with a killed process. */
const SAVE_EVERY_MS = 1000;

/** Options of {@linkcode Ledger}. */
export interface LedgerOptions {
  /** Opens the store; called when there is something to share. */
  readonly open: () => Promise<LedgerStore>;
  readonly clock: Clock;
  readonly log?: Logger;
  /** Only look: no part of any account is taken, and nothing is kept. */
  readonly readOnly?: boolean;
}

/** How a lease is asked for. */
export type JoinOptions = Pick<
  AccountLeaseOptions,
  "account" | "windows" | "elapsed" | "changed" | "closed"
>;

/** What all processes have used of an account. */
export interface AccountUsage {
  readonly windows: readonly SharedUsage[];
  readonly closedUntil: number;
  /** What the key was used for in the last 24 hours. */
  readonly day: { readonly calls: number; readonly credits: number };
}

/** This process's place in the accounts that it shares. */
export class Ledger implements AsyncDisposable {
  readonly isReadOnly: boolean;
  readonly #options: LedgerOptions;
  readonly #process = crypto.randomUUID();
  readonly #leases: AccountLease[] = [];
  /** Leases whose last renewal has failed. */
  readonly #away = new Set<object>();
  readonly #hours = new Map<string, HourOfKey>();
  readonly #changed = new Set<string>();
  readonly #end = new AbortController();
  readonly #facts: FactKeeper;
  #store: Promise<LedgerStore> | undefined;
  #keeping: Promise<void> | undefined;
  #reason = "";
  #toldLapse = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.isReadOnly = options.readOnly ?? false;
    this.#facts = new FactKeeper({
      clock: options.clock,
      log: options.log,
      store: () => this.#opened(),
      changed: this.isReadOnly ? undefined : () => this.#keep(),
    });
  }

  /** Take part in an account. */
  join(options: JoinOptions): AccountLease {
    const who = {};
    const lease = new AccountLease({
      ...options,
      clock: this.#options.clock,
      store: () => this.#opened(),
      told: (error) => this.#told(who, error),
      lapsed: () => this.#lapsed(),
    });
    this.#leases.push(lease);
    return lease;
  }

  /**
   * Wait until every account was asked for once.
   *
   * @throws {UserError} when the store cannot be used.
   */
  async ready(): Promise<void> {
    await Promise.all(this.#leases.map(({ ready }) => ready));
  }

  /** What is known of an endpoint. */
  facts(endpoint: string): Facts {
    return this.#facts.of(endpoint);
  }

  /** Wait, not for long, until it is known what others know of endpoints. */
  async recalled(): Promise<void> {
    await this.#facts.recalled();
  }

  /** Count a call that leaves now. */
  count(account: string, key: string, { calls, credits }: Cost): void {
    const now = this.#options.clock.now();
    const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
    const name = `${hour} ${key} ${account}`;
    const before = this.#hours.get(name);
    this.#hours.set(name, {
      account,
      key,
      process: this.#process,
      hour,
      calls: (before?.calls ?? 0) + calls,
      credits: (before?.credits ?? 0) + credits,
    });
    this.#changed.add(name);
    this.#keep();
  }

  /** What all processes have used; undefined: nobody knows. */
  async usage(
    account: string,
    { key, windows }: {
      readonly key: string;
      readonly windows: readonly Window[];
    },
  ): Promise<AccountUsage | undefined> {
    const since = this.#options.clock.now() - 24 * HOUR_MS;
    const found = await this.#opened().then(async (store) => ({
      hours: await store.counted(account, since),
      seen: await store.look(account),
    })).catch((error) => this.#cannotLook(error));
    if (!found) return undefined;
    const { hours, seen } = found;
    const own = hours.filter((one) => one.key === key);
    return {
      windows: usageOf(seen, windows),
      closedUntil: seen.book?.closedUntil ?? 0,
      day: {
        calls: own.reduce((sum, { calls }) => sum + calls, 0),
        credits: own.reduce((sum, { credits }) => sum + credits, 0),
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#keeping;
    await Promise.all(
      this.#leases.map((lease) => lease[Symbol.asyncDispose]()),
    );
    await this.#facts.save();
    const store = await this.#store?.catch(() => undefined);
    if (!store) return;
    await using _ = store;
    if (this.#away.size === 0) await this.#save(store).catch(() => {});
  }

  #opened(): Promise<LedgerStore> {
    return this.#store ??= this.#options.open().catch((error) => {
      this.#store = undefined;
      throw error;
    });
  }

  /** There is something to keep from now on. */
  #keep(): void {
    this.#keeping ??= this.#saveOften();
  }

  async #saveOften(): Promise<void> {
    const { clock } = this.#options;
    const end = this.#end.signal;
    while (!end.aborted) {
      await clock.sleep(SAVE_EVERY_MS, end).catch(() => {});
      // What cannot be stored now is stored later: it only grows.
      await this.#opened().then((store) => this.#save(store)).catch(() => {});
      await this.#facts.save();
    }
  }

  async #save(store: LedgerStore): Promise<void> {
    if (this.#changed.size === 0) return;
    const names = [...this.#changed];
    this.#changed.clear();
    const hours = names.flatMap((name) => this.#hours.get(name) ?? []);
    try {
      await store.count(hours);
    } catch (error) {
      for (const name of names) this.#changed.add(name);
      throw error;
    }
    const last = Math.max(...hours.map(({ hour }) => hour));
    for (const [name, { hour }] of this.#hours) {
      if (hour < last - HOUR_MS) this.#hours.delete(name);
    }
  }

  /** An outage of an hour is two lines, not a thousand. */
  #told(who: object, error: Error | undefined): void {
    if (error) {
      this.#away.add(who);
      this.#reason = error.message;
      return;
    }
    this.#away.delete(who);
    if (this.#away.size > 0 || !this.#toldLapse) return;
    this.#toldLapse = false;
    this.#options.log?.info("Budgets are renewed, calls go on");
  }

  #cannotLook(error: Error): undefined {
    if (this.#toldLapse) return;
    this.#toldLapse = true;
    this.#options.log?.warn("Cannot tell what other processes have used", {
      reason: error.message,
    });
  }

  #lapsed(): void {
    // A process that was stopped, or has just begun, asks first.
    if (this.#toldLapse || this.#away.size === 0) return;
    this.#toldLapse = true;
    this.#options.log?.warn(
      "Calls wait: the store of the shared budgets does not answer",
      { reason: this.#reason },
    );
  }
}
