/**
 * Rows as records: topic, partition, key, headers and value.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  type Column,
  type ColumnType,
  type Encoded,
  jsonLines,
  jsonText,
  rfc3339,
  type Row,
  rowPlace,
  type Schema,
  type Template,
  type UnitInfo,
  type Value,
} from "../../runtime/component.ts";
import { type Compression, largestBatch } from "./codecs.ts";
import { partitionOf } from "./partitioner.ts";
import { type Message, sizeOf, type TopicRecords } from "./sends.ts";
import type { Topic } from "./topics.ts";

/** What a batch of records takes besides its records, generously. */
const batchOverhead = 512;

/** What a record takes besides key, value and headers, at most. */
const recordOverhead = 32;

/** Digits of a row's place, at most. */
const placeDigits = 16;

/** Values of rows, one each; undefined for a row that was rejected. */
export type EncodeValues = (
  rows: readonly Row[],
  reject: (row: Row, reason: string) => void,
) => readonly (Buffer | undefined)[];

/** What records are made with. */
export interface RecordOptions {
  readonly pipeline: string;
  readonly sink: string;
  readonly schema: Schema;
  readonly topic: Template;
  readonly topics: ReadonlyMap<string, Topic>;
  readonly key: readonly string[];
  readonly headers: boolean;
  /** A retraction is a record without a value. */
  readonly tombstone: boolean;
  readonly compression: Compression;
  /** Values for the rows of a topic. */
  values(topic: string): EncodeValues;
}

/** Encodes the rows of a unit. */
export type EncodeRecords = (
  rows: readonly Row[],
  unit: UnitInfo,
  reject: (row: Row, reason: string) => void,
) => Encoded<readonly TopicRecords[]>;

/** Rows as JSON objects, as the file sink writes them. */
export function jsonValues(schema: Schema): EncodeValues {
  const lines = jsonLines(schema);
  return (rows) => {
    // The whole block at once and then cut: a row at a time costs twice.
    const bytes = Buffer.from(lines(rows));
    let start = 0;
    return rows.map(() => {
      const end = bytes.indexOf(0x0a, start);
      const value = bytes.subarray(start, end);
      start = end + 1;
      return value;
    });
  };
}

/** Compile what makes records of rows. */
export function recordEncoder(options: RecordOptions): EncodeRecords {
  const { compression, headers, schema, tombstone, topic, topics } = options;
  const keyOf = keyEncoder(schema, options.key);
  const name = `${options.pipeline}.${options.sink}@${fingerprint(schema)}`;
  const encoders = new Map(
    [...topics.keys()].map((topic) => [topic, options.values(topic)]),
  );
  const [only] = topics.size === 1 && topic.columns.length === 0
    ? topics.values()
    : [];

  return (rows, unit, reject) => {
    const shared = headers ? headersOf(unit, name) : undefined;
    const overhead = recordOverhead + headerBytes(shared);
    const unkeyed = Buffer.from(unit.id);
    const records: TopicRecords[] = [];
    let bytes = 0;
    const groups = only
      ? [{ target: only, group: rows, places: undefined }]
      : byTopic(rows, { topic, topics, reject });
    for (const { group, places, target } of groups) {
      const { name, partitions } = target;
      const maxBytes = Math.min(target.maxBytes, largestBatch(compression)) -
        batchOverhead;
      const empty = tombstone && unit.op === "retract";
      const values = empty ? [] : encoders.get(name)?.(group, reject) ?? [];
      const messages: Message[] = [];
      for (let index = 0; index < group.length; index++) {
        const value = values[index];
        const row = group[index];
        if (row === undefined || (!empty && value === undefined)) continue;
        const key = keyOf(row);
        const message: Message = {
          key,
          value: value ?? null,
          // Without a key a block stays together, and so does what takes
          // it back.
          partition: partitionOf(key ?? unkeyed, partitions),
          headers: shared === undefined ? {} : {
            ...shared,
            row: String(rowPlace(unit, places?.[index] ?? index)),
          },
        };
        const size = sizeOf(message, overhead);
        if (size > maxBytes) {
          const stored = storedSize(message, compression, overhead);
          if (stored > maxBytes) {
            reject(row, tooLarge(target, stored));
            continue;
          }
        }
        bytes += size;
        messages.push(message);
      }
      records.push({ topic: name, maxBytes, messages, overhead });
    }
    return { data: records, bytes };
  };
}

