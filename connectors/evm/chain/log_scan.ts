/**
 * Reads the answer of `eth_getLogs` byte by byte and checks all of it.
 *
 * This is for what nodes answer as a rule: every log with the same fields in
 * one order, lowercase hex, none removed, all in the order of the chain. Any
 * other answer is for `JSON.parse` and `consistency.ts`, which also say what
 * is wrong.
 *
 * @module
 */
import { Constant, type HexBytes } from "../hex_bytes.ts";

/** What is told of a log: where its values stand, or small numbers. */
export const place = {
  start: 0,
  end: 1,
  address: 2,
  topics: 3,
  topicCount: 4,
  data: 5,
  dataEnd: 6,
  transactionHash: 7,
  transactionIndex: 8,
  logIndex: 9,
} as const;

/** How many numbers are told of each log. */
export const PLACES = 10;

/** Hex digits of an address, and of a hash. */
export const ADDRESS = 40;
export const HASH = 64;

/** From one topic to the next. */
export const TOPIC = HASH + '"0x",'.length;

/** Logs that were read, one behind the other. */
export interface ScannedLogs {
  readonly hex: HexBytes;
  /** As {@linkcode place} says, for each log. */
  readonly places: Uint32Array;
  readonly blocks: readonly ScannedBlock[];
  /** What comes behind the list. */
  readonly end: number;
}

/** The logs of a block among all of them. */
export interface ScannedBlock {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

/** What stands in a field of a log. */
type Kind =
  | "address"
  | "topics"
  | "data"
  | "blockHash"
  | "blockNumber"
  | "blockTimestamp"
  | "transactionHash"
  | "transactionIndex"
  | "logIndex";

const required: ReadonlySet<Kind> = new Set([
  "address",
  "topics",
  "data",
  "blockHash",
  "blockNumber",
  "transactionHash",
  "transactionIndex",
  "logIndex",
]);

const topic = new Constant('"0x');
const [quote, comma, brace, bracket] = [34, 44, 125, 93];

/**
 * Read a list of logs.
 *
 * @param start Where the first log stands.
 * @returns undefined where something is not as it is as a rule.
 */
export function scanLogs(
  hex: HexBytes,
  start: number,
): ScannedLogs | undefined {
  const end = endOfObject(hex, start);
  const shape = shapeOf(hex.text(start, end));
  if (shape === undefined) return undefined;
  // As many as there are if all are as long as the first.
  const likely = Math.ceil((hex.length - start) / (end - start));
  return new Scan(hex, shape, likely).all(start);
}

/** What comes before a value, and which it is. */
interface Step {
  readonly lead: Constant;
  readonly kind: Kind;
}

/** What every log looks like. */
interface Shape {
  readonly steps: readonly Step[];
  /** What comes behind the last value. */
  readonly tail: Constant;
}

/** Goes through the logs of an answer once. */
class Scan {
  readonly #hex: HexBytes;
  readonly #shape: Shape;
  #places: Uint32Array;
  /** The byte that comes next. */
  #at = 0;
  #number = -1;
  /** Digits of the block's hash and of its time. */
  #hash = 0;
  #time = 0;
  #timeEnd = 0;
  /** Digits of the last data: as a rule the next one has as many. */
  #digits = 0;

  constructor(
    ...[hex, shape, logs]: readonly [hex: HexBytes, shape: Shape, logs: number]
  ) {
    this.#hex = hex;
    this.#shape = shape;
    this.#places = new Uint32Array(logs * PLACES);
  }

