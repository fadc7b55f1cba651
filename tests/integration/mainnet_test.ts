/**
 * `pipelines/mainnet.yaml` as it is, on recorded mainnet blocks, into real
 * servers: every topic, table and file holds exactly what the blocks say.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { schemas } from "../../connectors/evm/chain/schema.ts";
import { components as registry } from "../../connectors/mod.ts";
import { jsonLines, type Row, type Schema } from "../../runtime/component.ts";
import { checkSpec } from "../../runtime/spec/check.ts";
import type { SinkStage } from "../../runtime/spec/spec.ts";
import {
  hasSharedData,
  recordedBlocks,
  type RecordedUnit,
} from "../connectors/evm/mainnet_blocks.ts";
import { follow } from "../connectors/evm/raw_fields.ts";
import { recordedNode } from "../fixtures/recorded_node.ts";
import { javaTest } from "../services/mod.ts";
import { figure } from "./figure.ts";
import { Workplace } from "./program.ts";
import { canonicalRow } from "./stored_value.ts";
import {
  cassandraRows,
  clickhouseRows,
  Stores,
  topicRecords,
} from "./stores.ts";
import { assertSameRows } from "./truth.ts";

const pipeline = fileURLToPath(
  new URL("../../pipelines/mainnet.yaml", import.meta.url),
);

/** Neighbouring blocks that were recorded with their receipts. */
const ranges = [
  [17_686_110, 17_686_125], // the busiest, under Shanghai
  [19_433_902, 19_433_903], // the first blobs
  [22_431_083, 22_431_084], // the first authorization lists
  [22_869_878, 22_869_878],
] as const;

javaTest(
  "pipelines/mainnet.yaml fills every store with exactly what the blocks say",
  async () => {
    const units = [...recordedBlocks()].filter(({ name }) =>
      ranges.some(([from, to]) =>
        parseInt(name) >= from && parseInt(name) <= to
      )
    );
    await using stores = await Stores.start([]);
    const expected = new Map<string, string[]>();
    for (const [from, to] of ranges) {
      const inRange = units.filter(({ name }) =>
        parseInt(name) >= from && parseInt(name) <= to
      );
      await using node = recordedNode(inRange);
      const env = { ...stores.env, ETH_RPC_URL: node.url };
      await using workplace = await Workplace.make("", env);
      const range = ["--from", String(from), "--to", String(to)];
      const { code, stderr } = await workplace.run("run", pipeline, ...range);
      assert.equal(code, 0, stderr);
      assert.equal(await workplace.read("data/mainnet/rejects.jsonl"), "");
      await collectExpected(expected, { env, range });
    }
    await checkRaw(stores, units);
    const sinks = await checkSinks(stores, { env: stores.env, expected });
    const rows = [...expected.values()].reduce(
      (sum, { length }) => sum + length,
      0,
    );
    figure(`${units.length} mainnet blocks, ${sinks} sinks, ${rows} rows`);
  },
  { ignore: !hasSharedData() },
);

/** The checked pipeline; its sinks say what goes where. */
function sinksOf(env: Readonly<Record<string, string>>): readonly SinkStage[] {
  const { diagnostics, spec } = checkSpec(pipeline, {
    registry,
    env: (name) => env[name],
  });
  assert.ok(spec, JSON.stringify(diagnostics));
  return spec.stages.filter((stage): stage is SinkStage =>
    stage.kind === "sink"
  );
}

/** Run the same stages into files: what each sink should have got. */
async function collectExpected(
  expected: Map<string, string[]>,
  { env, range }: {
    readonly env: Readonly<Record<string, string>>;
    readonly range: readonly string[];
  },
): Promise<void> {
  const text = await Deno.readTextFile(pipeline);
  const [head = ""] = text.split(/^sinks:$/m);
  const sinks = sinksOf(env);
  const lines = sinks.map(({ inputs, name }) => {
    const from = inputs.map(({ port, stage }) =>
      stage === "errors" ? stage : `${stage}.${port}`
    );
    return `  ${name}: { type: file, from: [${from.join(", ")}], ` +
      `path: out/${name}.jsonl }`;
  });
  const yaml = `${head}sinks:\n${lines.join("\n")}\n`;
  await using workplace = await Workplace.make(yaml, env);
  for (const name of ["abis", "connections.yaml"]) {
    const path = fileURLToPath(
      new URL(`../../pipelines/${name}`, import.meta.url),
    );
    await Deno.symlink(path, workplace.path(name));
  }
  const { code, stderr } = await workplace.run("run", "spec.yaml", ...range);
  assert.equal(code, 0, stderr);
  for (const { name } of sinks) {
    const rows = (await workplace.read(`out/${name}.jsonl`)).trim();
    const known = expected.get(name) ?? [];
    expected.set(name, known);
    if (rows !== "") known.push(...rows.split("\n"));
  }
}

