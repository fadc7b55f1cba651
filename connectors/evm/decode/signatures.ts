/**
 * Functions and events by their hashes, for contracts whose ABI nobody knows.
 *
 * Four bytes are few: several functions share them. All that are known are
 * tried, and the one that gives the same bytes back when its arguments are
 * encoded again is right.
 *
 * @module
 */
import {
  type Abi,
  type AbiEvent,
  type AbiFunction,
  parseAbi,
} from "../abi/abi.ts";
import {
  type AbiArguments,
  compileEvent,
  compileFunction,
  type EventDecoder,
  type FunctionDecoder,
} from "../abi/decoder.ts";
import { argumentList, encodeTopic, encodeValues } from "../abi/encode.ts";
import { DecodeError } from "../abi/input.ts";
import { AbiError } from "../abi/types.ts";

/** Ways to choose the indexed parameters of an event that are tried. */
const MOST_LAYOUTS = 20;

/** A line of a database with its hash in front. */
const HASHED = /^(0x(?:[0-9a-f]{8}|[0-9a-f]{64})) (.+)$/;

/** Arguments, by which signature, and which others fit as well. */
export interface Guess<D> {
  readonly decoder: D;
  readonly args: AbiArguments;
  /** Signatures that fit no worse, the one that was used first. */
  readonly fitting: readonly string[];
}

/** Read the signatures that come with Sluice. */
export function commonSignatures(): string {
  return Deno.readTextFileSync(new URL("./signatures.txt", import.meta.url));
}

/** Known signatures by their hashes. */
export class SignatureDatabase {
  /** Texts, or what was read already, by hash; compiled when asked for. */
  readonly #texts = new Map<string, (string | Abi)[]>();
  readonly #functions = new Map<string, readonly FunctionDecoder[]>();
  readonly #events = new Map<string, readonly EventDecoder[]>();

  /**
   * Add lines of text: a signature each, with or without its hash in front.
   *
   * @throws {AbiError} A line without a hash cannot be read.
   */
  addText(text: string): void {
    for (const line of text.split("\n").map((line) => line.trim())) {
      if (line === "" || line.startsWith("#")) continue;
      const [, hash, signature] = HASHED.exec(line) ?? [];
      if (hash !== undefined && signature !== undefined) {
        this.add(hash, signature);
        continue;
      }
      const { events, functions } = parseAbi([line]);
      for (const { selector } of functions) this.add(selector, line);
      for (const { topic0 } of events) this.add(topic0, line);
    }
  }

  /** Add what an ABI names; nothing says whose it is. */
  addAbi({ events, functions }: Abi): void {
    for (const one of functions) {
      this.add(one.selector, { functions: [one], events: [] });
    }
    for (const one of events) {
      this.add(one.topic0, { functions: [], events: [one] });
    }
  }

  /** Add one signature by its hash. */
  add(hash: string, signature: string | Abi): void {
    const texts = this.#texts.get(hash) ?? [];
    if (texts.includes(signature)) return;
    this.#texts.set(hash, [...texts, signature]);
    this.#functions.delete(hash);
    for (const key of this.#events.keys()) {
      if (key.startsWith(hash)) this.#events.delete(key);
    }
  }

  /** Whether anything has this hash. */
  has(hash: string): boolean {
    return this.#texts.has(hash);
  }

  /** Functions with a selector. */
  functions(selector: string): readonly FunctionDecoder[] {
    let known = this.#functions.get(selector);
    if (known === undefined) {
      const texts = this.#texts.get(selector);
      if (texts === undefined) return [];
      known = unique(texts.flatMap((text) => readFunction(text, selector)))
        .map(compileFunction);
      this.#functions.set(selector, known);
    }
    return known;
  }

  /** Events with a first topic whose logs have so many topics. */
  events(topic0: string, topicsCount: number): readonly EventDecoder[] {
    const key = `${topic0} ${topicsCount}`;
    let known = this.#events.get(key);
    if (known === undefined) {
      const texts = this.#texts.get(topic0);
      if (texts === undefined) return [];
      known = texts.flatMap((text) => readEvents(text, topic0, topicsCount))
        .map(compileEvent);
      this.#events.set(key, known);
    }
    return known;
  }
}

function readFunction(text: string | Abi, selector: string): AbiFunction[] {
  return parsed(text).functions.filter((one) => one.selector === selector);
}

