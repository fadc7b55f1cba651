import assert from "node:assert/strict";
import { Problems } from "../../../runtime/spec/diagnostics.ts";
import { SpecDocument } from "../../../runtime/spec/document.ts";

function read(text: string) {
  const problems = new Problems();
  const file = { name: "a.yaml", text, order: 0 };
  const document = new SpecDocument(file, problems);
  return { document, found: problems.diagnostics((text) => text) };
}

Deno.test("SpecDocument never makes a number of hex or octal", () => {
  const { document } = read(`
a: 0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D
b: 0o17
c: "0x10"
d: 0xZZ
`);
  assert.deepEqual(document.value, {
    a: "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
    b: "0o17",
    c: "0x10",
    d: "0xZZ",
  });
});

Deno.test("SpecDocument never rounds an integer", () => {
  const { document } = read(`
a: 9007199254740991
b: 9007199254740993
c: -115792089237316195423570985008687907853269984665640564039457584007913129639935
d: 50_000
e: 1.5
`);
  assert.deepEqual(document.value, {
    a: 9007199254740991,
    b: 9007199254740993n,
    c: -115792089237316195423570985008687907853269984665640564039457584007913129639935n,
    d: "50_000",
    e: 1.5,
  });
});

Deno.test("SpecDocument leaves dates, versions and yes as text", () => {
  const { document } = read("a: 2024-01-01\nb: yes\nc: 1.2.3\nd: ~\ne:\n");
  assert.deepEqual(document.value, {
    a: "2024-01-01",
    b: "yes",
    c: "1.2.3",
    d: null,
    e: null,
  });
});

Deno.test("SpecDocument takes names of Object's own for plain keys", () => {
  const { document } = read("__proto__: { polluted: 1 }\nconstructor: 2\n");
  assert.equal(Object.keys(document.value as object).length, 2);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});

Deno.test("SpecDocument finds values, keys and parts of texts", () => {
  const { document } = read(`a:
  - { b: "x {c} y" }
  - d:
`);
  const text = (path: (string | number)[], options = {}) => {
    const { end, start } = document.locate(path, options);
    return document.text.slice(start, end);
  };
  assert.equal(text(["a", 0, "b"]), '"x {c} y"');
  assert.equal(text(["a", 0, "b"], { part: "{c}" }), "{c}");
  assert.equal(text(["a", 0, "b"], { part: "{nowhere}" }), '"x {c} y"');
  assert.equal(text(["a", 0, "b"], { key: true }), "b");
  assert.equal(text(["a", 1, "d"]), "d");
  assert.equal(text(["a"]), "a");
  assert.equal(text(["a", 0, "missing"]), "b");
  assert.equal(text(["nowhere"]), "a");
});

Deno.test("SpecDocument counts columns in UTF-16 and ignores a byte order mark", () => {
  const { document } = read('\ufeff🚀: "a"\n');
  const { column, length, line } = document.span(
    document.locate(["🚀"]).start,
    document.locate(["🚀"]).end,
  );
  assert.deepEqual({ line, column, length }, { line: 1, column: 5, length: 3 });
});

Deno.test("SpecDocument underlines no more than the first line", () => {
  const { document } = read("a: |\n  one\n  two\nb: 1\r\n");
  const { end, start } = document.locate(["a"]);
  const span = document.span(start, end);
  assert.deepEqual([span.line, span.length, span.source], [1, 1, "a: |"]);
  assert.equal(document.span(document.text.indexOf("b"), 99).source, "b: 1");
});

Deno.test("SpecDocument ends a bomb of aliases soon", () => {
  const bomb = Array.from("bcdefghijkl").reduce(
    (text, name) =>
      `${text}${name}: &${name} [${
        Array(9).fill(`*${String.fromCharCode(name.charCodeAt(0) - 1)}`)
      }]\n`,
    "a: &a [1]\n",
  );
  const { document, found } = read(bomb);
  assert.equal(document.value, undefined);
  assert.deepEqual(found.map(({ message }) => message), [
    "Too many values through aliases",
  ]);
});

Deno.test("SpecDocument survives any depth", () => {
  for (const [open, close] of [["[", "]"], ["{a: ", "}"], ["- ", ""]]) {
    for (const depth of [200, 5000]) {
      const { document, found } = read(
        `${open?.repeat(depth)}1${close?.repeat(depth)}`,
      );
      assert.equal(document.value, undefined);
      assert.deepEqual(found.map(({ message }) => message), [
        "Nested too deeply",
      ]);
    }
  }
});

Deno.test("SpecDocument keeps the first of two keys", () => {
  const { document, found } = read("a: 1\nb: 2\na: 3\n");
  assert.deepEqual(document.value, { a: 1, b: 2 });
  assert.deepEqual(
    found.map(({ hint, line, message }) => [line, message, hint]),
    [[3, 'Duplicate key "a"', "the first one is on line 1"]],
  );
});
