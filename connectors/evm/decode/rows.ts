/**
 * Decode the rows of a unit with whatever is known of their contracts.
 *
 * The ABIs of the spec come first, then what was found for the contract, then
 * signatures that fit; what remains says why, and nothing is dropped.
 *
 * @module
 */
import type { Emit, Row, Schema } from "../../../runtime/component.ts";
import type { AbiArguments, FunctionDecoder } from "../abi/decoder.ts";
import type { AbiIndex, Decoders } from "../abi/abi_index.ts";
import { DecodeError } from "../abi/input.ts";
import { type Added, type Build, kindOf, rowBuilder } from "./schema.ts";
import { constructorArguments, deployedAddress } from "./deploy.ts";
import { innerCalls } from "./nested.ts";
import { guessCall, guessLog, type SignatureDatabase } from "./signatures.ts";

/** Calls inside of calls that are opened: deeper ones stay arguments. */
const MOST_LEVELS = 8;

/** Inner calls of one row that become rows; more stay arguments. */
const MOST_INNER = 4096;

/**
 * What all inner calls of a row may hold together, as a multiple of its own
 * data: each level is a part of the level above it, unless parts share bytes in
 * order to double with every level.
 */
const INNER_TIMES = 4;

/** An ABI that was found for a contract. */
export interface FoundAbi {
  readonly decoders: Decoders;
  /** The contract behind the proxy that it is of; null: the contract's own. */
  readonly implementation: string | null;
  /** The only functions that reach it; undefined: all. */
  readonly selectors: ReadonlySet<string> | undefined;
}

/** What was found of the contracts of a unit. */
export interface Findings {
  /** ABIs of a contract where a row stands in its block, the surest first. */
  abis(address: string, row: Row): readonly FoundAbi[];
  /** Whether a selector is in the code of a contract. */
  isInCode(address: string, selector: string): boolean;
  /** Whether a signature was not known yet when the unit was first seen. */
  isHidden(hash: string): boolean;
  /**
   * A row was not decoded with an ABI; with the hash when not even with a
   * signature.
   */
  lack(address: string, hash: string | undefined): void;
}

const nothing: Findings = {
  abis: () => [],
  isInCode: () => false,
  isHidden: () => false,
  lack: () => {},
};

/** A function whose list of bytes is one of calls, by every convention. */
const MULTICALL = "multicall";

const NOT_DECODED = { args: null, implementation: null, candidates: [] };

/** What decoding rows needs. */
export interface RowDecoderOptions {
  readonly input: Schema;
  readonly index: AbiIndex;
  readonly signatures: SignatureDatabase;
}

/** A call on its way to a row. */
interface CallRow {
  readonly row: Row;
  readonly to: string;
  readonly input: string;
  readonly path: string;
}

/** Decodes rows; see the module. */
export class RowDecoder {
  readonly #index: AbiIndex;
  readonly #signatures: SignatureDatabase;
  readonly #build: Build;
  readonly #decode: (row: Row) => void;
  #emit: Emit = Object.assign(() => {}, { reject() {} });
  #found = nothing;
  #inner = 0;
  #innerDigits = 0;

  constructor({ index, input, signatures }: RowDecoderOptions) {
    this.#index = index;
    this.#signatures = signatures;
    this.#build = rowBuilder(input);
    this.#decode = kindOf(input) === "logs"
      ? (row) => this.#log(row)
      : (row) => this.#transaction(row);
  }

  /** Decode rows with what was found of their contracts besides. */
  decode(rows: readonly Row[], emit: Emit, found = nothing): void {
    this.#emit = emit;
    this.#found = found;
    for (const row of rows) this.#decode(row);
  }

