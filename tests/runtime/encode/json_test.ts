import assert from "node:assert/strict";
import fc from "fast-check";
import {
  jsonLines,
  jsonText,
  plainJson,
  rfc3339,
} from "../../../runtime/encode/json.ts";
import {
  type ColumnType,
  elementOf,
  type Row,
  scalarTypes,
  type Schema,
  type Value,
} from "../../../runtime/row.ts";
import {
  arbitraryTable,
  arbitraryValue,
} from "../../contracts/arbitrary_rows.ts";

/** The slow and obvious way. */
function oracle(type: ColumnType, value: Value): string {
  if (value === null) return "null";
  const element = elementOf(type);
  if (element !== undefined) {
    const texts = (value as Value[]).map((one) => oracle(element, one));
    return `[${texts.join(",")}]`;
  }
  switch (type) {
    case "uint64":
    case "int64": {
      const safe = BigInt(value as number) <= 2n ** 53n - 1n &&
        BigInt(value as number) >= -(2n ** 53n) + 1n;
      return safe ? String(value) : `"${value}"`;
    }
    case "uint256":
    case "int256":
      return `"${value}"`;
    case "timestamp":
      return JSON.stringify(new Date(value as number));
    case "float64":
      return Object.is(value, -0) ? "0" : JSON.stringify(value);
  }
  return JSON.stringify(value);
}

function oracleLines(schema: Schema, rows: readonly Row[]): string {
  return rows.map((row) => {
    const members = schema.map(({ name, type }) =>
      `${JSON.stringify(name)}:${oracle(type, row[name] as Value)}`
    );
    return `{${members.join(",")}}\n`;
  }).join("");
}

Deno.test("jsonLines() writes what the slow way writes", () => {
  fc.assert(
    fc.property(arbitraryTable(), ({ schema, rows }) => {
      const text = jsonLines(schema)(rows);
      assert.equal(text, oracleLines(schema, rows));
      for (const line of text.split("\n").slice(0, -1)) JSON.parse(line);
    }),
    { numRuns: 300 },
  );
});

Deno.test("jsonLines() sees every change among what the rows of a block share", () => {
  const schema: Schema = [
    { name: "block_hash", type: "string", nullable: true, doc: "" },
    { name: "block_timestamp", type: "timestamp", nullable: true, doc: "" },
    { name: "block_number", type: "uint64", doc: "" },
    { name: "value", type: "uint8", doc: "" },
    { name: "block_size", type: "uint8", doc: "" },
    { name: "read_at", type: "timestamp", doc: "" },
  ];
  const rows = fc.array(fc.record({
    block_hash: fc.constantFrom(null, "a", "b"),
    block_timestamp: fc.constantFrom(null, 0, 1000),
    block_number: fc.constantFrom<number | bigint>(0, 1, 2n ** 60n),
    value: fc.constantFrom(0, 1),
    block_size: fc.constantFrom(0, 1),
    read_at: fc.constantFrom(0, 5),
  }));
  const write = jsonLines(schema);
  fc.assert(fc.property(rows, rows, (some, others) => {
    assert.equal(write(some), oracleLines(schema, some));
    assert.equal(write(others), oracleLines(schema, others));
  }));
});

Deno.test("jsonText() writes a value as jsonLines() does", () => {
  const typed = fc.constantFrom(
    ...scalarTypes,
    ...scalarTypes.map((type) => `list<${type}>` as const),
  ).chain((type) => fc.tuple(fc.constant(type), arbitraryValue(type)));
  fc.assert(fc.property(typed, ([type, value]) => {
    assert.equal(jsonText(type)(value), oracle(type, value));
  }));
  assert.equal(jsonText("uint256")(null), "null");
  assert.equal(jsonText("uint32")(7), "7");
});

Deno.test("jsonLines() appends constant members", () => {
  const schema: Schema = [{ name: "n", type: "uint32", doc: "" }];
  const encode = jsonLines(schema, { extra: { _op: "insert", 'a"+"': "\n" } });
  assert.equal(
    encode([{ n: 1 }, { n: 2 }]),
    `{"n":1,"_op":"insert","a\\"+\\"":"\\n"}\n` +
      `{"n":2,"_op":"insert","a\\"+\\"":"\\n"}\n`,
  );
  assert.equal(jsonLines([], { extra: { a: "b" } })([{}]), `{"a":"b"}\n`);
  assert.equal(jsonLines([])([{}, {}]), "{}\n{}\n");
  assert.equal(encode([]), "");
});

Deno.test("jsonLines() takes a name for nothing but a name", () => {
  const names = ['"];throw 1;//', "\\", "${1}", "`", "\u2028", "constructor"];
  const schema = names.map((name) =>
    ({ name, type: "uint8", doc: "" }) as const
  );
  const row = Object.fromEntries(names.map((name, i) => [name, i]));
  assert.deepEqual(JSON.parse(jsonLines(schema)([row])), row);
});

Deno.test("jsonLines() keeps every digit", () => {
  const text = (type: ColumnType, value: Value) => jsonText(type)(value);
  assert.equal(text("uint64", 2 ** 53 - 1), "9007199254740991");
  assert.equal(text("uint64", 2n ** 53n - 1n), "9007199254740991");
  assert.equal(text("uint64", 2 ** 53), `"9007199254740992"`);
  assert.equal(text("uint64", 2n ** 53n + 1n), `"9007199254740993"`);
  assert.equal(text("int64", -(2n ** 63n)), `"-9223372036854775808"`);
  assert.equal(text("uint64", 1e15), "1000000000000000");
  assert.equal(
    text("uint256", 2n ** 256n - 1n),
    `"${(2n ** 256n - 1n).toString()}"`,
  );
});

Deno.test("jsonLines() never writes a null as text", () => {
  for (const type of scalarTypes) {
    const schema: Schema = [{ name: "a", type, doc: "" }];
    assert.equal(jsonLines(schema)([{ a: null }]), `{"a":null}\n`);
    assert.equal(jsonLines(schema)([{}]), `{"a":null}\n`);
  }
});

Deno.test("jsonLines() writes not-a-number and the infinities as text", () => {
  const text = jsonText("float64");
  assert.equal(text(NaN), `"NaN"`);
  assert.equal(text(-Infinity), `"-Infinity"`);
});

Deno.test("rfc3339() remembers nothing but the last time", () => {
  const times = [0, 1, 1, 0, 1710338135123, 1710338135123, -1];
  assert.deepEqual(
    times.map(rfc3339),
    times.map((time) => new Date(time).toISOString()),
  );
  assert.throws(() => rfc3339(NaN), RangeError);
  assert.throws(() => rfc3339(NaN), RangeError);
});

Deno.test("plainJson() writes bigints as text at any depth", () => {
  assert.equal(
    plainJson({ a: [1n, { b: 2n ** 256n }], c: 1 }),
    `{"a":["1",{"b":"${2n ** 256n}"}],"c":1}`,
  );
  assert.equal(plainJson(undefined), "null");
});
