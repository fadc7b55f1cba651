/**
 * Finds what a unit's rows are decoded with: ABIs of contracts behind proxies,
 * ABIs that services know, signatures.
 *
 * A unit waits for services no longer than the stated bound. What was found in
 * time is kept by the unit's hash: a unit that comes again, to be retracted or after
 * a crash, is decoded with the same.
 *
 * @module
 */
import type {
  Clock,
  Emit,
  Logger,
  Row,
  UnitInfo,
} from "../../../runtime/component.ts";
import type { Abi } from "../abi/abi.ts";
import type { AbiLookup } from "../lookup/client.ts";
import { type AbiIndex, Decoders } from "../abi/abi_index.ts";
import type { AbiStore } from "../lookup/store.ts";
import type { RowDecoder } from "./rows.ts";
import type { ContractHistory, Proxies } from "./proxies.ts";
import { SeenUnit, UNREAD } from "./seen_unit.ts";
import type { SignatureDatabase } from "./signatures.ts";

/** Rounds of decoding that ask for more: calls within calls are few deep. */
const MOST_ROUNDS = 6;

/** Things that are asked for at once when units are decoded anew. */
const AT_ONCE = 500;

/** Length of an address; hashes have 10 or 66 characters. */
const ADDRESS = 42;

/** What a finder works with. */
export interface FinderOptions {
  /** Pipeline and stage, as the store has them. */
  readonly stage: string;
  readonly index: AbiIndex;
  readonly signatures: SignatureDatabase;
  readonly store: AbiStore;
  readonly lookup: AbiLookup | undefined;
  readonly proxies: Proxies | undefined;
  /** Milliseconds that a unit waits for look-ups at most. */
  readonly wait: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Finds; see the module. */
export class Finder {
  readonly #options: FinderOptions;
  readonly #stop = new AbortController();
  readonly #reading = new Set<Promise<unknown>>();
  readonly #compiled = new WeakMap<Abi, Decoders>();
  /** What units lacked that are decoded anew; undefined in a normal run. */
  #renewing: ReadonlyMap<number, ReadonlySet<string>> | undefined;

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  /** Decode a unit's rows with whatever can be found in time. */
  async decode(
    rows: readonly Row[],
    ...[emit, unit, decoder]: readonly [Emit, UnitInfo, RowDecoder]
  ): Promise<void> {
    const { proxies, stage, store } = this.#options;
    const { id, number, op } = unit;
    if (op === "retract") proxies?.forget();
    else proxies?.see(unit, this.#stop.signal);
    const renewed = this.#renewing !== undefined && op === "insert";
    const saved = renewed ? undefined : store.unit(stage, id);
    const seen = new SeenUnit({
      // What was lacking then is lacking in what is taken back.
      lacking: op === "retract" ? this.#renewing?.get(number) : undefined,
      abiOf: (address) => this.#abiOf(address),
      saved: saved === undefined ? undefined : JSON.parse(saved),
      signatures: this.#options.signatures,
      asksSignatures: this.#options.lookup !== undefined,
    });
    const emitted: [string, Row][] = [];
    const collect: Emit = Object.assign(
      (port: string, row: Row) => void emitted.push([port, row]),
      { reject: emit.reject },
    );
    let left = this.#options.wait;
    for (let round = 0;; round++) {
      emitted.length = 0;
      seen.begin();
      decoder.decode(rows, collect, seen);
      const wanted = saved === undefined ? seen.wanted() : [];
      if (wanted.length === 0 || round === MOST_ROUNDS) break;
      left -= await this.#find(wanted, { seen, unit, wait: left });
    }
    for (const [port, row] of emitted) emit(port, row);
    if (saved !== undefined || op === "retract") return;
    const { lacks, ...kept } = seen.findings();
    const nothing = lacks.length === 0 && kept.hidden.length === 0 &&
      kept.inCode.length === 0 && Object.keys(kept.resolved).length === 0;
    // Decoded with what the spec names: so it will be again.
    if (nothing && !renewed) return;
    store.saveUnit({
      stage,
      id,
      number,
      findings: JSON.stringify(kept),
      lacks,
    });
  }

  /** End what is still read. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#reading);
  }

  /** Numbers of units in a range that would come out better now. */
  async outdated(
    range: { readonly from: number; readonly to: number },
  ): Promise<readonly number[]> {
    const { log, stage, store } = this.#options;
    const lacks = store.lacks(stage, range);
    const what = [...new Set(lacks.map(({ what }) => what))];
    if (what.length > 0) {
      log.info("Asks again for what was lacking", { things: what.length });
    }
    for (let at = 0; at < what.length; at += AT_ONCE) {
      const some = what.slice(at, at + AT_ONCE);
      await Promise.all(some.map((one) => this.#askAgain(one)));
    }
    const found = new Set(what.filter((one) => this.#isKnown(one)));
    const renewing = new Map<number, Set<string>>();
    for (const { number, what } of lacks) {
      if (!found.has(what)) continue;
      const list = renewing.get(number) ?? new Set();
      renewing.set(number, list.add(what));
    }
    this.#renewing = renewing;
    return [...renewing.keys()];
  }

  /** Ask for what was lacking, unless it is said to be nowhere. */
  async #askAgain(what: string): Promise<void> {
    const { lookup } = this.#options;
    if (what.startsWith(UNREAD)) return;
    if (what.length !== ADDRESS) return await this.#askSignatures(what);
    if (this.#abiOf(what) || lookup?.abi(what) !== undefined) return;
    await lookup?.askAbi(what);
  }

  #isKnown(what: string): boolean {
    const { signatures } = this.#options;
    if (what.startsWith(UNREAD)) return true;
    return what.length === ADDRESS
      ? this.#abiOf(what) !== undefined
      : signatures.has(what);
  }

  /**
   * Find contracts and signatures; returns how long look-ups were waited for.
   * The chain is read without a bound, as by the source itself.
   */
  async #find(
    wanted: readonly string[],
    { seen, unit, wait }: {
      readonly seen: SeenUnit;
      readonly unit: UnitInfo;
      readonly wait: number;
    },
  ): Promise<number> {
    const { clock, index } = this.#options;
    const addresses = wanted.filter(({ length }) => length === ADDRESS);
    const hashes = wanted.filter(({ length }) => length !== ADDRESS);
    const contracts = await Promise.all(
      addresses.map((address) => this.#contractsOf(address, { seen, unit })),
    );
    // What the spec has of a contract was not enough for its own rows.
    const unknown = new Set(
      contracts.flat().filter((one) =>
        !index.at(one) || addresses.includes(one)
      ),
    );
    const began = clock.now();
    const deadline = began + wait;
    await this.#within(deadline, [
      ...[...unknown].map((one) => this.#askAbi(one, deadline)),
      ...hashes.map((hash) => this.#findSignatures(hash, deadline)),
    ]);
    return clock.now() - began;
  }

  /** Wait for work, but not beyond an instant. */
  async #within(
    deadline: number,
    work: readonly Promise<unknown>[],
  ): Promise<void> {
    const { clock, signal } = this.#options;
    const rest = deadline - clock.now();
    const done = Promise.all(work);
    // Whoever stops waiting still wants no unhandled failure.
    done.catch(() => {});
    if (rest <= 0) return;
    const timer = new AbortController();
    const ended = AbortSignal.any([timer.signal, signal]);
    try {
      await Promise.race([done, clock.sleep(rest, ended).catch(() => {})]);
    } finally {
      timer.abort();
    }
    signal.throwIfAborted();
  }

  /** The contracts whose ABIs count for an address; none: nobody says. */
  async #contractsOf(
    address: string,
    { seen, unit }: { readonly seen: SeenUnit; readonly unit: UnitInfo },
  ): Promise<readonly string[]> {
    const { proxies } = this.#options;
    const history = proxies && await this.#history(address, unit);
    if (proxies && !history) return [];
    return seen.settle(address, history).contracts.map((one) => one.address);
  }

  async #history(
    address: string,
    unit: UnitInfo,
  ): Promise<ContractHistory | undefined> {
    const { proxies, signal } = this.#options;
    const ended = AbortSignal.any([signal, this.#stop.signal]);
    const reading = proxies?.history(address, unit, ended);
    if (!reading) return undefined;
    this.#reading.add(reading);
    try {
      return await reading;
    } catch {
      // An outage: the rows leave with what is known, and can be renewed.
      return undefined;
    } finally {
      this.#reading.delete(reading);
    }
  }

  async #askAbi(address: string, deadline: number): Promise<void> {
    const { lookup } = this.#options;
    if (!lookup || lookup.abi(address) !== undefined) return;
    // In an outage nobody waits: the answer comes when it comes.
    const asked = lookup.askAbi(address);
    if (lookup.restsUntil("abis") < deadline) await asked;
  }

  async #findSignatures(hash: string, deadline: number): Promise<void> {
    const { lookup } = this.#options;
    if (!lookup) return;
    const asked = this.#askSignatures(hash);
    if (lookup.restsUntil("signatures") < deadline) await asked;
  }

  async #askSignatures(hash: string): Promise<void> {
    const { lookup, signatures } = this.#options;
    if (!lookup || signatures.has(hash)) return;
    if (lookup.signatures(hash) === undefined) {
      await lookup.askSignatures(hash);
    }
    for (const text of lookup.signatures(hash) ?? []) {
      signatures.add(hash, text);
    }
  }

  /** What decodes calls to a contract itself. */
  #abiOf(address: string): Decoders | undefined {
    const { index, lookup } = this.#options;
    const own = index.at(address);
    const abi = lookup?.abi(address);
    if (!abi) return own;
    let decoders = this.#compiled.get(abi);
    if (!decoders) {
      const found = new Decoders();
      found.add(abi);
      decoders = own?.before(found) ?? found;
      this.#compiled.set(abi, decoders);
    }
    return decoders;
  }
}
