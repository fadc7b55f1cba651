import assert from "node:assert/strict";
import {
  type Diagnostic,
  formatDiagnostics,
} from "../../../runtime/spec/diagnostics.ts";
import { displayWidth, printable } from "../../../runtime/spec/display.ts";
import { check } from "./registry.ts";

const one: Diagnostic = {
  file: "pipelines/a.yaml",
  line: 8,
  column: 5,
  length: 4,
  source: "    tabel: blocks",
  message: 'Unknown field "tabel"',
  hint: 'did you mean "table"?',
  severity: "error",
};

Deno.test("formatDiagnostics() underlines the mistake", () => {
  assert.equal(
    formatDiagnostics([one]),
    `pipelines/a.yaml:8:5: Unknown field "tabel"
  |
 8|     tabel: blocks
  |     ^^^^ did you mean "table"?
`,
  );
  assert.equal(formatDiagnostics([]), "");
});

Deno.test("formatDiagnostics() makes room for long line numbers", () => {
  assert.match(
    formatDiagnostics([{ ...one, line: 1234 }]),
    /^ {4}\|\n1234\| /m,
  );
});

Deno.test("formatDiagnostics() marks warnings and shows details", () => {
  const text = formatDiagnostics([{
    ...one,
    hint: undefined,
    severity: "warning",
    details: ["row 1 is missing", ""],
  }]);
  assert.equal(
    text,
    `pipelines/a.yaml:8:5: warning: Unknown field "tabel"
  |
 8|     tabel: blocks
  |     ^^^^
  | row 1 is missing
  |
`,
  );
});

Deno.test("formatDiagnostics() keeps carets in place behind tabs and wide characters", () => {
  const lines = formatDiagnostics([{
    ...one,
    column: 9,
    length: 2,
    source: "\tab 日本 : 🚀x",
  }]).split("\n");
  // A tab stays a tab, and each wide character takes two columns.
  assert.equal(lines[3], "  | \t" + " ".repeat(9) + '^^ did you mean "table"?');
});

Deno.test("formatDiagnostics() cuts endless lines around the mistake", () => {
  const source = `{${"a: 1, ".repeat(2000)}tabel: x${", b: 2".repeat(2000)}}`;
  const column = source.indexOf("tabel") + 1;
  const [, , line = "", carets = ""] = formatDiagnostics([
    { ...one, source, column, length: 5 },
  ]).split("\n");
  assert.ok(line.length < 200);
  const start = carets.indexOf("^");
  assert.equal(line.slice(start, start + 5), "tabel");
});

Deno.test("formatDiagnostics() cannot be made to steer a terminal", () => {
  const escape = "\u001b[2J";
  const text = formatDiagnostics([{
    ...one,
    source: `a: ${escape}`,
    message: escape,
    hint: escape,
    details: [escape],
  }]);
  assert.ok(!text.includes("\u001b"));
});

Deno.test("formatDiagnostics() writes JSON for programs", () => {
  const [read] = JSON.parse(formatDiagnostics([one], "json"));
  assert.deepEqual(read, {
    file: "pipelines/a.yaml",
    line: 8,
    column: 5,
    length: 4,
    severity: "error",
    message: 'Unknown field "tabel"',
    hint: 'did you mean "table"?',
  });
  assert.equal(formatDiagnostics([], "json"), "[]\n");
});

Deno.test("formatDiagnostics() writes annotations for GitHub", () => {
  assert.equal(
    formatDiagnostics([
      { ...one, file: "a,b:c.yaml", message: "50%\nmore" },
      { ...one, hint: undefined, severity: "warning" },
    ], "github"),
    '::error file=a%2Cb%3Ac.yaml,line=8,col=5,endColumn=9::50%25%0Amore: did you mean "table"?\n' +
      '::warning file=pipelines/a.yaml,line=8,col=5,endColumn=9::Unknown field "tabel"\n',
  );
});

Deno.test("Problems gives diagnostics in the order of the files and lines", () => {
  const { diagnostics } = check(
    `include: [b.yaml, a.yaml]
sinks: { x: { type: fil } }
connections: { y: { type: fil } }
`,
    {
      files: {
        "pipelines/a.yaml": "connections: { c: { type: fil } }\n",
        "pipelines/b.yaml": "connections: { b: { type: fil } }\n",
      },
    },
  );
  const places = diagnostics.map(({ file, line }) => `${file}:${line}`);
  assert.deepEqual(places, [
    "pipelines/test.yaml:1",
    "pipelines/test.yaml:1",
    "pipelines/test.yaml:2",
    "pipelines/test.yaml:3",
    "pipelines/b.yaml:1",
    "pipelines/a.yaml:1",
  ]);
});

Deno.test("displayWidth() counts terminal columns", () => {
  assert.equal(displayWidth("abc"), 3);
  assert.equal(displayWidth("日本語"), 6);
  assert.equal(displayWidth("é"), 1);
  assert.equal(displayWidth("e\u0301"), 1);
  assert.equal(displayWidth("🚀"), 2);
});

Deno.test("printable() replaces control characters one for one", () => {
  assert.equal(printable("a\u0000b\tc\u009bd"), "a?b\tc?d");
});
