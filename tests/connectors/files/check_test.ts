import assert from "node:assert/strict";
import { fileSink } from "../../../connectors/files/sink.ts";
import { Reports } from "../../contracts/reports.ts";
import { type FileConfig, fileConfig, smallSchema } from "./open_file.ts";

function problems(config: FileConfig, schema = smallSchema): string[] {
  const { all, place } = new Reports(schema);
  fileSink.check?.({ config, name: "rows", place, schema });
  return all.map(({ at, message }) => `${at}: ${message}`);
}

Deno.test("file sink tells the format from the extension", () => {
  for (
    const path of ["a.jsonl", "a.NDJSON", "a.csv", "a.csv.gz", "b/a.parquet"]
  ) {
    assert.deepEqual(problems(fileConfig(path)), [], path);
  }
  for (const path of ["a", "a.txt", "a.gz", "data.jsonl/a", "jsonl"]) {
    assert.deepEqual(problems(fileConfig(path)), [
      `path: Cannot tell the format of "${path}"`,
    ]);
    assert.deepEqual(problems(fileConfig(path, { format: "csv" })), []);
  }
});

Deno.test("file sink reports a folder", () => {
  const config = fileConfig("data/", { format: "csv" });
  assert.deepEqual(problems(config), ['path: "data/" is a folder']);
});

Deno.test("file sink reports what Parquet files cannot have", () => {
  assert.deepEqual(
    problems(
      fileConfig("a.parquet", { compress: "gzip", rotate: { bytes: 9 } }),
    ),
    [
      "compress!: Parquet files are compressed already",
      "rotate!: Every batch is a Parquet file of its own",
    ],
  );
  assert.deepEqual(problems(fileConfig("a.parquet.gz")), [
    "path: Parquet files are compressed already",
  ]);
});

Deno.test("file sink reports a rotation without a limit", () => {
  assert.deepEqual(problems(fileConfig("a.csv", { rotate: {} })), [
    "rotate: No limit",
  ]);
});

Deno.test("file sink reports a column that it writes itself", () => {
  const schema = [{ name: "_op", type: "string", doc: "" }] as const;
  assert.deepEqual(problems(fileConfig("a.csv"), schema), [
    `from: The input has a column "_op", which the file sink adds itself`,
  ]);
});

Deno.test("file sink batches larger for Parquet", () => {
  const text = fileSink.batch(fileConfig("a.jsonl"));
  const parquet = fileSink.batch(fileConfig("a.parquet"));
  assert(parquet.rows > text.rows);
  assert(parquet.bytes > text.bytes);
  assert(parquet.every > text.every);
});
