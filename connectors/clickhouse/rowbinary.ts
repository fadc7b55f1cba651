/**
 * Rows to ClickHouse's RowBinary: an encoder generated from the schema.
 *
 * @module
 */
import {
  type Column,
  elementOf,
  plainJson,
  type Row,
  rowPlace,
  type ScalarType,
  type Schema,
  type UnitInfo,
} from "../../runtime/component.ts";

/** Bytes of fixed size that a row may take, with room to spare. */
const fixedPerColumn = 40;

/** First size of the buffer; it grows to what the largest block needs. */
const firstSize = 1 << 20;

const low32 = 2 ** 32;
const low64 = (1n << 64n) - 1n;

/** Encodes the rows of one unit; the bytes are the caller's to keep. */
export type RowBinaryEncoder = (
  rows: readonly Row[],
  unit: UnitInfo,
  reject: (row: Row, reason: string) => void,
) => Uint8Array<ArrayBuffer>;

/** A value that its column cannot hold: the row is rejected. */
class ValueError extends Error {
  override name = "ValueError";
}

/** Compile the encoder of a schema, with the columns that the sink adds. */
export function rowBinary(schema: Schema): RowBinaryEncoder {
  const lines = schema.map((column, index) =>
    columnCode(column, `row[${JSON.stringify(column.name)}]`, index)
  );
  const put = new Function(
    "out",
    "row",
    lines.join("\n"),
  ) as (out: Output, row: Row) => void;
  const fixed = fixedPerColumn * (schema.length + 4);
  const out = new Output(fixed);
  return (rows, unit, reject) => {
    const { number, op, version } = unit;
    out.restart();
    const deleted = op === "retract" ? 1 : 0;
    rows.forEach((row, index) => {
      const start = out.at;
      out.room(fixed);
      try {
        put(out, row);
      } catch (error) {
        out.at = start;
        if (!(error instanceof ValueError)) throw error;
        return reject(row, error.message);
      }
      out.room(fixed);
      out.uint64(number);
      out.uint64(rowPlace(unit, index));
      out.uint64(version);
      out.uint8(deleted);
    });
    return out.copy();
  };
}

function columnCode(column: Column, value: string, index: number): string {
  const { nullable, type } = column;
  const name = `v${index}`;
  const element = elementOf(type);
  const read = `const ${name} = ${value};`;
  if (element) {
    const each = scalarCode(element, "item", column.name);
    return `${read} out.count(${name} == null ? 0 : ${name}.length);
      if (${name} != null) for (const item of ${name}) { ${each} }`;
  }
  const write = scalarCode(type as ScalarType, name, column.name);
  if (!nullable) return `${read} ${write}`;
  return `${read} if (${name} == null) out.uint8(1);
    else { out.uint8(0); ${write} }`;
}

function scalarCode(type: ScalarType, value: string, of: string): string {
  const name = JSON.stringify(of);
  switch (type) {
    case "bool":
      return `out.uint8(${value} ? 1 : 0);`;
    case "uint8":
      return `out.uint8(${value});`;
    case "uint32":
      return `out.uint32(${value});`;
    case "uint64":
    case "int64":
    case "timestamp":
      return `out.uint64(${value});`;
    case "uint256":
    case "int256":
      return `out.uint256(${value});`;
    case "float64":
      return `out.float64(${value});`;
    case "address":
      return `out.fixed(${value}, 42, ${name});`;
    case "hash":
      return `out.fixed(${value}, 66, ${name});`;
    case "bytes":
      return `out.hex(${value});`;
    case "string":
      return `out.text(${value});`;
    case "json":
      return `out.json(${value});`;
  }
}

const encoder = new TextEncoder();

/** A buffer that grows, written from the front. */
class Output {
  readonly #fixed: number;
  #bytes = new Uint8Array(firstSize);
  #view = new DataView(this.#bytes.buffer);
  /** Where the next value goes. */
  at = 0;

  /** @param fixed room that there always is behind a value of any length. */
  constructor(fixed: number) {
    this.#fixed = fixed;
  }

  restart(): void {
    this.at = 0;
  }

  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.at);
  }

  room(bytes: number): void {
    const need = this.at + bytes;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  uint8(value: number): void {
    this.#bytes[this.at++] = value;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** 64 bits, signed or not: two's complement is the same bytes. */
  uint64(value: number | bigint): void {
    if (typeof value === "bigint") {
      this.#view.setBigUint64(this.at, BigInt.asUintN(64, value), true);
    } else {
      const high = Math.floor(value / low32);
      this.#view.setUint32(this.at, value - high * low32, true);
      this.#view.setInt32(this.at + 4, high, true);
    }
    this.at += 8;
  }

  /** 256 bits, signed or not. */
  uint256(value: bigint): void {
    const view = this.#view;
    const at = this.at;
    if (value >= 0n && value <= low64) {
      // Most amounts: three of the four words are zero.
      view.setBigUint64(at, value, true);
      this.#bytes.fill(0, at + 8, at + 32);
    } else {
      view.setBigUint64(at, value & low64, true);
      view.setBigUint64(at + 8, (value >> 64n) & low64, true);
      view.setBigUint64(at + 16, (value >> 128n) & low64, true);
      view.setBigUint64(at + 24, (value >> 192n) & low64, true);
    }
    this.at += 32;
  }

  float64(value: number): void {
    this.#view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** Hex text of a fixed length. */
  fixed(text: string, length: number, name: string): void {
    if (text.length !== length) {
      throw new ValueError(
        `Column "${name}" takes ${length} characters, not "${text}"`,
      );
    }
    this.ascii(text, length);
  }

  /** ASCII text whose length is known. */
  ascii(text: string, length: number): void {
    // Lists have any number of items: the row's own room is not enough.
    this.room(length + this.#fixed);
    const at = this.at;
    encoder.encodeInto(text, this.#bytes.subarray(at, at + length));
    this.at += length;
  }

  /** Hex text of any length. */
  hex(text: string): void {
    this.count(text.length);
    this.ascii(text, text.length);
  }

  text(text: string): void {
    const bytes = encoder.encode(text);
    this.count(bytes.length);
    this.room(bytes.length + this.#fixed);
    this.#bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  json(value: unknown): void {
    this.text(plainJson(value));
  }

  /** A length as a variable-length integer. */
  count(value: number): void {
    this.room(this.#fixed);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.at++] = rest % 128 + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.at++] = rest;
  }
}
