/**
 * Values of records in Avro, with the schema that their id names.
 *
 * @module
 */
import type { Type } from "avsc";
import { type Schema, UserError } from "../../runtime/component.ts";
import {
  type AvroSchema,
  columnsOf,
  columnsText,
  type Conversion,
  conversionsOf,
  misfits,
} from "./avro_columns.ts";
import type { Registry } from "./registry.ts";
import {
  memberReader,
  parseJson,
  type ReadMembers,
  type ReadValue,
  type ScalarReaders,
  scalarReaders,
} from "./values.ts";

/** A zero and the schema's id in front of every value. */
const wireHeader = 5;

/** What Avro writes in another way than JSON does. */
const avroReaders: ScalarReaders = {
  ...scalarReaders,
  address: hex,
  hash: hex,
  bytes: hex,
  string: (value) => typeof value === "bigint" ? String(value) : value,
  json: (value) => typeof value === "string" ? jsonIn(value) : plainOf(value),
};

/** Read values by the schemas of a registry; each is asked for once. */
export function avroReader(schema: Schema, registry: Registry): ReadValue {
  const readers = new Map<number, Decoder | Promise<Decoder>>();
  const read = memberReader(schema, avroReaders);
  return (value) => {
    if (value.length < wireHeader || value[0] !== 0) {
      return { problem: "Not Avro: it does not begin with a zero and an id" };
    }
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    const id = bytes.readUInt32BE(1);
    const known = readers.get(id);
    if (known !== undefined && !(known instanceof Promise)) {
      return decoded(bytes, known, read);
    }
    const loading = known ?? load(registry, id).then((decoder) => {
      readers.set(id, decoder);
      return decoder;
    }).catch((error) => {
      // Whoever comes next asks again.
      readers.delete(id);
      throw error;
    });
    readers.set(id, loading);
    return loading.then((decoder) => decoded(bytes, decoder, read));
  };
}

/**
 * Compare declared columns with what the registry has for a topic.
 *
 * @returns whether there was something to compare with.
 * @throws {UserError} with the columns to copy when they do not fit.
 */
export async function compareWithRegistry(
  declared: Schema,
  { registry, source, topic }: {
    readonly registry: Registry;
    readonly topic: string;
    /** For the message. */
    readonly source: string;
  },
): Promise<boolean> {
  const subject = `${topic}-value`;
  const latest = await registry.latest(subject);
  if (latest === undefined) return false;
  let found: Schema;
  try {
    found = columnsOf(JSON.parse(latest.schema));
  } catch (error) {
    throw new UserError(
      `Source "${source}" cannot read topic "${topic}": subject ` +
        `"${subject}" has no Avro record (${(error as Error).message})`,
      { cause: error },
    );
  }
  const wrong = misfits(declared, found);
  if (wrong.length === 0) return true;
  throw new UserError(
    `Source "${source}" does not fit subject "${subject}": ` +
      `${wrong.join("; ")}. The registry has these, copy what you need:\n` +
      columnsText(found),
  );
}

/** What reads values of one schema, or why nothing can. */
type Decoder =
  | { readonly type: Type; readonly conversions: readonly Conversion[] }
  | { readonly problem: string };

async function load(registry: Registry, id: number): Promise<Decoder> {
  const text = await registry.byId(id);
  if (text === undefined) {
    return { problem: `The registry has no schema ${id}` };
  }
  try {
    const schema: AvroSchema = JSON.parse(text);
    return { type: await typeOf(schema), conversions: conversionsOf(schema) };
  } catch (error) {
    const { message } = error as Error;
    return { problem: `Schema ${id} is no Avro schema: ${message}` };
  }
}

function decoded(
  bytes: Buffer,
  decoder: Decoder,
  read: ReadMembers,
): ReturnType<ReadMembers> {
  if ("problem" in decoder) return decoder;
  const { conversions, type } = decoder;
  try {
    const value = type.fromBuffer(bytes.subarray(wireHeader));
    for (const { convert, name } of conversions) {
      const given = value[name] ?? null;
      if (given !== null) value[name] = convert(given);
    }
    return read(value);
  } catch (error) {
    return { problem: `Not Avro: ${(error as Error).message}` };
  }
}

/** Compile a schema; loads avsc. */
async function typeOf(schema: AvroSchema): Promise<Type> {
  const { default: avsc } = await import("avsc");
  const long = avsc.types.LongType.__with({
    // A number where it is exact, as rows have it.
    fromBuffer: (buffer: Buffer) => {
      const value = buffer.readBigInt64LE();
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value;
    },
    toBuffer: () => {
      throw new Error("Values are only read");
    },
    fromJSON: BigInt,
    toJSON: String,
    // Tells the branches of a union apart.
    isValid: (value: unknown) =>
      typeof value === "number" || typeof value === "bigint",
    compare: () => 0,
  });
  return avsc.Type.forSchema(schema as never, {
    // A long is written in two ways, and without this loses digits in both.
    typeHook: (one: unknown) =>
      one === "long" || (one as { type?: unknown }).type === "long"
        ? long
        : undefined,
  });
}

function hex(value: unknown): unknown {
  return value instanceof Uint8Array ? `0x${value.toHex()}` : value;
}

/** Text of a json column; text that is no JSON is a JSON text itself. */
function jsonIn(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** A nested value without the classes that avsc makes, bytes as hex. */
function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, plainOf(one)]),
  );
}
