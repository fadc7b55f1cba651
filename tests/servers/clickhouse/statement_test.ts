import assert from "node:assert/strict";
import {
  parseStatement,
  trimStatement,
} from "../../../servers/clickhouse/statement.ts";

const utf8 = new TextEncoder();

function parse(sql: string): Record<string, unknown> {
  const statement = parseStatement(utf8.encode(sql));
  const text = (value: unknown) =>
    value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
  return Object.fromEntries(
    Object.entries(statement).map(([key, value]) => [key, text(value)]),
  );
}

Deno.test("parseStatement() parts an INSERT from its data", () => {
  const cases: [string, string, string, string][] = [
    ["INSERT INTO t FORMAT TSV\n1\n", "INSERT INTO t ", "TSV", "1\n"],
    ["insert into d.t(a) format CSV 1,2", "insert into d.t(a) ", "CSV", "1,2"],
    [
      "INSERT INTO t (a, b) SETTINGS x = 'FORMAT y' FORMAT RowBinary\n",
      "INSERT INTO t (a, b) SETTINGS x = 'FORMAT y' ",
      "RowBinary",
      "",
    ],
    [
      "INSERT INTO t VALUES (1, 'a'), (2, 'FORMAT z')",
      "INSERT INTO t ",
      "Values",
      " (1, 'a'), (2, 'FORMAT z')",
    ],
    [
      "-- VALUES\nINSERT INTO `FORMAT x` /* FORMAT a */ FORMAT Native \n\n\n",
      "-- VALUES\nINSERT INTO `FORMAT x` /* FORMAT a */ ",
      "Native",
      "\n\n",
    ],
    ["INSERT INTO values FORMAT CSV\n", "INSERT INTO values ", "CSV", ""],
    [
      "INSERT INTO d.format VALUES (1)",
      "INSERT INTO d.format ",
      "Values",
      " (1)",
    ],
    ["INSERT INTO t FORMAT Values (1)", "INSERT INTO t ", "Values", "(1)"],
    [
      "INSERT INTO FUNCTION file('x', 'CSV') VALUES (1)",
      "INSERT INTO FUNCTION file('x', 'CSV') ",
      "Values",
      " (1)",
    ],
  ];
  for (const [sql, head, format, data] of cases) {
    assert.deepEqual(parse(sql), { kind: "insert", head, format, data }, sql);
  }
});

Deno.test("parseStatement() leaves binary data as it is", () => {
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  const head = utf8.encode("INSERT INTO täble FORMAT RowBinary\n");
  const statement = parseStatement(new Uint8Array([...head, ...data]));
  assert.equal(statement.kind, "insert");
  assert.deepEqual(statement.kind === "insert" && statement.data, data);
});

Deno.test("parseStatement() finds the format of a result", () => {
  const cases: [string, string, string | undefined][] = [
    ["SELECT 1", "select", undefined],
    ["select 1 format JSONEachRow", "select", "JSONEachRow"],
    ["SELECT 1 FORMAT JSON SETTINGS a = 1", "select", "JSON"],
    ["WITH 1 AS x SELECT x\nFORMAT CSV", "select", "CSV"],
    ["SELECT format FROM t", "select", undefined],
    ["SELECT 'x FORMAT CSV'", "select", undefined],
    ["SELECT 1 -- FORMAT CSV", "select", undefined],
    ["SELECT (SELECT 1 FORMAT CSV)", "select", undefined],
    ["SHOW TABLES FORMAT TSV", "other", "TSV"],
    ["INSERT INTO t SELECT 1", "other", undefined],
    ["INSERT INTO t (a) WITH 1 AS x SELECT x", "other", undefined],
    ["", "other", undefined],
  ];
  for (const [sql, kind, format] of cases) {
    assert.deepEqual(parse(sql), { kind, format }, sql);
  }
});

Deno.test("trimStatement() drops what ends a statement", () => {
  const trimmed = trimStatement(utf8.encode("SELECT 'a;'; \n;\t"));
  assert.equal(new TextDecoder().decode(trimmed), "SELECT 'a;'");
});
