/**
 * Asks services for ABIs and signatures: each thing once, paced, and kept.
 *
 * @module
 */
import type {
  Connected,
  ConnectionContext,
  KeyReport,
} from "../../../runtime/component.ts";
import { type Abi, parseAbi } from "../abi/abi.ts";
import { knowsAbis, type Meaning, type Question } from "./service.ts";
import type { AbiStore, Known } from "./store.ts";
import { AbiError } from "../abi/types.ts";
import type { LookupKey } from "./key.ts";
import { reportKeys } from "./report.ts";

// Parsed ABIs in memory: an ABI takes some 100 kB, so 200 MB at most.
const MOST_IN_MEMORY = 2_000;

// Questions that wait for services at once. Behind an outage more would be
// memory without use: what is left out is asked when it is seen again.
const MOST_OPEN = 2_000;

// A question that fails so often rests until it is asked again.
const MOST_FAILURES = 8;

/** What a client is made of. */
export interface AbiLookupOptions {
  /** The keys of all services, the preferred ones first. */
  readonly keys: readonly LookupKey[];
  readonly store: AbiStore;
  readonly chainId: number;
  /** Milliseconds that "there is none" is believed. */
  readonly noneFor: number;
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
  readonly context: ConnectionContext;
}

/** The client of services; see the module. */
export class AbiLookup implements Connected {
  readonly chainId: number;
  readonly #options: AbiLookupOptions;
  readonly #abis = new Map<string, Known<Abi>>();
  readonly #hashes = new Map<string, Known<readonly string[]>>();
  readonly #open = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: AbiLookupOptions) {
    this.chainId = options.chainId;
    this.#options = options;
  }

  /** Whether there is anybody to ask: empty URLs leave services out. */
  get hasServices(): boolean {
    return this.#options.keys.length > 0;
  }

  /** The ABI at an address; null: there is none; undefined: not known. */
  abi(address: string): Abi | null | undefined {
    const known = recent(this.#abis, address) ?? this.#stored(address);
    return this.#current(known);
  }

  /** Signatures of a hash; null: there are none; undefined: not known. */
  signatures(hash: string): readonly string[] | null | undefined {
    let known = recent(this.#hashes, hash);
    if (known === undefined) {
      known = this.#options.store.signatures(hash);
      if (known) remember(this.#hashes, hash, known);
    }
    return this.#current(known);
  }

  /**
   * Ask for the ABI at an address unless it is asked for already; resolves
   * when there is an answer or none can be had now.
   */
  askAbi(address: string): Promise<void> {
    return this.#ask(address, { chain: this.chainId, address });
  }

  /** Ask for the signatures of a hash, as `askAbi`. */
  askSignatures(hash: string): Promise<void> {
    return this.#ask(hash, { hash });
  }

  /** When somebody may be asked next; the past: now; Infinity: never. */
  restsUntil(what: "abis" | "signatures"): number {
    return Math.min(
      ...this.#keys(what === "abis").map(({ budget }) => budget.cooledUntil),
    );
  }

  /** Report on every key, for the verb `keys`. */
  keys(
    options: { readonly test: boolean; readonly signal: AbortSignal },
  ): Promise<readonly KeyReport[]> {
    const { context: { clock, scheduler }, keys, timeout } = this.#options;
    return reportKeys(keys, {
      ...options,
      chainId: this.chainId,
      now: () => clock.now(),
      scheduler,
      timeout,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#open.values());
    this.#options.store[Symbol.dispose]();
  }

  #keys(abis: boolean): readonly LookupKey[] {
    return this.#options.keys.filter((key) =>
      !key.closed && knowsAbis(key.dialect) === abis
    );
  }

  #ask(what: string, question: Question): Promise<void> {
    const open = this.#open.get(what);
    if (open) return open;
    if (this.#open.size >= MOST_OPEN) return Promise.resolve();
    const asking = this.#answer(what, question)
      .finally(() => this.#open.delete(what));
    this.#open.set(what, asking);
    return asking;
  }

  async #answer(what: string, question: Question): Promise<void> {
    const { context: { scheduler }, timeout } = this.#options;
    const signal = this.#stop.signal;
    const abis = "address" in question;
    /** Services that say for certain that there is none. */
    const denied = new Set<string>();
    let failures = 0;
    const left = () =>
      this.#keys(abis).filter(({ name }) => !denied.has(serviceOf(name)));
    const all = new Set(
      this.#options.keys
        .filter(({ dialect }) => knowsAbis(dialect) === abis)
        .map(({ name }) => serviceOf(name)),
    );
    while (failures < MOST_FAILURES) {
      const keys = left();
      if (keys.length === 0) break;
      let meaning: Meaning;
      let key: LookupKey | undefined;
      try {
        using admission = await scheduler.admit({
          method: abis ? "abi" : "signatures",
          priority: "lookup",
          budgets: keys.map(({ budget }) => budget),
          signal,
        });
        key = keys.find(({ budget }) => budget === admission.budget);
        if (key === undefined) throw new Error("Admitted to a strange budget");
        meaning = await key.ask(question, { timeout, signal });
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (signal.aborted) return;
      if (meaning.kind === "none") denied.add(serviceOf(key.name));
      else if ("reason" in meaning) failures++;
      else return this.#keep(what, meaning, key.name);
    }
    // Somebody who could not be asked might know it.
    if (all.size > 0 && denied.size === all.size) {
      this.#keep(what, { kind: "none" }, [...denied].join(", "));
    }
  }

  #keep(
    what: string,
    ...[meaning, service]: readonly [
      Exclude<Meaning, { readonly reason: string }>,
      string,
    ]
  ): void {
    const { context: { clock }, store } = this.#options;
    const at = clock.now();
    if (what.length === 42) {
      const abi = meaning.kind === "abi" ? meaning.abi : undefined;
      const chain = this.chainId;
      store.saveAbi({ abi, address: what, at, chain, service });
      this.#abis.delete(what);
    } else {
      const texts = meaning.kind === "signatures" ? meaning.texts : [];
      store.saveSignatures(what, texts, at);
      this.#hashes.delete(what);
    }
  }

  #stored(address: string): Known<Abi> | undefined {
    const { context: { log }, store } = this.#options;
    const stored = store.abi(this.chainId, address);
    if (!stored) return undefined;
    let value: Abi | undefined;
    try {
      value = stored.value === undefined ? undefined : parseAbi(stored.value);
    } catch (error) {
      if (!(error instanceof AbiError)) throw error;
      const reason = error.message;
      log.warn("Cannot use an ABI that was found", { address, reason });
    }
    const known = { value, at: stored.at };
    remember(this.#abis, address, known);
    return known;
  }

  #current<T>(known: Known<T> | undefined): T | null | undefined {
    if (known?.value !== undefined) return known.value;
    const { context: { clock }, noneFor } = this.#options;
    return known && clock.now() - known.at < noneFor ? null : undefined;
  }
}

/** Keys of one service have one name, and a number behind it. */
function serviceOf(name: string): string {
  return name.replace(/#\d+$/, "");
}

/** Get an entry and make it the last one to be forgotten. */
function recent<T>(map: Map<string, T>, key: string): T | undefined {
  const value = map.get(key);
  if (value === undefined) return undefined;
  map.delete(key);
  map.set(key, value);
  return value;
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size <= MOST_IN_MEMORY) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
