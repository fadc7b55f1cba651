import assert from "node:assert/strict";
import type { Schema } from "../../../runtime/row.ts";
import { readTemplate } from "../../../runtime/spec/template.ts";
import { testPlace } from "./place.ts";

const schema: Schema = [
  { name: "case", type: "string", doc: "" },
  { name: "value", type: "uint256", doc: "", nullable: true },
  { name: "time", type: "timestamp", doc: "" },
  { name: "extra", type: "json", doc: "" },
  { name: "topics", type: "list<hash>", doc: "" },
];

function read(text: unknown, input: Schema | undefined = schema) {
  const { found, place } = testPlace(input);
  return { found, template: readTemplate(text, place) };
}

Deno.test("readTemplate() puts columns into text", () => {
  const { template } = read("tx.{case}/{ value }-{time}.{case}");
  assert.deepEqual(template?.columns, ["case", "value", "time"]);
  assert.equal(
    template?.render({ case: "a", value: 2n ** 200n, time: 0 }),
    `tx.a/${2n ** 200n}-1970-01-01T00:00:00.000Z.a`,
  );
  assert.equal(
    template?.render({ case: "", value: null, time: null }),
    "tx./null-null.",
  );
  assert.equal(template?.text, "tx.{case}/{ value }-{time}.{case}");
});

Deno.test("readTemplate() takes doubled braces for plain ones", () => {
  const { template } = read("{{case}} {{{case}}} }}{{");
  assert.deepEqual(template?.columns, ["case"]);
  assert.equal(template?.render({ case: "a" }), "{case} {a} }{");
});

Deno.test("readTemplate() takes any column while the input is unknown", () => {
  const { found, place } = testPlace();
  assert.deepEqual(readTemplate("{anything}", place)?.columns, ["anything"]);
  assert.deepEqual(found, []);
});

Deno.test("readTemplate() refuses what it cannot write", () => {
  const cases: [unknown, RegExp][] = [
    ["{nothing}", /no column "nothing"/],
    ["{extra}", /it holds JSON/],
    ["{topics}", /it holds a list/],
    ["{", /Unexpected "\{"/],
    ["a}", /Unexpected "\}"/],
    ["{{{", /Unexpected "\{"/],
    ["{}", /Expected a column/],
    ["", /Expected text/],
    [5, /Expected text, found 5/],
    [{ case: null }, /Expected text, found a map/],
  ];
  for (const [text, message] of cases) {
    const { found, template } = read(text);
    assert.equal(template, undefined);
    assert.match(found.join("\n"), message);
  }
});
