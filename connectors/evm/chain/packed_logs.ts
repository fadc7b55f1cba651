/**
 * Logs in the bytes of an answer, made values block by block when the turn of
 * a block comes. As objects from the start all of them would live until then,
 * which costs more than to read them.
 *
 * @module
 */
import { HexBytes } from "../hex_bytes.ts";
import type { Envelope } from "../rpc/rpc.ts";
import type { Raw } from "./extra.ts";
import {
  ADDRESS,
  HASH,
  place,
  PLACES,
  scanLogs,
  type ScannedBlock,
  type ScannedLogs,
  TOPIC,
} from "./log_scan.ts";
import type { EventLog } from "./transfers.ts";

// What stands around the result; no id that we give has other characters.
const BEFORE = /^\{(?:"(?:jsonrpc|id)":(?:"[\w.]*"|0|[1-9]\d*),)*"result":\[/;
const BEHIND = /^(?:,"(?:jsonrpc|id)":(?:"[\w.]*"|0|[1-9]\d*))*\}\s*$/;
const LONGEST_AROUND = 200;

const PREFIX = "0x".length;

/** Logs of one block, all with the same hash and time of it. */
export class PackedBlock {
  readonly number: number;
  /** How many there are. */
  readonly length: number;
  readonly #from: number;
  readonly #all: ScannedLogs;
  #first: Raw | undefined;

  constructor(all: ScannedLogs, { from, number, to }: ScannedBlock) {
    this.number = number;
    this.length = to - from;
    this.#from = from;
    this.#all = all;
  }

  /** The first of them, as the node wrote it. */
  get first(): Raw {
    return this.#first ??= this.#raw(1)[0] ?? {};
  }

  /** All of them, as the node wrote them. */
  raw(): readonly Raw[] {
    return this.#raw(this.length);
  }

  /** All of them in order. */
  *[Symbol.iterator](): Generator<PackedLog> {
    const first = this.#from * PLACES;
    const shared: Shared = {
      text: this.#text(this.length),
      start: this.#all.places[first + place.start] ?? 0,
      address: { at: 0, text: "" },
      event: { at: 0, text: "" },
    };
    for (let index = 0; index < this.length; index++) {
      yield new PackedLog(this.#all, first + index * PLACES, shared);
    }
  }

  #raw(count: number): readonly Raw[] {
    return JSON.parse(`[${this.#text(count)}]`);
  }

  /** The first of them as they stand in the answer. */
  #text(count: number): string {
    const { hex, places } = this.#all;
    const last = this.#from + count - 1;
    const start = places[this.#from * PLACES + place.start] ?? 0;
    const end = places[last * PLACES + place.end] ?? 0;
    return hex.text(start, end);
  }
}

/** One log; its values are made when they are asked for. */
export class PackedLog implements EventLog {
  readonly #all: ScannedLogs;
  readonly #start: number;
  readonly #shared: Shared;

  constructor(all: ScannedLogs, start: number, shared: Shared) {
    this.#all = all;
    this.#start = start;
    this.#shared = shared;
  }

  get address(): string {
    return this.#same("address", this.#place(place.address), ADDRESS);
  }

  get event(): string | undefined {
    if (this.topicCount === 0) return undefined;
    return this.#same("event", this.#topic(0), HASH);
  }

  get topicCount(): number {
    return this.#place(place.topicCount);
  }

  get topics(): readonly string[] {
    return Array.from({ length: this.topicCount }, (_, index) => {
      const at = this.#topic(index);
      // Topics are what stages remember logs by.
      return this.#all.hex.text(at - PREFIX, at + HASH);
    });
  }

  get data(): string {
    const start = this.#place(place.data) - PREFIX;
    return this.#text(start, this.#place(place.dataEnd));
  }

  get dataLength(): number {
    return (this.#place(place.dataEnd) - this.#place(place.data)) / 2;
  }

  get transactionHash(): string {
    const at = this.#place(place.transactionHash);
    return this.#text(at - PREFIX, at + HASH);
  }

  get transactionIndex(): number {
    return this.#place(place.transactionIndex);
  }

  get logIndex(): number {
    return this.#place(place.logIndex);
  }

  addressIn(topic: number): string {
    const end = this.#topic(topic) + HASH;
    return `0x${this.#text(end - ADDRESS, end)}`;
  }

  uintIn(topic: number): bigint {
    return this.#all.hex.word(this.#topic(topic));
  }

  uintAt(byte: number): bigint | undefined {
    const start = this.#place(place.data) + byte * 2;
    return start + HASH > this.#place(place.dataEnd)
      ? undefined
      : this.#all.hex.word(start);
  }

  #place(what: number): number {
    return this.#all.places[this.#start + what] ?? 0;
  }

  /** Where the digits of a topic stand. */
  #topic(index: number): number {
    return this.#place(place.topics) + '"0x'.length + index * TOPIC;
  }

  /**
   * A part of the block's text, which takes a sixth of the time that a text of
   * its own does; as long as it lives the block's lives too.
   */
  #text(from: number, to: number): string {
    const { start, text } = this.#shared;
    return text.substring(from - start, to - start);
  }

  /** A value that is the same in many logs of a block: one text for all. */
  #same(what: "address" | "event", at: number, digits: number): string {
    const shared = this.#shared[what];
    const { hex } = this.#all;
    if (shared.at === 0 || !hex.areSame(at, shared.at, digits)) {
      shared.at = at;
      shared.text = hex.text(at - PREFIX, at + digits);
    }
    return shared.text;
  }
}

/** What the logs of a block share. */
interface Shared {
  /** All of them as they stand in the answer. */
  readonly text: string;
  /** Where that starts. */
  readonly start: number;
  /** The last address and event, and where they stand. */
  readonly address: { at: number; text: string };
  readonly event: { at: number; text: string };
}

/** Logs in the order of the chain. */
export class PackedLogs {
  readonly blocks: readonly PackedBlock[];
  readonly length: number;

  constructor(logs: ScannedLogs) {
    this.blocks = logs.blocks.map((block) => new PackedBlock(logs, block));
    this.length = this.blocks.reduce((sum, { length }) => sum + length, 0);
  }

  /** All of them, as the node wrote them. */
  raw(): readonly Raw[] {
    return this.blocks.flatMap((block) => block.raw());
  }
}

/** Read the answer of `eth_getLogs`; undefined: not in this way. */
export function readLogs(body: Uint8Array): Envelope | undefined {
  const hex = new HexBytes(body);
  const head = hex.text(0, Math.min(LONGEST_AROUND, body.length));
  const [before] = BEFORE.exec(head) ?? [];
  if (before === undefined) return undefined;
  const logs = scanLogs(hex, before.length);
  if (logs === undefined) return undefined;
  if (body.length - logs.end > LONGEST_AROUND) return undefined;
  const [behind] = BEHIND.exec(hex.text(logs.end, body.length)) ?? [];
  if (behind === undefined) return undefined;
  const { id } = JSON.parse(`${before}]${behind}`) as Envelope;
  return { id, result: new PackedLogs(logs) };
}
