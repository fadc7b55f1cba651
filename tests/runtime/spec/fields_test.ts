import assert from "node:assert/strict";
import type { Field, Place } from "../../../runtime/spec/field.ts";
import { fields, optional } from "../../../runtime/spec/fields.ts";
import { readFields } from "../../../runtime/spec/members.ts";
import { testPlace } from "./place.ts";

function read<T>(field: Field<T>, value: unknown, change?: Partial<Place>) {
  const { found, place } = testPlace([
    { name: "hash", type: "hash", doc: "" },
  ]);
  return { value: field.read(value, { ...place, ...change }), found };
}

function accepts(field: Field<unknown>, cases: [unknown, unknown][]): void {
  for (const [written, expected] of cases) {
    assert.deepEqual(read(field, written), { value: expected, found: [] });
  }
}

function refuses(field: Field<unknown>, values: unknown[]): void {
  for (const written of values) {
    const { found, value } = read(field, written);
    assert.equal(value, undefined, String(written));
    assert.equal(found.length, 1, String(written));
  }
}

const address = `0x${"aB".repeat(20)}`;

Deno.test("fields read what they say, and refuse all else with one message", () => {
  accepts(fields.string("s"), [["a", "a"]]);
  refuses(fields.string("s"), ["", 5, true, null, [], {}, { a: null }, 5n]);
  accepts(fields.string("s", { empty: true }), [["", ""], ["a", "a"]]);

  accepts(fields.integer("i", { min: -1, max: 9 }), [[-1, -1], [9, 9]]);
  refuses(fields.integer("i", { max: 9 }), [-1, 10, 1.5, "5", 2n ** 60n, null]);

  accepts(fields.boolean("b"), [[true, true], [false, false]]);
  refuses(fields.boolean("b"), ["true", "yes", 1, null]);

  accepts(fields.choice(["a", "b"], "c"), [["a", "a"]]);
  refuses(fields.choice(["a", "b"], "c"), ["c", null, ["a"]]);

  accepts(fields.duration("d"), [["500ms", 500], ["2 s", 2000], [
    "7d",
    6.048e8,
  ]]);
  refuses(fields.duration("d"), [5, "5", "5 weeks", "-1s"]);

  accepts(fields.size("s"), [["16MiB", 2 ** 24], ["1.5kB", 1500]]);
  refuses(fields.size("s"), [5, "16", "16mib"]);

  accepts(fields.rate("r"), [["25/s", { count: 25, per: 1000 }]]);
  refuses(fields.rate("r"), [25, "0/s", "25/week", "s"]);

  accepts(fields.address("a"), [[address, address.toLowerCase()]]);
  refuses(fields.address("a"), [address.slice(1), "0x", 5n]);

  accepts(fields.column("c"), [["hash", "hash"]]);
  refuses(fields.column("c"), ["hsh", 5]);

  accepts(fields.file("f"), [["a.json", "a.json"]]);
  accepts(fields.any("a"), [[{ a: [1] }, { a: [1] }], [null, null]]);
  accepts(fields.secret("s"), [["a", "a"]]);
  refuses(fields.secret("s"), ["", 5, null]);
});

Deno.test("fields.list() takes a single item, and reports every wrong one", () => {
  const list = fields.list(fields.integer("i"), "l");
  accepts(list, [[[1, 2], [1, 2]], [5, [5]], [[], []]]);
  assert.deepEqual(read(list, [1, "a", 2, "b"]).found, [
    '1: Expected a whole number, found "a"',
    '3: Expected a whole number, found "b"',
  ]);
});

Deno.test("fields.map() reads every member", () => {
  const map = fields.map(fields.integer("i"), "m");
  accepts(map, [[{ a: 1, b: 2 }, { a: 1, b: 2 }], [{}, {}]]);
  refuses(map, [[1], "a", null, { a: "b" }]);
});

Deno.test("fields.object() reads its members, each on its own", () => {
  const object = fields.object({
    a: fields.integer("a"),
    b: optional(fields.string("b"), "none"),
    c: optional(fields.string("c")),
  }, "o");
  accepts(object, [[{ a: 1 }, { a: 1, b: "none" }]]);
  assert.deepEqual(read(object, { b: 5, d: 6 }).found, [
    'd: Unknown field "d"',
    ': Missing field "a"',
    "b: Expected text, found 5",
  ]);
  refuses(object, [[], "a", null]);
});

Deno.test("fields.either() reads with the option that fits", () => {
  const either = fields.either<unknown>([
    fields.integer("a number"),
    fields.choice(["latest"], "latest"),
    fields.duration("a duration"),
  ], "e");
  accepts(either, [[5, 5], ["latest", "latest"], ["5s", 5000]]);
  assert.deepEqual(read(either, [5]).found, [
    ": Expected a number, or latest, or a duration; found a list",
  ]);
  assert.deepEqual(read(either, -5).found, [
    ": Expected a whole number from 0 to 9007199254740991, found -5",
  ]);
});

Deno.test("fields convert the text of a variable by their type", () => {
  const interpolated = true;
  const from = (field: Field<unknown>, text: string) =>
    read(field, text, { interpolated }).value;
  assert.equal(from(fields.integer("i"), "50"), 50);
  assert.equal(from(fields.integer("i"), "fifty"), undefined);
  assert.equal(from(fields.boolean("b"), "true"), true);
  assert.equal(from(fields.boolean("b"), "false"), false);
  assert.equal(from(fields.boolean("b"), "yes"), undefined);
});

Deno.test("fields.secret() tells its place, also inside of others", () => {
  let told = 0;
  const secret = () => void told++;
  read(fields.secret("s"), "a", { secret });
  read(fields.list(fields.secret("s"), "l"), "a", { secret });
  assert.equal(told, 2);
});

Deno.test("readFields() reads a misspelt member as the one that was meant", () => {
  const { found, place } = testPlace();
  const members = {
    table: fields.string("t"),
    index: optional(fields.any("i")),
  };
  assert.deepEqual(
    readFields(members, { tabel: "a", indxe: 5 }, place),
    { table: "a", index: 5 },
  );
  assert.deepEqual(found, [
    'tabel: Unknown field "tabel"',
    'indxe: Unknown field "indxe"',
  ]);
  const other = testPlace();
  assert.equal(readFields(members, { tabel: 5 }, other.place), undefined);
  assert.deepEqual(other.found, [
    'tabel: Unknown field "tabel"',
    "tabel: Expected text, found 5",
  ]);
});
