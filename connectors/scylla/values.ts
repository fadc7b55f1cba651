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
  #bytes = Buffer.allocUnsafe(firstSize);
  /** Where the next value goes. */
  at = 0;

  restart(): void {
    this.at = 0;
  }

  copy(): Buffer {
    return Buffer.copyBytesFrom(this.#bytes, 0, this.at);
  }

  /** The bytes between two places as text that is the same for the same. */
  key(start: number, end: number): string {
    return this.#bytes.toString("latin1", start, end);
  }

  null(): void {
    this.int32(-1);
  }

  int32(value: number): void {
    this.#room(lengthBytes);
    this.at = this.#bytes.writeInt32BE(value, this.at);
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
      this.at = this.#bytes.writeBigInt64BE(value, this.at);
      return;
    }
    const high = Math.floor(value / 2 ** 32);
    this.#bytes.writeInt32BE(high, this.at);
    this.#bytes.writeUInt32BE(value - high * 2 ** 32, this.at + 4);
    this.at += 8;
  }

  float64(value: number): void {
    this.int32(8);
    this.#room(8);
    this.at = this.#bytes.writeDoubleBE(value, this.at);
  }

  /** Two's complement in as few bytes as there can be. */
  varint(value: bigint): void {
    this.#room(lengthBytes + varintBytes);
    const bytes = this.#bytes;
    const start = this.at + lengthBytes;
    const width = BigInt.asIntN(64, value) === value ? 8 : varintBytes;
    let rest = value;
    for (let at = start + width - 8; at >= start; at -= 8) {
      bytes.writeBigInt64BE(BigInt.asIntN(64, rest), at);
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
    bytes.copyWithin(start, first, end);
    bytes.writeInt32BE(end - first, this.at);
    this.at = start + end - first;
  }

  text(text: string): void {
    this.#room(lengthBytes + text.length * 3);
    const length = this.#bytes.write(text, this.at + lengthBytes);
    this.#bytes.writeInt32BE(length, this.at);
    this.at += lengthBytes + length;
  }

  /** A value made of values. */
  nested(write: () => void): void {
    const start = this.at;
    this.int32(0);
    write();
    this.#bytes.writeInt32BE(this.at - start - lengthBytes, start);
  }

  #room(bytes: number): void {
    const need = this.at + bytes;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.at));
    this.#bytes = grown;
  }
}