  #log(row: Row): void {
    const topics = row["topics"] as readonly string[];
    const data = String(row["data"]);
    const address = String(row["address"]);
    const [topic0] = topics;
    if (topic0 === undefined) {
      this.#missed(row, { event: null, signature: null, reason: "No topic" });
      return;
    }
    const count = topics.length;
    let known: { name: string; signature: string } | undefined;
    let failure = "No ABI for the event";
    for (const { abi, decode } of this.#index.event(address, topic0, count)) {
      const args = attempt(() => decode(topics, data));
      if (typeof args === "object") return this.#fullLog(row, abi, args, null);
      failure = args;
      known = abi;
    }
    for (const { decoders, implementation } of this.#found.abis(address, row)) {
      for (const { abi, decode } of decoders.event(topic0, count)) {
        const args = attempt(() => decode(topics, data));
        if (typeof args === "object") {
          return this.#fullLog(row, abi, args, implementation);
        }
        failure = args;
        known = abi;
      }
    }
    if (!this.#found.isHidden(topic0)) {
      const decoders = this.#signatures.events(topic0, count);
      const guess = guessLog(decoders, { topics, data });
      if (guess) {
        const { args, decoder: { abi: { name, signature } }, fitting } = guess;
        const added = { event: name, ...guessed(signature, args, fitting) };
        this.#found.lack(address, undefined);
        this.#emit("decoded", this.#build(row, added));
        return;
      }
      known ??= decoders[0]?.abi;
      if (known && decoders.length > 0) failure = "No known signature fits";
    }
    this.#found.lack(address, topic0);
    const { name = null, signature = null } = known ?? {};
    this.#missed(row, { event: name, signature, reason: failure });
  }

  #fullLog(
    row: Row,
    ...[{ name, signature }, args, implementation]: readonly [
      { readonly name: string; readonly signature: string },
      AbiArguments,
      string | null,
    ]
  ): void {
    const added = full(signature, args, implementation);
    this.#emit("decoded", this.#build(row, { event: name, ...added }));
  }

  #transaction(row: Row): void {
    const to = row["to_address"];
    const input = String(row["input"]);
    this.#inner = 0;
    this.#innerDigits = INNER_TIMES * input.length;
    if (typeof to === "string") this.#call({ row, to, input, path: "" }, 0);
    else this.#deploy(row, input);
  }

  #deploy(row: Row, input: string): void {
    const call = { call_path: "", selector: null };
    const address = deployedAddress(row);
    const abis = address === undefined ? [] : [
      this.#index.at(address)?.deploy,
      ...this.#found.abis(address, row).map(({ decoders }) => decoders.deploy),
    ];
    const parameters = abis.find((one) => one !== undefined);
    if (!parameters) {
      if (address !== undefined) this.#found.lack(address, undefined);
      const none = { function: null, signature: null };
      this.#missed(row, { ...call, ...none, reason: "Contract creation" });
      return;
    }
    const types = parameters.map(({ canonical }) => canonical).join(",");
    const signature = `constructor(${types})`;
    const named = { ...call, function: "constructor" };
    const args = constructorArguments(parameters, input);
    if (args) {
      const added = { ...named, ...full(signature, args, null) };
      this.#emit("decoded", this.#build(row, added));
    } else {
      const reason = "No arguments of the constructor behind the code";
      this.#missed(row, { ...named, signature, reason });
    }
  }

  /** Emit a call, then the calls in it. */
  #call(call: CallRow, level: number): void {
    const { input, path, row, to } = call;
    const place = { call_path: path };
    if (input.length < 10) {
      const reason = input === "0x" ? "No calldata" : "No selector";
      const none = { selector: null, function: null, signature: null };
      return this.#missed(row, { ...place, ...none, reason });
    }
    const selector = input.slice(0, 10);
    const found = this.#find(call, selector);
    if ("reason" in found) {
      return this.#missed(row, { ...place, selector, ...found });
    }
    const { abi, added, args } = found;
    const own = { ...place, selector, function: abi.name };
    this.#emit("decoded", this.#build(row, { ...own, ...added }));
    if (level === MOST_LEVELS) return;
    innerCalls(abi, args, to).forEach((inner, position) => {
      // A list of bytes need not be calls: what is not one of the contract's
      // functions is left to the arguments.
      const certain = inner.certain || this.#knows(to, inner.input, row) ||
        abi.name === MULTICALL && this.#isListed(inner.input);
      if (!certain || ++this.#inner > MOST_INNER) return;
      this.#innerDigits -= inner.input.length;
      if (this.#innerDigits < 0) return;
      const value = inner.value === undefined ? {} : { value: inner.value };
      this.#call({
        row: { ...row, to_address: inner.to, input: inner.input, ...value },
        to: inner.to,
        input: inner.input,
        path: path === "" ? String(position) : `${path}.${position}`,
      }, level + 1);
    });
  }

  #find({ input, row, to }: CallRow, selector: string):
    | {
      readonly abi: FunctionDecoder["abi"];
      readonly args: AbiArguments;
      readonly added: Added;
    }
    | {
      readonly function: string | null;
      readonly signature: string | null;
      readonly reason: string;
      readonly inCode: boolean;
    } {
    let known: FunctionDecoder["abi"] | undefined;
    let reason = "No ABI for the function";
    for (const { abi, decode } of this.#index.function(to, selector)) {
      const args = attempt(() => decode(input));
      if (typeof args === "object") {
        return { abi, args, added: full(abi.signature, args, null) };
      }
      [known, reason] = [abi, args];
    }
    for (const one of this.#found.abis(to, row)) {
      if (one.selectors && !one.selectors.has(selector)) continue;
      const { decoders, implementation } = one;
      for (const { abi, decode } of decoders.function(selector)) {
        const args = attempt(() => decode(input));
        if (typeof args === "object") {
          const added = full(abi.signature, args, implementation);
          return { abi, args, added };
        }
        [known, reason] = [abi, args];
      }
    }
    if (!this.#found.isHidden(selector)) {
      const decoders = this.#signatures.functions(selector);
      const guess = guessCall(decoders, input);
      if (guess) {
        const { args, decoder: { abi }, fitting } = guess;
        this.#found.lack(to, undefined);
        return { abi, args, added: guessed(abi.signature, args, fitting) };
      }
      if (!known && decoders[0]) {
        [known, reason] = [decoders[0].abi, "No known signature fits"];
      }
    }
    this.#found.lack(to, selector);
    return {
      function: known?.name ?? null,
      signature: known?.signature ?? null,
      reason,
      inCode: this.#found.isInCode(to, selector),
    };
  }

  #knows(to: string, input: string, row: Row): boolean {
    const selector = input.slice(0, 10);
    return this.#index.function(to, selector).length > 0 ||
      this.#found.abis(to, row).some(({ decoders }) =>
        decoders.function(selector).length > 0
      );
  }

  #isListed(input: string): boolean {
    const selector = input.slice(0, 10);
    return !this.#found.isHidden(selector) &&
      this.#signatures.functions(selector).length > 0;
  }

  #missed(
    row: Row,
    { inCode = false, reason, ...named }: Added & {
      readonly signature: string | null;
      readonly reason: string;
      readonly inCode?: boolean;
    },
  ): void {
    const partial = named.signature !== null || inCode;
    this.#emit(
      "unknown",
      this.#build(row, {
        ...named,
        ...NOT_DECODED,
        decode_kind: partial ? "partial" : "unknown",
        decode_error: reason,
      }),
    );
  }
}

/** Arguments, or why there are none. */
function attempt(decode: () => AbiArguments): AbiArguments | string {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

function full(
  signature: string,
  ...[args, implementation]: readonly [AbiArguments, string | null]
): Added {
  return {
    signature,
    args,
    decode_kind: "full",
    decode_error: null,
    implementation,
    candidates: [],
  };
}

function guessed(
  signature: string,
  ...[args, fitting]: readonly [AbiArguments, readonly string[]]
): Added {
  return {
    signature,
    args,
    decode_kind: "signature",
    decode_error: null,
    implementation: null,
    candidates: fitting.length > 1 ? fitting : [],
  };
}
