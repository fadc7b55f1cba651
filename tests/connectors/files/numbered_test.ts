import assert from "node:assert/strict";
import { numberedPath, numberOf } from "../../../connectors/files/numbered.ts";

Deno.test("numberedPath() puts the number before the extension", () => {
  assert.equal(numberedPath("data/logs.jsonl", 0), "data/logs.jsonl");
  assert.equal(numberedPath("data/logs.jsonl", 1), "data/logs.000001.jsonl");
  assert.equal(numberedPath("logs.csv.gz", 12), "logs.000012.csv.gz");
  assert.equal(numberedPath("a.b/logs.v2.csv", 3), "a.b/logs.v2.000003.csv");
  assert.equal(numberedPath("/data.d/logs", 3), "/data.d/logs.000003");
  assert.equal(numberedPath(".hidden", 3), ".hidden.000003");
  assert.equal(numberedPath("logs.jsonl", 1234567), "logs.1234567.jsonl");
});

Deno.test("numberOf() knows its own files and no others", () => {
  for (const path of ["d/logs.jsonl", "d/logs.csv.gz", "d/logs", "d/a.b.c"]) {
    for (const index of [0, 1, 999_999, 1_000_000]) {
      const name = numberedPath(path, index).slice(2);
      assert.equal(numberOf(path, name), index, name);
    }
  }
  const others = [
    "logs.jsonl.bak",
    "logs.backup.jsonl",
    "logs.1.jsonl",
    "logs.00001.jsonl",
    "logs.0000001.jsonl",
    "logs.000000.jsonl",
    "logs.000001.csv",
    "logs.000001.jsonl.gz",
    "logs-000001.jsonl",
    "log.000001.jsonl",
    ".logs.jsonl.sluice",
    "logs.jsonl.000001",
    "logs.0x0001.jsonl",
    "logs.jsonl000001",
  ];
  for (const name of others) {
    const index = numberOf("data/logs.jsonl", name);
    assert.equal(index, undefined, name);
  }
});