/** A signature may say which parameters are indexed, or leave it open. */
function readEvents(
  text: string | Abi,
  ...[topic0, topicsCount]: readonly [topic0: string, topicsCount: number]
): AbiEvent[] {
  const bare = typeof text === "string" && !text.startsWith("event ");
  const [event] = parsed(bare ? `event ${text}` : text).events;
  if (event?.topic0 !== topic0 || event.anonymous) return [];
  const indexedCount = topicsCount - 1;
  if (event.indexedCount === indexedCount) return [event];
  if (event.indexedCount > 0) return [];
  return choices(event.inputs.length, indexedCount).map((chosen) => ({
    ...event,
    indexedCount,
    inputs: event.inputs.map((input, index) => ({
      ...input,
      indexed: chosen.has(index),
    })),
  }));
}

/** Whatever a service or a file holds: what cannot be read is no candidate. */
function parsed(text: string | Abi): Abi {
  if (typeof text !== "string") return text;
  try {
    return parseAbi([text]);
  } catch (error) {
    if (error instanceof AbiError) return { functions: [], events: [] };
    throw error;
  }
}

function unique(functions: readonly AbiFunction[]): AbiFunction[] {
  return functions.filter(({ signature }, index) =>
    functions.findIndex((one) => one.signature === signature) === index
  );
}

/** Choose `count` of `total` positions; the first ones first. */
function choices(total: number, count: number): Set<number>[] {
  const found: Set<number>[] = [];
  const choose = (from: number, chosen: readonly number[]) => {
    if (found.length >= MOST_LAYOUTS) return;
    if (chosen.length === count) {
      found.push(new Set(chosen));
      return;
    }
    for (let next = from; next < total; next++) {
      choose(next + 1, [...chosen, next]);
    }
  };
  if (count <= total) choose(0, []);
  return found;
}

/** Decode calldata with whichever function fits it best. */
export function guessCall(
  decoders: readonly FunctionDecoder[],
  input: string,
): Guess<FunctionDecoder> | undefined {
  return best(decoders, (decoder) => {
    const args = decoder.decode(input);
    const { inputs } = decoder.abi;
    const again = encodeValues(
      inputs.map(({ type }) => type),
      argumentList(inputs, args),
    );
    return { args, fit: fitOf(input.slice(10), again) };
  });
}

/** Decode a log with whichever event fits it best. */
export function guessLog(
  decoders: readonly EventDecoder[],
  { data, topics }: {
    readonly topics: readonly string[];
    readonly data: string;
  },
): Guess<EventDecoder> | undefined {
  return best(decoders, (decoder) => {
    const args = decoder.decode(topics, data);
    const { inputs } = decoder.abi;
    const values = argumentList(inputs, args)
      .map((value, index) => ({ value, input: inputs[index] }));
    let topic = 0;
    let sameTopics = true;
    for (const { input, value } of values) {
      if (!input?.indexed) continue;
      topic++;
      const again = encodeTopic(input.type, value);
      const same = again === undefined || topics[topic] === `0x${again}`;
      sameTopics &&= same;
    }
    const rest = values.filter(({ input }) => !input?.indexed);
    const again = encodeValues(
      rest.flatMap(({ input }) => input ? [input.type] : []),
      rest.map(({ value }) => value),
    );
    return { args, fit: sameTopics ? fitOf(data.slice(2), again) : 0 };
  });
}

/** 2: the same bytes; 1: others behind them; 0: encoded in a way of its own. */
function fitOf(digits: string, again: string): number {
  const lower = digits.toLowerCase();
  if (lower === again) return 2;
  return lower.startsWith(again) ? 1 : 0;
}

function best<D extends FunctionDecoder | EventDecoder>(
  decoders: readonly D[],
  attempt: (decoder: D) => { args: AbiArguments; fit: number },
): Guess<D> | undefined {
  let found: { guess: Guess<D>; fit: number } | undefined;
  for (const decoder of decoders) {
    try {
      const { args, fit } = attempt(decoder);
      const { signature } = decoder.abi;
      if (found === undefined || fit > found.fit) {
        found = { guess: { decoder, args, fitting: [signature] }, fit };
      } else if (fit === found.fit) {
        const fitting = [...new Set([...found.guess.fitting, signature])];
        found = { guess: { ...found.guess, fitting }, fit };
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  return found?.guess;
}
