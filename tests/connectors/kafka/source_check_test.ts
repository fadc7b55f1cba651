import assert from "node:assert/strict";
import { stringify } from "yaml";
import { kafka } from "../../../connectors/kafka/connection.ts";
import { kafkaSource } from "../../../connectors/kafka/source.ts";
import { defineSink } from "../../../runtime/component.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";

const nowhere = defineSink<Record<never, never>>({
  type: "nowhere",
  summary: "Forgets rows",
  fields: {},
  batch: () => ({ rows: 1, bytes: 1, every: 1 }),
  delivery: () => "at least once",
  example: "",
  open: () => ({
    encode: () => ({ data: undefined, bytes: 0 }),
    write: () => Promise.resolve(),
  }),
});

/** Check a source with these fields; what is wrong, and its columns. */
function check(fields: Readonly<Record<string, unknown>>, folder = ".") {
  const text = stringify({
    name: "topics",
    connections: { bus: { type: "kafka", brokers: ["localhost:9092"] } },
    sources: {
      topic: { type: "kafka", connection: "bus", topics: ["a"], ...fields },
    },
    sinks: {
      out: { type: "nowhere", from: "topic" },
      rejects: { type: "nowhere", from: "errors" },
    },
  });
  const { diagnostics, spec } = checkSpec(`${folder}/spec.yaml`, {
    registry: [kafka, kafkaSource, nowhere],
    env: () => undefined,
    read: () => text,
  });
  const [source] = spec?.stages ?? [];
  return {
    problems: diagnostics.map(({ message }) => message),
    columns: source?.kind === "source" ? source.outputs["rows"] : undefined,
  };
}

const columns = { id: "uint64" };

for (
  const [fields, problem] of [
    [{}, "Neither columns nor schema"],
    [{ columns: {} }, "Neither columns nor schema"],
    [{ columns, topics: [] }, "No topic"],
    [{ columns, topics: ["a", "b", "a"] }, 'Topic "a" is there twice'],
    [{ columns: { "a-b": "string" } }, '"a-b" cannot be a column'],
    [{ columns: { a: "text" } }, 'Unknown column type "text"'],
    [{ schema: "missing.avsc" }, 'No file "missing.avsc"'],
  ] as const
) {
  Deno.test(`kafkaSource.check() says ${problem}, for ${JSON.stringify(fields)}`, () => {
    assert.deepEqual(check(fields).problems, [problem]);
  });
}

Deno.test("kafkaSource.check() takes the columns out of a schema", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-avro-" });
  try {
    const write = (name: string, schema: unknown) =>
      Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(schema));
    await write("rows.avsc", {
      type: "record",
      name: "Row",
      fields: [
        { name: "id", type: "long", doc: "Which one" },
        { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
        { name: "tags", type: ["null", { type: "array", items: "string" }] },
        { name: "more", type: { type: "map", values: "int" } },
      ],
    });
    await write("text.avsc", "string");
    const { columns: found, problems } = check({ schema: "rows.avsc" }, folder);
    assert.deepEqual(problems, []);
    assert.deepEqual(found, [
      { name: "id", type: "int64", nullable: false, doc: "Which one" },
      { name: "at", type: "timestamp", nullable: false, doc: "" },
      { name: "tags", type: "list<string>", nullable: true, doc: "" },
      { name: "more", type: "json", nullable: false, doc: "" },
    ]);
    assert.deepEqual(check({ schema: "text.avsc" }, folder).problems, [
      'Cannot take columns from "text.avsc": The schema is no record',
    ]);
    assert.deepEqual(check({ schema: "rows.avsc", columns }, folder).problems, [
      "Both columns and schema",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
