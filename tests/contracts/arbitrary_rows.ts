/**
 * Any schema and canonical rows for it, for property tests.
 *
 * @module
 */
import fc from "fast-check";
import {
  type Column,
  type ColumnType,
  elementOf,
  type Row,
  type ScalarType,
  scalarTypes,
  type Schema,
  type Value,
} from "../../runtime/row.ts";

/** A schema with rows that fit it. */
export interface Table {
  readonly schema: Schema;
  readonly rows: readonly Row[];
}

const hex = (bytes: number, maxBytes = bytes) =>
  fc.uint8Array({ minLength: bytes, maxLength: maxBytes }).map((all) =>
    `0x${Array.from(all, (one) => one.toString(16).padStart(2, "0")).join("")}`
  );

const narrow = (whole: bigint) =>
  Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;

const bits = (count: bigint) => 2n ** count;

const values: Record<ScalarType, fc.Arbitrary<Value>> = {
  bool: fc.boolean(),
  uint8: fc.integer({ min: 0, max: 255 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  uint64: fc.bigInt(0n, bits(64n) - 1n).map(narrow),
  int64: fc.bigInt(-bits(63n), bits(63n) - 1n).map(narrow),
  uint256: fc.bigInt(0n, bits(256n) - 1n),
  int256: fc.bigInt(-bits(255n), bits(255n) - 1n),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  address: hex(20),
  hash: hex(32),
  bytes: hex(0, 70),
  string: fc.string({ unit: "grapheme" }),
  timestamp: fc.integer({
    min: 0,
    max: Date.parse("9999-12-31T23:59:59.999Z"),
  }),
  // Not plain text: a reader could not tell it from JSON text.
  json: fc.oneof(
    fc.array(fc.jsonValue({ maxDepth: 2 })),
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), {
      noNullPrototype: true,
    }),
    // Through JSON, which has no negative zero.
  ).map((value) => JSON.parse(JSON.stringify(value))),
};

/** A canonical value of a type. */
export function arbitraryValue(type: ColumnType): fc.Arbitrary<Value> {
  const element = elementOf(type);
  return element === undefined
    ? values[type as ScalarType]
    : fc.array(values[element], { maxLength: 5 });
}

const types: readonly ColumnType[] = [
  ...scalarTypes,
  ...scalarTypes.map((type) => `list<${type}>` as const),
];

/** Options of {@linkcode arbitraryTable}. */
export interface TableOptions {
  /** What columns may be called; by default anything. */
  readonly names?: fc.Arbitrary<string>;
  /** Types of the columns; by default all. */
  readonly types?: readonly ColumnType[];
}

/** Up to eight columns and up to ten rows. */
export function arbitraryTable(
  { names = fc.string(), types: given = types }: TableOptions = {},
): fc.Arbitrary<Table> {
  const column: fc.Arbitrary<Column> = fc.record({
    // Reading "__proto__" gives an object's prototype; check refuses it.
    name: names.filter((name) => name !== "__proto__"),
    type: fc.constantFrom(...given),
    nullable: fc.boolean(),
    doc: fc.constant(""),
  });
  return fc.uniqueArray(column, {
    selector: ({ name }) => name,
    minLength: 1,
    maxLength: 8,
  }).chain((schema) =>
    fc.record({
      schema: fc.constant(schema),
      rows: fc.array(arbitraryRow(schema), { maxLength: 10 }),
    })
  );
}

/** A canonical row of a schema. */
export function arbitraryRow(schema: Schema): fc.Arbitrary<Row> {
  return fc.tuple(
    ...schema.map(({ type, nullable }) =>
      nullable
        ? fc.option(arbitraryValue(type), { freq: 4 })
        : arbitraryValue(type)
    ),
  ).map((row) =>
    Object.fromEntries(schema.map(({ name }, i) => [name, row[i] as Value]))
  );
}