  all(start: number): ScannedLogs | undefined {
    const hex = this.#hex;
    const blocks: { number: number; from: number; to: number }[] = [];
    let block = { number: -1, from: 0, to: 0 };
    let [hash, time, timeLength] = [0, 0, 0];
    this.#at = start;
    for (let count = 0;; count++) {
      if (!this.#log(count)) return undefined;
      if (this.#number > block.number) {
        block = { number: this.#number, from: count, to: count };
        blocks.push(block);
        [hash, time] = [this.#hash, this.#time];
        timeLength = this.#timeEnd - time;
      } else if (
        this.#number < block.number || !this.#isBehind(count) ||
        !hex.areSame(this.#hash, hash, HASH) ||
        this.#timeEnd - this.#time !== timeLength ||
        !hex.areSame(this.#time, time, timeLength)
      ) return undefined;
      block.to = count + 1;
      const next = hex.at(this.#at++);
      if (next === bracket) {
        return { hex, places: this.#places, blocks, end: this.#at };
      }
      if (next !== comma) return undefined;
    }
  }

  /** Whether a log comes behind the one before it in its block. */
  #isBehind(count: number): boolean {
    const index = count * PLACES + place.logIndex;
    return (this.#places[index] ?? 0) > (this.#places[index - PLACES] ?? 0);
  }

  #log(count: number): boolean {
    const log = count * PLACES;
    if (log === this.#places.length) this.#grow();
    this.#places[log + place.start] = this.#at;
    const { steps, tail } = this.#shape;
    for (const { kind, lead } of steps) {
      if (!this.#skip(lead) || !this.#value(kind, log)) return false;
    }
    const ends = this.#skip(tail);
    this.#places[log + place.end] = this.#at;
    return ends;
  }

  #grow(): void {
    const places = new Uint32Array(this.#places.length * 2);
    places.set(this.#places);
    this.#places = places;
  }

  #value(kind: Kind, log: number): boolean {
    const places = this.#places;
    switch (kind) {
      case "address":
        places[log + place.address] = this.#at;
        return this.#fixed(ADDRESS);
      case "transactionHash":
        places[log + place.transactionHash] = this.#at;
        return this.#fixed(HASH);
      case "blockHash":
        this.#hash = this.#at;
        return this.#fixed(HASH);
      case "data":
        places[log + place.data] = this.#at;
        return this.#data(log);
      case "topics":
        places[log + place.topics] = this.#at;
        return this.#topics(log);
      case "blockNumber":
        return (this.#number = this.#quantity()) >= 0;
      case "blockTimestamp":
        this.#time = this.#at;
        if (this.#quantity() < 0) return false;
        this.#timeEnd = this.#at;
        return true;
      case "transactionIndex":
        return this.#index(log + place.transactionIndex);
      case "logIndex":
        return this.#index(log + place.logIndex);
    }
  }

  #skip(text: Constant): boolean {
    const stands = this.#hex.has(text, this.#at);
    this.#at += text.length;
    return stands;
  }

  #fixed(digits: number): boolean {
    const start = this.#at;
    this.#at += digits;
    return this.#hex.areDigits(start, this.#at);
  }

  #data(log: number): boolean {
    const hex = this.#hex;
    const start = this.#at;
    const likely = start + this.#digits;
    this.#at = hex.at(likely) === quote && hex.areDigits(start, likely)
      ? likely
      : hex.endOfDigits(start);
    this.#digits = this.#at - start;
    this.#places[log + place.dataEnd] = this.#at;
    return this.#digits % 2 === 0;
  }

  #topics(log: number): boolean {
    let count = 0;
    if (this.#hex.at(this.#at) !== bracket) {
      for (;;) {
        if (!this.#skip(topic) || !this.#fixed(HASH)) return false;
        if (this.#hex.at(this.#at++) !== quote) return false;
        count++;
        if (this.#hex.at(this.#at) !== comma) break;
        this.#at++;
      }
    }
    this.#places[log + place.topicCount] = count;
    return true;
  }

  /** A small number. */
  #index(at: number): boolean {
    const index = this.#quantity();
    this.#places[at] = index;
    return index >= 0 && index < 2 ** 32;
  }

  /** A quantity that a number holds exactly, or -1. */
  #quantity(): number {
    const start = this.#at;
    this.#at = this.#hex.endOfDigits(start);
    return this.#hex.number(start, this.#at);
  }
}

/** What the first log looks like; undefined: not as logs do as a rule. */
function shapeOf(log: string): Shape | undefined {
  const steps: Step[] = [];
  const missing = new Set(required);
  let lead = "{";
  for (const [name, value] of Object.entries(parsed(log))) {
    lead += `${lead === "{" ? "" : ","}"${name}":`;
    if (name === "removed" && value === false) {
      lead += "false";
      continue;
    }
    const kind = name as Kind;
    if (!required.has(kind) && kind !== "blockTimestamp") return undefined;
    missing.delete(kind);
    lead += kind === "topics" ? "[" : '"0x';
    steps.push({ kind, lead: new Constant(lead) });
    lead = kind === "topics" ? "]" : '"';
  }
  if (missing.size > 0) return undefined;
  return { steps, tail: new Constant(`${lead}}`) };
}

/** The end of an object that holds no other one. */
function endOfObject(hex: HexBytes, start: number): number {
  let end = start;
  while (end < hex.length && hex.at(end) !== brace) end++;
  return end + 1;
}

function parsed(json: string): object {
  try {
    return Object(JSON.parse(json));
  } catch {
    return {};
  }
}
