/**
 * Find the decoders of a call by address and selector, of a log by address,
 * signature and number of topics.
 *
 * @module
 */
import type { Abi, AbiEvent } from "./abi.ts";
import {
  compileEvent,
  compileFunction,
  type EventDecoder,
  type FunctionDecoder,
} from "./decoder.ts";
import { AbiError, type AbiParameter } from "./types.ts";

/** Decoders of known ABIs, by the address they are for or for any address. */
export class AbiIndex {
  readonly #anywhere = new Decoders();
  readonly #abis = new Map<string, readonly Abi[]>();
  readonly #decoders = new Map<string, Decoders>();
  // Thousands of addresses share an ABI (tokens, pools, proxies): compile once.
  readonly #compiled = new WeakMap<Abi, Decoders>();

  /**
   * Make an ABI known at one address, or at any address. Where two agree on
   * what they decode, the one that was added first decides the names.
   *
   * @throws {AbiError} When the address is not one.
   */
  add(abi: Abi, address?: string): void {
    if (address === undefined) return this.#anywhere.add(abi);
    const key = addressKey(address);
    const abis = [...this.#abis.get(key) ?? [], abi];
    this.#abis.set(key, abis);
    this.#decoders.set(key, this.#compile(abis));
  }

  /** Forget what was added at one address. */
  remove(address: string): void {
    const key = addressKey(address);
    this.#abis.delete(key);
    this.#decoders.delete(key);
  }

  /** Whether an ABI was added at this (lowercase) address. */
  has(address: string): boolean {
    return this.#decoders.has(address);
  }

  /**
   * Decoders of a call to a lowercase address, to be tried in order: those of
   * the address or, when it has none for the selector, those of any address.
   * There is more than one only where selectors collide.
   */
  function(address: string, selector: string): readonly FunctionDecoder[] {
    return this.#decoders.get(address)?.functions.get(selector) ??
      this.#anywhere.functions.get(selector) ?? NONE;
  }

  /**
   * Decoders of a log of a lowercase address, to be tried in order. ERC-20 and
   * ERC-721 transfers share `topic0`; the number of topics (3 and 4, `topic0`
   * included) tells them apart. There is more than one only where events
   * differ in nothing but which of their parameters are indexed.
   */
  event(
    address: string,
    topic0: string,
    topicsCount: number,
  ): readonly EventDecoder[] {
    return this.#decoders.get(address)?.events.get(topic0)?.[topicsCount] ??
      this.#anywhere.events.get(topic0)?.[topicsCount] ?? NONE;
  }

  /** Decoders of what was added at a lowercase address. */
  at(address: string): Decoders | undefined {
    return this.#decoders.get(address);
  }

  #compile(abis: readonly Abi[]): Decoders {
    const [first, ...others] = abis;
    const known = first && others.length === 0 && this.#compiled.get(first);
    if (known) return known;
    const decoders = new Decoders();
    for (const abi of abis) decoders.add(abi);
    if (first && others.length === 0) this.#compiled.set(first, decoders);
    return decoders;
  }
}

const NONE: readonly never[] = [];

/** The decoders of one contract. */
export class Decoders {
  readonly functions = new Map<string, FunctionDecoder[]>();
  /** By `topic0`, then by number of topics. */
  readonly events = new Map<string, EventDecoder[][]>();
  /** Parameters of the constructor, when the ABI names it. */
  deploy: readonly AbiParameter[] | undefined;

  /** Decoders of calls with a selector, to be tried in order. */
  function(selector: string): readonly FunctionDecoder[] {
    return this.functions.get(selector) ?? NONE;
  }

  /** Decoders of logs with a signature and so many topics. */
  event(topic0: string, topicsCount: number): readonly EventDecoder[] {
    return this.events.get(topic0)?.[topicsCount] ?? NONE;
  }

  /** These decoders, and those of others for what these do not know. */
  before(others: Decoders): Decoders {
    const both = new Decoders();
    for (const { events, functions } of [others, this]) {
      for (const [selector, list] of functions) {
        both.functions.set(selector, list);
      }
      for (const [topic0, counts] of events) {
        const known = both.events.get(topic0) ?? [];
        both.events.set(topic0, Object.assign([...known], counts));
      }
    }
    both.deploy = this.deploy ?? others.deploy;
    return both;
  }

  /** Add an ABI behind those that are known. */
  add({ deploy, events, functions }: Abi): void {
    this.deploy ??= deploy;
    for (const abi of functions) {
      const known = this.functions.get(abi.selector) ?? [];
      this.functions.set(abi.selector, known);
      if (known.some((each) => each.abi.signature === abi.signature)) continue;
      known.push(compileFunction(abi));
    }
    for (const abi of events) {
      // Nothing in its logs tells an anonymous event from any other.
      if (abi.anonymous) continue;
      const counts = this.events.get(abi.topic0) ?? [];
      this.events.set(abi.topic0, counts);
      const known = counts[abi.indexedCount + 1] ??= [];
      if (known.some((each) => isSameLayout(each.abi, abi))) continue;
      known.push(compileEvent(abi));
    }
  }
}

function isSameLayout(a: AbiEvent, b: AbiEvent): boolean {
  return a.signature === b.signature &&
    a.inputs.every((input, i) => input.indexed === b.inputs[i]?.indexed);
}

function addressKey(address: string): string {
  if (/^0x[0-9a-fA-F]{40}$/.test(address)) return address.toLowerCase();
  throw new AbiError(
    `Cannot use an ABI at "${address}": not an address; ` +
      "write 0x and 40 hex digits",
  );
}
