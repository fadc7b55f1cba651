/**
 * The bytes that a decoder reads, with every read checked: data of a
 * transaction is written by whoever pays for it, never by us.
 *
 * @module
 */

/** Longest data that is decoded; no chain's block has room for a quarter. */
const MAX_BYTES = 32 * 1024 * 1024;

/** First size of the scratch memory: fits nine calls of ten. */
const SCRATCH_BYTES = 64 * 1024;

/**
 * Words that may be decoded for each word of data, and for any data however
 * short. Canonical data is read once (a factor of 1); a compressing encoder
 * shares some tails; offsets which all lead to one long tail would turn a
 * kilobyte of calldata into megabytes of rows. At 2, the 128 KiB of the largest
 * transaction take at most 10 ms. With the free ones, one word of data decodes
 * into 64 at most.
 */
const WORDS_PER_WORD = 2;
const FREE_WORDS = 62;

/** Data that does not fit its ABI. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly problem: string;
  readonly path: string;

  /** Name what is wrong, and the argument (`order.items`) if it is in one. */
  constructor(problem: string, path = "") {
    super(path === "" ? problem : `Argument "${path}": ${problem}`);
    this.problem = problem;
    this.path = path;
  }

  /** The same problem, seen from the tuple or argument that holds it. */
  within(name: string): DecodeError {
    const path = this.path === "" ? name : `${name}.${this.path}`;
    return new DecodeError(this.problem, path);
  }

  /** What is wrong and where, in words for the `errors` port. */
  get reason(): string {
    return this.message;
  }
}

/**
 * Data in the course of being decoded: hex digits for what stays hex, bytes
 * for what becomes a number. Measured on `transfer(address,uint256)`: native
 * `setFromHex` (120 ns, and it finds anything that is not hex) and reads of a
 * `DataView` beat reading the digits (one 64-digit integer 300 to 700 ns).
 */
export class AbiInput {
  /** Length of the data in bytes. */
  size = 0;
  #text = "";
  #words = 0;
  #bytes = new Uint8Array(SCRATCH_BYTES);
  #view = new DataView(this.#bytes.buffer);

