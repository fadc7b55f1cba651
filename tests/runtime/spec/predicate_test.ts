import assert from "node:assert/strict";
import {
  both,
  either,
  type Predicate,
} from "../../../runtime/spec/predicate.ts";

function terms(
  ...written: readonly Readonly<Record<string, readonly string[]>>[]
): Predicate {
  return written.map((term) =>
    new Map(
      Object.entries(term).map(([column, values]) => [column, new Set(values)]),
    )
  );
}

function text(predicate: Predicate | undefined): unknown {
  return predicate?.map((term) =>
    Object.fromEntries([...term].map(([column, values]) => [
      column,
      [...values],
    ]))
  );
}

Deno.test("either() needs all rows as soon as one side does", () => {
  const some = terms({ a: ["1"] });
  assert.equal(either(some, undefined), undefined);
  assert.equal(either(undefined, some), undefined);
  assert.deepEqual(text(either(some, terms({ b: ["2"] }))), [
    { a: ["1"] },
    { b: ["2"] },
  ]);
  assert.deepEqual(text(either(some, [])), [{ a: ["1"] }]);
});

Deno.test("both() keeps what either side can say", () => {
  const some = terms({ a: ["1", "2"] });
  assert.deepEqual(text(both(some, undefined)), [{ a: ["1", "2"] }]);
  assert.deepEqual(text(both(undefined, some)), [{ a: ["1", "2"] }]);
  assert.deepEqual(
    text(both(some, terms({ a: ["2", "3"] }, { b: ["4"] }))),
    [{ a: ["2"] }, { a: ["1", "2"], b: ["4"] }],
  );
  assert.deepEqual(text(both(some, terms({ a: ["3"] }))), []);
});

Deno.test("both() lets two elements of a list answer to two conditions", () => {
  const first = terms({ "topics.*": ["1"] });
  assert.deepEqual(text(both(first, terms({ "topics.*": ["2"] }))), [
    { "topics.*": ["1"] },
  ]);
});

Deno.test("both() gives up one side rather than grow without end", () => {
  const many = terms(
    ...Array.from({ length: 20 }, (_, index) => ({ a: [String(index)] })),
  );
  const some = terms({ b: ["1"] }, { b: ["2"] }, { b: ["3"] }, { b: ["4"] });
  assert.equal(both(many, some)?.length, 4);
});