/** A short name of a set of columns: other columns, another name. */
export function fingerprint(schema: Schema): string {
  const columns = schema.map(({ name, nullable, type }) => [
    name,
    type,
    nullable ?? false,
  ]);
  return createHash("sha256").update(JSON.stringify(columns)).digest("hex")
    .slice(0, 8);
}

function headersOf(unit: UnitInfo, schema: string): Record<string, string> {
  return {
    op: unit.op,
    block_number: String(unit.number),
    block_hash: unit.id,
    block_time: String(unit.time),
    version: String(unit.version),
    schema,
  };
}

function headerBytes(headers: Readonly<Record<string, string>> | undefined) {
  if (headers === undefined) return 0;
  return Object.entries({ ...headers, row: "" }).reduce(
    (sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 6,
    placeDigits,
  );
}

interface TopicGroup {
  readonly target: Topic;
  readonly group: Row[];
  /** Place of each row among all rows of the unit. */
  readonly places: number[];
}

function byTopic(
  rows: readonly Row[],
  { reject, topic, topics }: Pick<RecordOptions, "topic" | "topics"> & {
    readonly reject: (row: Row, reason: string) => void;
  },
): Iterable<TopicGroup> {
  const groups = new Map<string, TopicGroup>();
  for (const [place, row] of rows.entries()) {
    const name = topic.render(row);
    const target = topics.get(name);
    if (!target) {
      reject(row, `Topic "${name}" is none of those that are known`);
      continue;
    }
    const open = groups.get(name) ?? { target, group: [], places: [] };
    groups.set(name, open);
    open.group.push(row);
    open.places.push(place);
  }
  return groups.values();
}

/** The key of a row; several columns are a JSON list, so that none collide. */
function keyEncoder(
  schema: Schema,
  names: readonly string[],
): (row: Row) => Buffer | null {
  const columns = names.flatMap((name) =>
    schema.find((column) => column.name === name) ?? []
  );
  const [only, second] = columns;
  if (only === undefined) return () => null;
  if (second === undefined) {
    const text = plainText(only);
    return (row) => {
      const value = row[only.name] ?? null;
      return value === null ? null : Buffer.from(text(value));
    };
  }
  const members = columns.map(({ name, type }) => {
    const text = jsonText(type);
    return (row: Row) => text(row[name] ?? null);
  });
  return (row) => Buffer.from(`[${members.map((one) => one(row)).join()}]`);
}

function plainText({ type }: Column): (value: Value) => string {
  const text: readonly ColumnType[] = ["address", "hash", "bytes", "string"];
  if (text.includes(type)) return (value) => value as string;
  if (type === "timestamp") return (value) => rfc3339(value as number);
  const json = jsonText(type);
  return (value) => typeof value === "bigint" ? String(value) : json(value);
}

/** Bytes of a large record as the brokers would store it. */
function storedSize(
  { key, value }: Message,
  compression: Compression,
  overhead: number,
): number {
  const all = Buffer.concat([key ?? Buffer.of(), value ?? Buffer.of()]);
  if (compression === "zstd") return zstdCompressSync(all).length + overhead;
  if (compression === "gzip") return gzipSync(all).length + overhead;
  return all.length + overhead;
}

function tooLarge({ maxBytes, name }: Topic, bytes: number): string {
  return `Record of ${bytes} bytes is larger than topic "${name}" takes: ` +
    `raise its max.message.bytes above ${maxBytes}, or select fewer columns`;
}