  /**
   * Start on other data, given as hex digits without `0x`.
   *
   * @throws {DecodeError} When it is not hex, of odd length, or too long.
   */
  load(digits: string): void {
    // A tenth of a decode; V8 returns lowercase text as it is.
    this.#text = digits.toLowerCase();
    this.size = digits.length / 2;
    this.#words = FREE_WORDS + WORDS_PER_WORD * (this.size / 32);
    if (this.size > this.#bytes.length) this.#grow();
    try {
      this.#bytes.setFromHex(this.#text);
    } catch {
      throw new DecodeError(
        "Data is not hex: expected an even number of digits 0 to 9, a to f",
      );
    }
  }

  #grow(): void {
    if (this.size > MAX_BYTES) {
      throw new DecodeError(
        `Data has ${this.size} bytes, more than the ${MAX_BYTES} decoded`,
      );
    }
    this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(this.size)));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Refuse data that ends before `end`. */
  require(end: number): void {
    if (end > this.size) {
      throw new DecodeError(
        `Data ends ${end - this.size} bytes before its values do`,
      );
    }
  }

  /** Refuse data that decodes into far more than itself. */
  spend(words: number): void {
    this.#words -= words;
    if (this.#words < 0) {
      throw new DecodeError(
        `Data decodes into more than ${WORDS_PER_WORD} times itself`,
      );
    }
  }

  /** Follow the offset at `at`, counted from `base`, to a length or a tail. */
  follow(at: number, base: number): number {
    const offset = this.#number(at);
    if (offset >= 0 && base + offset < this.size) return base + offset;
    throw new DecodeError(
      `Offset ${this.#shortWord(at)} is outside of the data`,
    );
  }

  /** Check the offset at `at` which leads to nothing that would be read. */
  followNowhere(at: number): void {
    if (this.#number(at) < 0) this.follow(at, 0);
  }

  /** Read the length at `at`, of bytes or of a list. */
  length(at: number): number {
    this.require(at + 32);
    const length = this.#number(at);
    // No item takes less than nothing, so the exact check is the caller's.
    if (length >= 0) return length;
    throw new DecodeError(
      `Length ${this.#shortWord(at)} is outside of the data`,
    );
  }

  /** Read `size` bytes as hex. */
  hex(at: number, size: number): string {
    return "0x" + this.#text.slice(2 * at, 2 * (at + size));
  }

  /** Read `size` bytes as UTF-8; what is not becomes U+FFFD. */
  string(at: number, size: number): string {
    return utf8.decode(this.#bytes.subarray(at, at + size));
  }

  /** Read a word that must be 0 or 1. */
  bool(at: number): boolean {
    const value = this.#number(at);
    if (value === 0 || value === 1) return value === 1;
    throw new DecodeError(`Word ${this.#shortWord(at)} is not a bool`);
  }

  /** Read a word as an unsigned integer, in decimal. */
  uint(at: number): string {
    const value = this.#number(at);
    return value >= 0 ? String(value) : this.#bigint(at).toString();
  }

  /** Read a word as a signed integer, in decimal. */
  int(at: number): string {
    if (this.#view.getInt32(at) >= 0) return this.uint(at);
    const value = this.#negative(at);
    return value < 0
      ? String(value)
      : BigInt.asIntN(256, this.#bigint(at)).toString();
  }

  /** Read a word as an unsigned integer that must be below 2^53. */
  smallUint(at: number): string {
    const value = this.#number(at);
    if (value >= 0) return String(value);
    throw new DecodeError(`Word ${this.#shortWord(at)} is out of range`);
  }

  /** Read a word as a signed integer that must be within ±2^53. */
  smallInt(at: number): string {
    if (this.#view.getInt32(at) >= 0) return this.smallUint(at);
    const value = this.#negative(at);
    if (value < 0) return String(value);
    throw new DecodeError(`Word ${this.#shortWord(at)} is out of range`);
  }

  /** A word as a number, or -1 when that would not be exact. */
  #number(at: number): number {
    const view = this.#view;
    const upper = view.getInt32(at) | view.getInt32(at + 4) |
      view.getInt32(at + 8) | view.getInt32(at + 12) |
      view.getInt32(at + 16) | view.getInt32(at + 20);
    const high = view.getUint32(at + 24);
    if (upper !== 0 || high >= 2 ** 21) return -1;
    return high * 2 ** 32 + view.getUint32(at + 28);
  }

  /** A negative word as a number, or 0 when that would not be exact. */
  #negative(at: number): number {
    const view = this.#view;
    const upper = view.getInt32(at) & view.getInt32(at + 4) &
      view.getInt32(at + 8) & view.getInt32(at + 12) &
      view.getInt32(at + 16) & view.getInt32(at + 20);
    const high = view.getInt32(at + 24);
    if (upper !== -1 || high >= 0) return 0;
    const value = high * 2 ** 32 + view.getUint32(at + 28);
    return Number.isSafeInteger(value) ? value : 0;
  }

  #bigint(at: number): bigint {
    const view = this.#view;
    const low = view.getBigUint64(at + 16) << 64n | view.getBigUint64(at + 24);
    if ((view.getInt32(at) | view.getInt32(at + 4)) === 0) {
      const middle = view.getBigUint64(at + 8);
      return middle === 0n ? low : middle << 128n | low;
    }
    return (view.getBigUint64(at) << 64n | view.getBigUint64(at + 8)) << 128n |
      low;
  }

  #shortWord(at: number): string {
    return "0x" + (this.hex(at, 32).slice(2).replace(/^0+/, "") || "0");
  }
}

const utf8 = new TextDecoder();
