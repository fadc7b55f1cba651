import assert from "node:assert/strict";
import fc from "fast-check";
import { avroSchema, avroValues } from "../../../connectors/kafka/avro.ts";
import { avroReader } from "../../../connectors/kafka/avro_reader.ts";
import { jsonValues } from "../../../connectors/kafka/records.ts";
import type { Registry } from "../../../connectors/kafka/registry.ts";
import {
  jsonReader,
  parseJson,
  type ReadValue,
} from "../../../connectors/kafka/values.ts";
import type {
  ColumnType,
  Row,
  Schema,
  Value,
} from "../../../runtime/component.ts";
import { arbitraryTable } from "../../contracts/arbitrary_rows.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

function column(type: ColumnType, nullable = false): Schema {
  return [{ name: "it", type, nullable, doc: "" }];
}

/** A registry that knows these schemas, by their places. */
function registryOf(...schemas: readonly unknown[]) {
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    registry: {
      byId: (id: number) => {
        asked++;
        return Promise.resolve(
          schemas[id] === undefined ? undefined : JSON.stringify(schemas[id]),
        );
      },
    } as unknown as Registry,
  };
}

/** JSON has no negative zero, and large integers in it are text to a row. */
function asRead(value: Value, type: ColumnType): Value {
  if (Array.isArray(value)) return value.map((one) => asRead(one, type));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, asRead(one, type)]),
    );
  }
  const large = typeof value === "number" && Number.isInteger(value) &&
    !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
  if (large && type.includes("json")) return String(value);
  return Object.is(value, -0) ? 0 : value;
}

Deno.test("jsonReader() reads every row that the sink writes", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTable({ names: name }), async (table) => {
      const { rows, schema } = table;
      const read = jsonReader(schema);
      const values = jsonValues(schema)(rows, assert.fail);
      for (const [index, row] of rows.entries()) {
        const plain = Object.fromEntries(
          schema.map(({ name, type }) => [
            name,
            asRead(row[name] ?? null, type),
          ]),
        );
        const value = values[index];
        assert(value);
        assert.deepEqual(await read(value), { row: plain });
      }
    }),
  );
});

Deno.test("avroReader() reads every row that the sink writes", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTable({ names: name }), async (table) => {
      const { rows, schema } = table;
      const written = avroSchema(schema, "Row");
      const { registry } = registryOf(JSON.parse(written));
      const read = avroReader(schema, registry);
      const refused: Row[] = [];
      const values = (await avroValues(schema, { id: 0 }))(
        rows,
        (row) => refused.push(row),
      );
      for (const [index, row] of rows.entries()) {
        const value = values[index];
        if (!value) {
          assert(refused.includes(row));
          continue;
        }
        const expected = schema.map(({ name, type }) => {
          const given = row[name] ?? null;
          return [name, type.includes("json") ? asRead(given, type) : given];
        });
        assert.deepEqual(await read(value), {
          row: Object.fromEntries(expected),
        });
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("jsonReader() takes the declared columns and leaves the others", async () => {
  const read = jsonReader([...column("uint256"), {
    name: "note",
    type: "string",
    nullable: true,
    doc: "",
  }]);
  assert.deepEqual(await read(bytes({ it: "12", other: [1], __proto__: 5 })), {
    row: { it: 12n, note: null },
  });
});

for (
  const [type, written, expected] of [
    ["uint64", '{"it":12345678901234567890}', 12345678901234567890n],
    ["int256", '{"it": -98765432109876543210}', -98765432109876543210n],
    ["uint64", '{"it":"7"}', 7],
    ["timestamp", '{"it":"2024-05-01T10:00:00+02:00"}', 1714550400000],
    ["timestamp", '{"it":1714550400000}', 1714550400000],
    ["json", '{"it":{"a":[12345678901234567]}}', { a: ["12345678901234567"] }],
    ["address", `{"it":"0x${"aB".repeat(20)}"}`, `0x${"ab".repeat(20)}`],
    ["list<uint256>", '{"it":["1",2]}', [1n, 2n]],
  ] as const
) {
  Deno.test(`jsonReader() reads ${written} as ${type}`, async () => {
    const read = jsonReader(column(type));
    assert.deepEqual(await read(Buffer.from(written)), {
      row: { it: expected },
    });
  });
}

const poison: readonly (readonly [ColumnType, Uint8Array, RegExp])[] = [
  ["uint64", Buffer.from("{"), /^Not JSON: /],
  ["uint64", Buffer.from(""), /^Not JSON: /],
  ["string", Buffer.from('{"it":"\xff"}', "latin1"), /^Not JSON: /],
  ["uint64", bytes([1]), /^Expected a row, found a list$/],
  ["uint64", bytes(null), /^Expected a row, found nothing$/],
  ["uint64", bytes({}), /^Column "it" expects uint64, found nothing$/],
  ["uint64", bytes({ it: -1 }), /expects uint64, found -1$/],
  ["uint64", bytes({ it: 1.5 }), /expects uint64, found 1.5$/],
  ["uint256", bytes({ it: 1e21 }), /expects uint256, found 1e\+21$/],
  ["uint256", bytes({ it: "9".repeat(5000) }), /expects uint256, found "999/],
  ["timestamp", bytes({ it: "2024-05-01T10:00:00" }), /expects timestamp/],
  ["timestamp", bytes({ it: "yesterday" }), /expects timestamp/],
  ["string", bytes({ it: 5 }), /expects string, found 5$/],
  ["bool", bytes({ it: "true" }), /expects bool, found "true"$/],
];

for (const [type, value, expected] of poison) {
  const text = Buffer.from(value).toString("latin1").slice(0, 40);
  Deno.test(`jsonReader() says what is wrong with ${text} as ${type}`, async () => {
    const { problem, row } = await jsonReader(column(type))(value);
    assert.equal(row, undefined);
    assert.match(problem ?? "", expected);
  });
}

Deno.test("jsonReader() reads what a registry's serializer put an id in front of", async () => {
  const framed = Buffer.concat([Buffer.of(0, 0, 0, 0, 9), bytes({ it: 5 })]);
  assert.deepEqual(await jsonReader(column("uint8"))(framed), {
    row: { it: 5 },
  });
});

Deno.test("parseJson() keeps what JSON.parse() keeps, and every digit", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    fc.pre(!/\d{16}/.test(text));
    assert.deepEqual(parseJson(text), JSON.parse(text));
  }));
  assert.deepEqual(parseJson("[-9007199254740993, 9007199254740991]"), [
    -9007199254740993n,
    9007199254740991,
  ]);
  assert.deepEqual(parseJson('{"a":1e300,"b":123456789012345678.5}'), {
    a: 1e300,
    b: 123456789012345678.5,
  });
});

