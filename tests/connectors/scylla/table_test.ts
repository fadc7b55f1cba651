import assert from "node:assert/strict";
import {
  addColumn,
  compareTable,
  createTable,
  deleteRow,
  insertRow,
  type TableShape,
} from "../../../connectors/scylla/table.ts";
import { cqlType } from "../../../connectors/scylla/types.ts";
import { scalarTypes, type Schema } from "../../../runtime/row.ts";

const schema: Schema = [
  { name: "value", type: "uint256", doc: "An amount" },
  { name: "number", type: "uint64", doc: "Second half of the key" },
  { name: "index", type: "uint32", doc: "Last of the key" },
  { name: "topics", type: "list<hash>", nullable: true, doc: "Hashes" },
  { name: "address", type: "address", doc: "First half of the key" },
];

const shape: TableShape = {
  keyspace: "main",
  table: "rows",
  schema,
  partition: ["address", "number"],
  clustering: ["index"],
  compaction: undefined,
  ttl: undefined,
};

Deno.test("createTable() quotes every name and groups the partition key", () => {
  assert.equal(
    createTable(shape),
    `CREATE TABLE IF NOT EXISTS "main"."rows" (
  "value" varint,
  "number" bigint,
  "index" bigint,
  "topics" frozen<list<text>>,
  "address" text,
  PRIMARY KEY (("address", "number"), "index")
)`,
  );
});

Deno.test("createTable() divides the life of rows into windows", () => {
  const clause = (ttl: number | undefined) =>
    /WITH.*$/.exec(createTable({ ...shape, compaction: "time_window", ttl }))
      ?.[0];
  assert.match(clause(7 * 86_400_000) ?? "", /'HOURS'.*_size': '7'}$/);
  assert.match(clause(60_000) ?? "", /_size': '1'}$/);
  assert.equal(
    clause(undefined),
    "WITH compaction = {'class': 'TimeWindowCompactionStrategy'}",
  );
});

Deno.test("insertRow() names the key first, with the timestamp and the life", () => {
  assert.equal(
    insertRow({ ...shape, ttl: 1500 }),
    'INSERT INTO "main"."rows" ("address", "number", "index", "value", ' +
      '"topics") VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL 2',
  );
});

Deno.test("deleteRow() deletes one row at its timestamp", () => {
  assert.equal(
    deleteRow({ ...shape, keyspace: undefined }),
    'DELETE FROM "rows" USING TIMESTAMP ? ' +
      'WHERE "address" = ? AND "number" = ? AND "index" = ?',
  );
});

/** The table that createTable() makes, as the server describes it. */
const made = schema.map(({ name, type }) => ({
  column_name: name,
  type: cqlType(type),
  kind:
    { address: "partition_key", number: "partition_key", index: "clustering" }[
      name
    ] ?? "regular",
  position: { address: 0, number: 1, index: 0 }[name] ?? -1,
}));

Deno.test("compareTable() takes the table that createTable() makes", () => {
  const own = {
    column_name: "note",
    type: "text",
    kind: "regular",
    position: -1,
  };
  assert.deepEqual(compareTable(shape, [own, ...made]), {
    missing: [],
    conflicts: [],
  });
});

Deno.test("compareTable() names every column that is not as in the spec", () => {
  const other = made
    .filter(({ column_name }) => column_name !== "topics")
    .map((one) => one.column_name === "value" ? { ...one, type: "blob" } : one)
    .map((one) =>
      one.column_name === "number" ? { ...one, kind: "clustering" } : one
    );
  const { conflicts, missing } = compareTable(shape, other);
  assert.deepEqual(conflicts, [
    "its primary key is [[address], index, number], the spec has " +
    "[[address, number], index]",
    'column "value" is blob, the spec has varint',
  ]);
  assert.deepEqual(missing.map((one) => addColumn(shape, one)), [
    'ALTER TABLE "main"."rows" ADD "topics" frozen<list<text>>',
  ]);
});

Deno.test("compareTable() does not let rows share a value", () => {
  const other = made.map((one) =>
    one.column_name === "value" ? { ...one, kind: "static" } : one
  );
  assert.deepEqual(compareTable(shape, other).conflicts, [
    'column "value" is static: rows share its value',
  ]);
});

Deno.test("cqlType() has a type for every type", () => {
  const types = scalarTypes.map((type) => `${type}: ${cqlType(type)}`);
  assert.deepEqual(types, [
    "bool: boolean",
    "uint8: bigint",
    "uint32: bigint",
    "uint64: bigint",
    "int64: bigint",
    "uint256: varint",
    "int256: varint",
    "float64: double",
    "address: text",
    "hash: text",
    "bytes: text",
    "string: text",
    "timestamp: timestamp",
    "json: text",
  ]);
  assert.equal(cqlType("list<int256>"), "frozen<list<varint>>");
});
