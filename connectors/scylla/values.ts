/**
 * Values as CQL's protocol has them, written into one growing buffer.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  type Column,
  type ColumnType,
  elementOf,
  plainJson,
  type ScalarType,
  type Value,
} from "../../runtime/component.ts";

/** First size of the buffer; it grows to what the largest block needs. */
const firstSize = 1 << 20;

/** Bytes of the length in front of a value; the length of a null is -1. */
export const lengthBytes = 4;

/** 2^256 - 1 takes 33 bytes with its sign: five words of 64 bits. */
const varintBytes = 40;

/** Longer texts are worth a call of the engine's encoder. */
const longestByHand = 80;

const encoder = new TextEncoder();

/** A value that its column cannot hold: the row is rejected. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** Writes one value, with its length in front. */
export type Put = (out: Output, value: Value | undefined) => void;

/** The writer of a column's values. */
export function putColumn({ name, nullable, type }: Column): Put {
  const put = putType(type, name);
  return (out, value) => {
    if (value !== null && value !== undefined) return put(out, value);
    if (!nullable) throw new ValueError(`Column "${name}" has no value`);
    out.null();
  };
}

type PutValue = (out: Output, value: Value) => void;

function putType(type: ColumnType, name: string): PutValue {
  const element = elementOf(type);
  if (element === undefined) return putScalar(type as ScalarType, name);
  const put = putScalar(element, name);
  return (out, value) => {
    const items = value as readonly Value[];
    out.nested(() => {
      out.int32(items.length);
      for (const item of items) {
        if (item === null || item === undefined) {
          throw new ValueError(`Column "${name}" has a list with a null`);
        }
        put(out, item);
      }
    });
  };
}

function putScalar(type: ScalarType, name: string): PutValue {
  switch (type) {
    case "bool":
      return (out, value) => out.boolean(value as boolean);
    case "uint8":
    case "uint32":
    case "uint64":
    case "int64":
      return (out, value) => {
        if (typeof value === "bigint" && BigInt.asIntN(64, value) !== value) {
          throw new ValueError(
            `Column "${name}" takes numbers up to 2^63 - 1, not ${value}`,
          );
        }
        out.int64(value as number | bigint);
      };
    case "timestamp":
      return (out, value) => out.int64(value as number);
    case "uint256":
    case "int256":
      return (out, value) => out.varint(value as bigint);
    case "float64":
      return (out, value) => out.float64(value as number);
    case "address":
    case "hash":
    case "bytes":
    case "string":
      return (out, value) => out.text(value as string);
    case "json":
      return (out, value) => out.text(plainJson(value));
  }
}

/** A buffer that grows, written from the front. */
export class Output {
  #bytes = new Uint8Array(firstSize);
  #view = new DataView(this.#bytes.buffer);
  /** Where the next value goes. */
  at = 0;

  restart(): void {
    this.at = 0;
  }

  copy(): Buffer {
    return Buffer.from(this.#bytes.slice(0, this.at).buffer);
  }

  /** The bytes between two places as text: the same for the same only. */
  key(start: number, end: number): string {
    return Buffer.from(this.#bytes.buffer).toString("latin1", start, end);
  }

  null(): void {
    this.int32(-1);
  }

  int32(value: number): void {
    this.#room(lengthBytes);
    this.#view.setInt32(this.at, value);
    this.at += lengthBytes;
  }

  boolean(value: boolean): void {
    this.int32(1);
    this.#room(1);
    this.#bytes[this.at++] = value ? 1 : 0;
  }

  int64(value: number | bigint): void {
    this.int32(8);
    this.#room(8);
    if (typeof value === "bigint") {
      this.#view.setBigInt64(this.at, value);
    } else {
      const high = Math.floor(value / 2 ** 32);
      this.#view.setInt32(this.at, high);
      this.#view.setUint32(this.at + 4, value - high * 2 ** 32);
    }
    this.at += 8;
  }

  float64(value: number): void {
    this.int32(8);
    this.#room(8);
    this.#view.setFloat64(this.at, value);
    this.at += 8;
  }

  /** Two's complement in as few bytes as there can be. */
  varint(value: bigint): void {
    this.#room(lengthBytes + varintBytes);
    const bytes = this.#bytes;
    const start = this.at + lengthBytes;
    const width = BigInt.asIntN(64, value) === value ? 8 : varintBytes;
    let rest = value;
    for (let at = start + width - 8; at >= start; at -= 8) {
      this.#view.setBigInt64(at, BigInt.asIntN(64, rest));
      rest >>= 64n;
    }
    const sign = value < 0n ? 0xff : 0;
    const end = start + width;
    let first = start;
    // A leading byte goes as long as the next one has the same sign.
    while (
      first < end - 1 && bytes[first] === sign &&
      ((bytes[first + 1] ?? 0) ^ sign) < 0x80
    ) first++;
    const length = end - first;
    for (let at = 0; at < length; at++) {
      bytes[start + at] = bytes[first + at] ?? 0;
    }
    this.#view.setInt32(this.at, length);
    this.at = start + length;
  }

  text(text: string): void {
    this.#room(lengthBytes + text.length * 3);
    const start = this.at + lengthBytes;
    const length = text.length > longestByHand
      ? encoder.encodeInto(text, this.#bytes.subarray(start)).written
      : this.#short(text, start);
    this.#view.setInt32(this.at, length);
    this.at = start + length;
  }

  /** A value made of values. */
  nested(write: () => void): void {
    const start = this.at;
    this.int32(0);
    write();
    this.#view.setInt32(start, this.at - start - lengthBytes);
  }

  /** Most texts are short and ASCII: hashes, addresses, words. */
  #short(text: string, start: number): number {
    const bytes = this.#bytes;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) {
        return encoder.encodeInto(text, bytes.subarray(start)).written;
      }
      bytes[start + index] = code;
    }
    return text.length;
  }

  #room(bytes: number): void {
    const need = this.at + bytes;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