/** Encode with a foreign schema. */
async function foreign(
  schema: unknown,
  value: unknown,
): Promise<Buffer> {
  const { default: avsc } = await import("avsc");
  const body = avsc.Type.forSchema(schema as never).toBuffer(value);
  return Buffer.concat([Buffer.of(0, 0, 0, 0, 0), body]);
}

const record = (type: unknown) => ({
  type: "record",
  name: "It",
  fields: [{ name: "it", type }],
});

for (
  const [type, avro, written, expected] of [
    [
      "timestamp",
      { type: "long", logicalType: "timestamp-micros" },
      1714550400000123,
      1714550400000,
    ],
    ["timestamp", { type: "int", logicalType: "date" }, 1, 86_400_000],
    [
      "int256",
      { type: "bytes", logicalType: "decimal", precision: 9, scale: 0 },
      Buffer.of(0xff, 0x38),
      -200n,
    ],
    [
      "string",
      { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 },
      Buffer.of(0xff, 0x38),
      "-2.00",
    ],
    ["bytes", "bytes", Buffer.of(1, 0xab), "0x01ab"],
    ["string", { type: "enum", name: "E", symbols: ["A", "B"] }, "B", "B"],
    ["uint256", "string", "5", 5n],
    ["float64", "float", 0.5, 0.5],
    ["json", { type: "map", values: "long" }, { a: 5 }, { a: 5 }],
    ["list<string>", { type: "array", items: "string" }, ["a"], ["a"]],
  ] as const
) {
  Deno.test(`avroReader() reads ${JSON.stringify(avro)} as ${type}`, async () => {
    const schema = record(avro);
    const { registry } = registryOf(schema);
    const value = await foreign(schema, { it: written });
    assert.deepEqual(await avroReader(column(type), registry)(value), {
      row: { it: expected },
    });
    const optional = record(["null", avro]);
    const other = registryOf(optional);
    const read = avroReader(column(type, true), other.registry);
    assert.deepEqual(await read(await foreign(optional, { it: null })), {
      row: { it: null },
    });
  });
}

async function problemOf(read: ReadValue, value: Uint8Array) {
  return (await read(value)).problem ?? "";
}

Deno.test("avroReader() says what is wrong with a value", async () => {
  const { registry } = registryOf(record("long"), "no schema at all");
  const read = avroReader(column("uint64"), registry);
  assert.match(await problemOf(read, bytes({ it: 5 })), /^Not Avro: it does/);
  assert.match(await problemOf(read, Buffer.of(0, 0)), /^Not Avro: it does/);
  assert.match(await problemOf(read, Buffer.of(0, 0, 0, 0, 0)), /^Not Avro: /);
  assert.match(
    await problemOf(read, Buffer.of(0, 0, 0, 0, 1, 2)),
    /^Schema 1 is no Avro schema: /,
  );
  assert.equal(
    await problemOf(read, Buffer.of(0, 0, 0, 0, 7, 2)),
    "The registry has no schema 7",
  );
  assert.equal(
    await problemOf(read, await foreign(record("long"), { it: -1 })),
    'Column "it" expects uint64, found -1',
  );
});

Deno.test("avroReader() asks the registry once for each schema", async () => {
  const registry = registryOf(record("long"));
  const read = avroReader(column("int64"), registry.registry);
  const value = await foreign(record("long"), { it: 5 });
  await Promise.all([read(value), read(value), read(value)]);
  assert.deepEqual(read(value), { row: { it: 5 } });
  assert.equal(registry.asked, 1);
});

Deno.test("avroReader() asks again when the registry was away", async () => {
  let away = true;
  const { registry } = registryOf(record("long"));
  const read = avroReader(column("int64"), {
    byId: (id: number) =>
      away ? Promise.reject(new Error("away")) : registry.byId(id),
  } as unknown as Registry);
  const value = await foreign(record("long"), { it: 5 });
  await assert.rejects(async () => await read(value));
  away = false;
  assert.deepEqual(await read(value), { row: { it: 5 } });
});
