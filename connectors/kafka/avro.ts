/**
 * Rows as Avro, in Confluent's wire format.
 *
 * @module
 */
import {
  type Column,
  type ColumnType,
  elementOf,
  plainJson,
  type Row,
  type ScalarType,
  type Schema,
  UserError,
  type Value,
} from "../../runtime/component.ts";
import type { EncodeValues } from "./records.ts";
import type { Registry } from "./registry.ts";

/** In front of every value: a zero and the schema's id. */
const wireHeader = 5;

const types: Readonly<Record<ScalarType, unknown>> = {
  bool: "boolean",
  uint8: "long",
  uint32: "long",
  uint64: "long",
  int64: "long",
  uint256: "string",
  int256: "string",
  float64: "double",
  address: "string",
  hash: "string",
  bytes: "string",
  string: "string",
  timestamp: { type: "long", logicalType: "timestamp-millis" },
  json: "string",
};

/**
 * The Avro schema of a set of columns, as JSON text: a record, nullable
 * columns as unions with null and default null, so that one may be added to
 * a topic that has records already.
 */
export function avroSchema(schema: Schema, name: string): string {
  return JSON.stringify({
    type: "record",
    name,
    fields: schema.map((column) => ({
      name: column.name,
      ...(column.doc === "" ? {} : { doc: column.doc }),
      ...fieldType(column),
    })),
  });
}

/** The name of a topic's record: letters, digits and _ only. */
export function recordName(topic: string): string {
  const name = topic.replace(/[^A-Za-z0-9_]/g, "_");
  return /^\d/.test(name) ? `_${name}` : name;
}

/**
 * Register the schema of a topic's values.
 *
 * @returns the schema's id.
 * @throws {UserError} when it does not fit what the subject has.
 */
export async function registerSchema(
  registry: Registry,
  { schema, sink, topic }: {
    readonly topic: string;
    readonly schema: Schema;
    /** For messages. */
    readonly sink: string;
  },
): Promise<number> {
  const subject = `${topic}-value`;
  const text = avroSchema(schema, recordName(topic));
  const existing = await registry.latest(subject);
  if (existing !== undefined) {
    const reason = await registry.incompatible(subject, text);
    if (reason !== undefined) {
      throw new UserError(
        `Subject "${subject}" does not take the columns of sink "${sink}": ` +
          `${changes(existing.schema, text)}${reason}; write them to another ` +
          "topic, select the old columns, or relax the compatibility of the " +
          "subject",
      );
    }
  }
  return await registry.register(subject, text);
}

/** Which fields differ, in our words; registries word it each their way. */
function changes(before: string, after: string): string {
  const fieldsOf = (text: string) => {
    const { fields = [] } = JSON.parse(text) as {
      fields?: { name: string; type: unknown }[];
    };
    return new Map(fields.map(({ name, type }) => [name, plainJson(type)]));
  };
  const [old, fresh] = [fieldsOf(before), fieldsOf(after)];
  const said = [
    ...[...fresh].flatMap(([name, type]) => {
      const was = old.get(name);
      if (was === undefined) return [`field "${name}" is new`];
      return was === type ? [] : [`field "${name}" was ${was}, is ${type}`];
    }),
    ...[...old.keys()].flatMap((name) =>
      fresh.has(name) ? [] : [`field "${name}" is gone`]
    ),
  ];
  return said.length > 0 ? `${said.join(", ")}: ` : "";
}

/** Compile an encoder for the values of a topic; loads avsc. */
export async function avroValues(
  schema: Schema,
  { id }: { readonly id: number },
): Promise<EncodeValues> {
  const { default: avsc } = await import("avsc");
  const long = avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: number | bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(value));
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: isLong,
    compare: (a: bigint, b: bigint) => a < b ? -1 : a > b ? 1 : 0,
  });
  const type = avsc.Type.forSchema(JSON.parse(avroSchema(schema, "Row")), {
    // Every union is one of a type and null.
    wrapUnions: false,
    typeHook: (type: unknown) =>
      type === "long" || (type as { type?: unknown }).type === "long"
        ? long
        : undefined,
  });
  const members = schema.map((column) => ({
    ...column,
    write: writer(column.type),
  }));
  return (rows, reject) =>
    rows.map((row) => {
      const plain: Record<string, unknown> = {};
      for (const { name, write } of members) {
        const value = row[name] ?? null;
        plain[name] = value === null ? null : write(value);
      }
      const wrong = wrongColumn(row, members);
      if (wrong !== undefined) {
        reject(row, wrong);
        return undefined;
      }
      const body = type.toBuffer(plain);
      const value = Buffer.allocUnsafe(wireHeader + body.length);
      value.writeUInt8(0);
      value.writeUInt32BE(id, 1);
      body.copy(value, wireHeader);
      return value;
    });
}

function fieldType({ nullable, type }: Column): object {
  const element = elementOf(type);
  const plain = element === undefined
    ? types[type as ScalarType]
    : { type: "array", items: types[element] };
  return nullable ? { type: ["null", plain], default: null } : { type: plain };
}

/** A canonical value as avsc wants it. */
function writer(type: ColumnType): (value: Value) => unknown {
  const element = elementOf(type);
  if (element !== undefined) {
    const one = writer(element);
    return (value) => (value as readonly Value[]).map(one);
  }
  if (type === "uint256" || type === "int256") return String;
  return type === "json" ? plainJson : (value) => value;
}

/** What Avro cannot hold: no null where none is said, no more than 63 bits. */
function wrongColumn(row: Row, columns: readonly Column[]): string | undefined {
  for (const { name, nullable, type } of columns) {
    const value = row[name] ?? null;
    if (value === null) {
      if (!nullable) return `Column "${name}" is null`;
    } else if ((elementOf(type) ?? type) === "uint64") {
      const wrong = [value].flat().find((one) => !isLong(one));
      if (wrong === undefined) continue;
      return `Column "${name}" is ${wrong}: an Avro long ends at 2^63 - 1`;
    }
  }
  return undefined;
}

function isLong(value: unknown): boolean {
  return typeof value === "bigint"
    ? BigInt.asIntN(64, value) === value
    : Number.isSafeInteger(value);
}
