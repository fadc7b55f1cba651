/**
 * Which unit a record is: the same at every reading, in every process.
 *
 * A record of Sluice's says in its headers which row of which block it is, so
 * that what takes the row back is found, and a record that is published twice
 * is stored once. Any other record is known by its topic, partition and
 * offset.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type Op, type Position, UserError } from "../../runtime/component.ts";

/** What a record says about itself. */
export interface RecordHead {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** Milliseconds since 1970, as text. */
  readonly timestamp: string;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

/** Which unit a record is. */
export interface Identity extends Position {
  readonly op: Op;
  readonly part: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly version: number;
}

/** An identity, and what is wrong with the headers if something is. */
export interface Identified {
  readonly identity: Identity;
  /** Whether Sluice wrote the record. */
  readonly ours: boolean;
  readonly problem?: string;
}

/** Rows of a block, or partitions of a topic, that an origin tells apart. */
const placesPerOrigin = 2 ** 20;

/** Origins that are told apart; what is above them is for deep places. */
const origins = 2 ** 18;

/** Tells records apart, and remembers where they come from. */
export class Identities {
  /** Numbers of the origins seen so far, and back. */
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();
  /** Origins by the header that names them. */
  readonly #origins = new Map<string, string>();

  /**
   * Say which unit a record is.
   *
   * @throws {UserError} when its origin cannot be told from another one.
   */
  identify(record: RecordHead): Identified {
    const { headers = {} } = record;
    const op = text(headers["op"]);
    if (op === undefined || headers["block_number"] === undefined) {
      return { identity: this.#foreign(record), ours: false };
    }
    const number = whole(headers["block_number"]);
    const id = text(headers["block_hash"]);
    const time = whole(headers["block_time"]);
    const version = whole(headers["version"]);
    const row = whole(headers["row"]);
    if (
      (op !== "insert" && op !== "retract") || id === undefined ||
      number === undefined || time === undefined || version === undefined ||
      row === undefined
    ) {
      const found = {
        op: oneOf(op),
        block_number: number,
        block_hash: id,
        block_time: time,
        version,
        row,
      };
      const [name = "op"] = Object.entries(found)
        .find(([, value]) => value === undefined) ?? [];
      return {
        identity: this.#foreign(record),
        ours: true,
        problem: `Header "${name}" is ${
          JSON.stringify(text(headers[name])) ?? "missing"
        }: it is no record of a Sluice sink`,
      };
    }
    const part = this.#part(this.#origin(record), row);
    return { identity: { number, id, op, part, time, version }, ours: true };
  }

  /** The sink that wrote a record; its rows of a block are numbered through. */
  #origin({ headers = {}, topic }: RecordHead): string {
    // <pipeline>.<sink>@<columns>
    const schema = text(headers["schema"]) ?? topic;
    let origin = this.#origins.get(schema);
    if (origin === undefined) {
      origin = `sink ${schema.replace(/@[^@]*$/, "")}`;
      this.#origins.set(schema, origin);
    }
    return origin;
  }

  #foreign({ offset, partition, timestamp, topic }: RecordHead): Identity {
    const time = Math.max(0, Number(timestamp) || 0);
    return {
      number: Number(offset),
      id: `${topic}/${partition}/${offset}`,
      op: "insert",
      part: this.#part(`topic ${topic}`, partition),
      time,
      // Where a store keeps one row a key, the younger one wins.
      version: time,
    };
  }

  /** A number for a place, another for each place of each origin. */
  #part(origin: string, place: number): number {
    if (place >= placesPerOrigin) {
      // The row has been through a topic before, and its place has digits
      // for that one: no number holds two such places, so a digest does.
      return origins * placesPerOrigin + 1 + digest(`${origin} ${place}`, 36);
    }
    let number = this.#numbers.get(origin);
    if (number === undefined) {
      number = digest(origin, 18);
      const other = this.#names.get(number);
      if (other !== undefined) {
        throw new UserError(
          `Cannot tell rows of ${origin} from rows of ${other} in one ` +
            "source: their names have the same digest; read them with two " +
            "pipelines, or rename one",
        );
      }
      this.#names.set(number, origin);
      this.#numbers.set(origin, number);
    }
    return 1 + number * placesPerOrigin + place;
  }
}

/** The first bits of a text's hash, 48 at most. */
function digest(text: string, bits: number): number {
  const hash = createHash("sha256").update(text).digest().readUIntBE(0, 6);
  return Math.floor(hash / 2 ** (48 - bits));
}

/** A header as text; of several with one name the last one counts. */
function text(header: unknown): string | undefined {
  const last = Array.isArray(header) ? header.at(-1) : header;
  return last === undefined || last === null ? undefined : String(last);
}

/** An operation, if it is one. */
function oneOf(op: string): Op | undefined {
  return op === "insert" || op === "retract" ? op : undefined;
}

/** Digits of the largest number that is exact. */
const mostDigits = 16;

/** A header as a whole number. */
function whole(header: unknown): number | undefined {
  const digits = header instanceof Uint8Array ? header : text(header);
  if (digits === undefined) return undefined;
  const { length } = digits;
  if (length === 0 || length > mostDigits) return undefined;
  // From the bytes: a text for each header of each record costs more.
  let number = 0;
  for (let at = 0; at < length; at++) {
    const code = typeof digits === "string"
      ? digits.charCodeAt(at)
      : digits[at] ?? 0;
    if (code < 48 || code > 57) return undefined;
    number = number * 10 + code - 48;
  }
  return Number.isSafeInteger(number) ? number : undefined;
}