/** Follow every field of the blocks into the stores that hold them whole. */
async function checkRaw(
  stores: Stores,
  units: readonly RecordedUnit[],
): Promise<void> {
  const table = async (port: keyof typeof schemas, order: string) =>
    (await clickhouseRows(
      stores.address("clickhouse"),
      `SELECT * FROM mainnet.${port} ORDER BY ${order}`,
    )).map((row) => canonicalRow(schemas[port], row));
  const blocks = await table("blocks", "number");
  const logs = await table("logs", "block_number, log_index");
  const withdrawals = await table("withdrawals", "block_number, index");
  const inScylla = await cassandraRows(
    stores.address("cassandra"),
    "mainnet.transactions",
  );
  const copies = [
    await table("transactions", "block_number, transaction_index"),
    inScylla.map((row) => canonicalRow(schemas.transactions, row))
      .sort((a, b) =>
        Number(a["transaction_index"]) - Number(b["transaction_index"])
      ),
  ];
  for (const unit of units) {
    const number = Number(unit.block.number);
    const of = (rows: readonly Row[], column = "block_number") =>
      rows.filter((row) => row[column] === number);
    for (const transactions of copies) {
      follow(unit, {
        blocks: of(blocks, "number"),
        transactions: of(transactions),
        logs: of(logs),
        withdrawals: of(withdrawals),
      });
    }
  }
  assert.equal(blocks.length, units.length);
}

/** Compare each sink's store with what it should have got. */
async function checkSinks(
  stores: Stores,
  { env, expected }: {
    readonly env: Readonly<Record<string, string>>;
    readonly expected: ReadonlyMap<string, readonly string[]>;
  },
): Promise<number> {
  let checked = 0;
  for (const { config, definition, name, schema } of sinksOf(env)) {
    const wanted = expected.get(name) ?? [];
    // A list that a row has not, ClickHouse keeps as one without items.
    const lists = definition.type === "clickhouse";
    const rows = await storedRows(stores, {
      type: definition.type,
      schema,
      target: definition.target?.(config) ?? "",
      topics: definition.type === "kafka" ? topicsOf(config.topic, schema) : [],
    });
    if (rows === undefined) continue;
    const encode = jsonLines(schema);
    const text = (row: Row) =>
      encode([lists ? emptied(schema, row) : row]).trim();
    assertSameRows(
      rows.map(text).sort(),
      wanted.map((line) => text(canonicalRow(schema, JSON.parse(line)))).sort(),
      name,
    );
    checked++;
  }
  return checked;
}

function emptied(schema: Schema, row: Row): Row {
  const lists = schema.filter(({ name, type }) =>
    type.startsWith("list<") && row[name] === null
  );
  return { ...row, ...Object.fromEntries(lists.map(({ name }) => [name, []])) };
}

/** The rows of a sink; undefined for one that has no store. */
async function storedRows(
  stores: Stores,
  { schema, target, topics, type }: {
    readonly type: string;
    readonly schema: Schema;
    readonly target: string;
    readonly topics: readonly string[];
  },
): Promise<readonly Row[] | undefined> {
  switch (type) {
    case "kafka": {
      const rows: Row[] = [];
      for (const topic of topics) {
        for (
          const record of await topicRecords(stores.address("kafka"), topic)
        ) {
          assert.equal(record.headers["op"], "insert");
          rows.push(canonicalRow(schema, record.row ?? {}));
        }
      }
      return rows;
    }
    case "scylla":
      return (await cassandraRows(
        stores.address("cassandra"),
        `mainnet.${target}`,
      )).map((row) => canonicalRow(schema, row));
    case "clickhouse":
      return (await clickhouseRows(
        stores.address("clickhouse"),
        `SELECT * FROM mainnet.${target}`,
      )).map((row) => canonicalRow(schema, row));
    default:
      return undefined;
  }
}

/** The topics of a template over one column with known values. */
function topicsOf(
  { columns, text }: {
    readonly text: string;
    readonly columns: readonly string[];
  },
  schema: Schema,
): readonly string[] {
  const [column] = columns;
  if (column === undefined) return [text];
  const values = schema.find(({ name }) => name === column)?.values ?? [];
  return values.map((value) => text.replace(`{${column}}`, value));
}
