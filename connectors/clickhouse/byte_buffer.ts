/**
 * Bytes that grow: numbers and text as ClickHouse's binary formats have them.
 *
 * @module
 */

/** First size of the buffer; it grows to what the largest block needs. */
const firstSize = 1 << 16;

const low32 = 2 ** 32;
const low64 = (1n << 64n) - 1n;

const encoder = new TextEncoder();

/** A buffer that grows, written from the front. */
export class ByteBuffer {
  #bytes = new Uint8Array(firstSize);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Begin anew; what was copied stays. */
  restart(): void {
    this.#at = 0;
  }

  /** What was written, for the caller to keep. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  /** Make room: numbers and counts need it before. */
  room(bytes: number): void {
    const need = this.#at + bytes;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** Bytes as they are; makes room itself. */
  bytes(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  uint8(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** 64 bits, signed or not: two's complement is the same bytes. */
  uint64(value: number | bigint): void {
    if (typeof value === "bigint") {
      this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value), true);
    } else {
      const high = Math.floor(value / low32);
      this.#view.setUint32(this.#at, value - high * low32, true);
      this.#view.setInt32(this.#at + 4, high, true);
    }
    this.#at += 8;
  }

  /** 256 bits, signed or not. */
  uint256(value: bigint): void {
    const view = this.#view;
    const at = this.#at;
    if (value >= 0n && value <= low64) {
      // Most amounts: three of the four words are zero. As a float it is the
      // same bytes and allocates nothing.
      view.setBigUint64(at, value, true);
      view.setFloat64(at + 8, 0);
      view.setFloat64(at + 16, 0);
      view.setFloat64(at + 24, 0);
    } else {
      view.setBigUint64(at, value & low64, true);
      view.setBigUint64(at + 8, (value >> 64n) & low64, true);
      view.setBigUint64(at + 16, (value >> 128n) & low64, true);
      view.setBigUint64(at + 24, (value >> 192n) & low64, true);
    }
    this.#at += 32;
  }

  float64(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** A length as a variable-length integer. */
  count(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#at++] = rest % 128 + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  /**
   * ASCII text without its length; makes room itself.
   *
   * @throws {Error} for any other text: everything behind it would be shifted.
   */
  ascii(text: string): void {
    this.room(text.length);
    const to = this.#bytes.subarray(this.#at, this.#at + text.length);
    const { read } = encoder.encodeInto(text, to);
    if (read !== text.length) throw new Error(`Not ASCII: "${text}"`);
    this.#at += text.length;
  }

  /** Any text with its length before it; makes room itself. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    this.room(bytes.length + 10);
    this.count(bytes.length);
    this.bytes(bytes);
  }

  /** ASCII text with its length before it; makes room itself. */
  asciiText(text: string): void {
    this.room(text.length + 10);
    this.count(text.length);
    this.ascii(text);
  }
}
