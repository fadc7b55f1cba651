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

// What stands around the result; no id that we give has other characters.
const BEFORE = /^\{(?:"(?:jsonrpc|id)":(?:"[\w.]*"|0|[1-9]\d*),)*"result":\[/;
const BEHIND = /^(?:,"(?:jsonrpc|id)":(?:"[\w.]*"|0|[1-9]\d*))*\}\s*$/;
const LONGEST_AROUND = 200;

/** What of a log makes rows; every value has been checked. */
export interface CheckedLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly transactionHash: string;
  readonly transactionIndex: number;
  readonly logIndex: number;
}

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

  /** What is in them. */
  logs(): readonly CheckedLog[] {
    const { hex, places } = this.#all;
    const logs: CheckedLog[] = [];
    let [address, addressAt] = ["", -1];
    for (let index = 0; index < this.length; index++) {
      const log = (this.#from + index) * PLACES;
      const at = places[log + place.address] ?? 0;
      // As a rule it is that of the log before.
      if (addressAt < 0 || !hex.areSame(at, addressAt, ADDRESS)) {
        address = hex.text(at - 2, at + ADDRESS);
        addressAt = at;
      }
      const [data = 0, end = 0] = [
        places[log + place.data],
        places[log + place.dataEnd],
      ];
      const hash = places[log + place.transactionHash] ?? 0;
      logs.push({
        address,
        topics: this.#topics(log),
        data: hex.text(data - 2, end),
        transactionHash: hex.text(hash - 2, hash + HASH),
        transactionIndex: places[log + place.transactionIndex] ?? 0,
        logIndex: places[log + place.logIndex] ?? 0,
      });
    }
    return logs;
  }

  #topics(log: number): readonly string[] {
    const { hex, places } = this.#all;
    const start = (places[log + place.topics] ?? 0) + 1;
    const count = places[log + place.topicCount] ?? 0;
    const topics: string[] = [];
    for (let index = 0; index < count; index++) {
      const at = start + index * TOPIC;
      topics.push(hex.text(at, at + "0x".length + HASH));
    }
    return topics;
  }

  #raw(count: number): readonly Raw[] {
    const { hex, places } = this.#all;
    const last = this.#from + count - 1;
    const start = places[this.#from * PLACES + place.start] ?? 0;
    const end = places[last * PLACES + place.end] ?? 0;
    return JSON.parse(`[${hex.text(start, end)}]`);
  }
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
