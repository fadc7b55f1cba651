import assert from "node:assert/strict";
import fc from "fast-check";
import { csvFormat } from "../../../connectors/files/csv.ts";
import { jsonlFormat } from "../../../connectors/files/jsonl.ts";
import {
  parquetEncoder,
  parquetFile,
} from "../../../connectors/files/parquet_columns.ts";
import type { Row, Schema, UnitInfo } from "../../../runtime/component.ts";
import { arbitraryTable } from "../../contracts/arbitrary_rows.ts";
import { canonicalRow, type Change } from "../../contracts/canonical.ts";
import { csvChanges, jsonlChanges, parquetRows } from "./file_folder.ts";

const names = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);

/** Names that a spec can have, and types that text and Parquet can tell. */
const table = arbitraryTable({ names });

function unit(op: UnitInfo["op"]): UnitInfo {
  return { number: 1, id: "0x1", time: 0, op, version: 1 };
}

/** The changes read back are the rows, in order, inserted and retracted. */
function checkChanges(
  { schema, rows }: { schema: Schema; rows: readonly Row[] },
  changes: readonly Change[],
): void {
  const expected = ["insert", "retract"].flatMap((op) =>
    rows.map((row) => ({ op, row: canonicalRow(schema, row) }))
  );
  const found = changes.map(({ op, row }) => ({
    op,
    row: canonicalRow(schema, row),
  }));
  assert.deepEqual(found, expected);
}

function text(chunks: readonly Uint8Array[]): string {
  return chunks.map((one) => new TextDecoder().decode(one)).join("");
}

Deno.test("jsonlFormat() can be read back", () => {
  fc.assert(fc.property(table, ({ schema, rows }) => {
    const { encode, header } = jsonlFormat(schema);
    assert.equal(header, "");
    const ops = ["insert", "retract"] as const;
    const chunks = ops.map((op) => encode(rows, unit(op)).data);
    checkChanges({ schema, rows }, jsonlChanges(text(chunks)));
  }));
});

Deno.test("csvFormat() can be read back", () => {
  fc.assert(fc.property(table, ({ schema, rows }) => {
    const { encode, header } = csvFormat(schema);
    const ops = ["insert", "retract"] as const;
    const chunks = ops.map((op) => encode(rows, unit(op)).data);
    checkChanges({ schema, rows }, csvChanges(header + text(chunks)));
  }));
});

Deno.test("csvFormat() tells null from the empty string", () => {
  const schema: Schema = [
    { name: "a", type: "string", nullable: true, doc: "" },
    { name: "b", type: "json", nullable: true, doc: "" },
  ];
  const { encode, header } = csvFormat(schema);
  const rows = [
    { a: null, b: null },
    { a: "", b: "" },
    { a: "null", b: { c: [1, "x,y"] } },
    { a: `say "hi",\nthere`, b: [] },
  ];
  const { bytes, data } = encode(rows, unit("insert"));
  assert.equal(bytes, data.length);
  assert.equal(
    header + text([data]),
    `a,b,_op\n` +
      `,,insert\n` +
      `"","""""",insert\n` +
      `null,"{""c"":[1,""x,y""]}",insert\n` +
      `"say ""hi"",\nthere",[],insert\n`,
  );
});

Deno.test("parquetFile() can be read back", async () => {
  await fc.assert(
    fc.asyncProperty(table, async ({ schema, rows }) => {
      const { encode } = parquetEncoder(schema);
      const kept = new Set(rows);
      const reject = (row: Row) => void kept.delete(row);
      const units = (["insert", "retract"] as const)
        .map((op) => encode(rows, unit(op), reject).data);
      const changes = await parquetRows(await parquetFile(schema, units));
      checkChanges(
        { schema, rows: rows.filter((one) => kept.has(one)) },
        changes,
      );
      for (const row of rows) {
        const large = schema.some(({ name, type }) =>
          type.includes("uint64") &&
          [row[name]].flat().some((one) =>
            BigInt(Number(one ?? 0)) >= 2n ** 63n
          )
        );
        if (!large) assert(kept.has(row));
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("parquetFile() writes row groups that read as one file", async () => {
  const schema: Schema = [
    { name: "n", type: "uint32", doc: "" },
    { name: "list", type: "list<uint64>", nullable: true, doc: "" },
  ];
  const rows = Array.from({ length: 25_001 }, (_, n) => ({
    n,
    list: n % 3 === 0 ? null : n % 3 === 1 ? [] : [n, 2n ** 53n + BigInt(n)],
  }));
  const { encode } = parquetEncoder(schema);
  const reject = () => assert.fail("rejected");
  const units = [
    encode(rows.slice(0, 7), unit("insert"), reject).data,
    encode([], unit("insert"), reject).data,
    encode(rows.slice(7), unit("insert"), reject).data,
  ];
  const changes = await parquetRows(await parquetFile(schema, units));
  assert.equal(changes.length, rows.length);
  for (const [i, { row }] of changes.entries()) {
    assert.deepEqual(
      canonicalRow(schema, row),
      canonicalRow(schema, rows[i] ?? {}),
    );
  }
});

Deno.test("parquetEncoder() rejects what an INT64 cannot hold", () => {
  const schema: Schema = [
    { name: "n", type: "uint64", doc: "" },
    { name: "all", type: "list<uint64>", nullable: true, doc: "" },
  ];
  const rejects: string[] = [];
  const rows = [
    { n: 2n ** 63n - 1n, all: null },
    { n: 2n ** 63n, all: null },
    { n: 1, all: [2, 2n ** 64n - 1n] },
  ];
  const { bytes, data } = parquetEncoder(schema)
    .encode(rows, unit("insert"), (_, reason) => void rejects.push(reason));
  assert.deepEqual(data, [[2n ** 63n - 1n], [null], ["insert"]]);
  assert(bytes > 0);
  assert.deepEqual(rejects, [
    'Column "n" holds 9223372036854775808, Parquet at most 9223372036854775807',
    'Column "all" holds 18446744073709551615, Parquet at most 9223372036854775807',
  ]);
});
