import assert from "node:assert/strict";
import avsc from "avsc";
import { avroSchema, recordName } from "../../../connectors/kafka/avro.ts";
import type { KafkaClient } from "../../../connectors/kafka/client.ts";
import { kafkaSink } from "../../../connectors/kafka/sink.ts";
import { type Schema, UserError } from "../../../runtime/component.ts";
import { netRows } from "../../contracts/canonical.ts";
import { everyType } from "../../contracts/extreme_rows.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";
import {
  javaTest,
  kafka,
  registry,
  uniqueName,
  withoutJava,
} from "../../services/mod.ts";
import {
  batchOf,
  connect,
  openKafkaSink,
  type Read,
  readTopic,
  sinkConfig,
} from "./bus.ts";

/** A client of a Kafka with a registry. */
async function connectBoth(): Promise<KafkaClient> {
  return await connect(await kafka(), {
    registry: {
      url: await registry(),
      username: undefined,
      password: undefined,
    },
  });
}

/** Reads as a consumer does: the schema is the one that the value names. */
async function decoded(client: KafkaClient, records: readonly Read[]) {
  const long = avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: () => assert.fail("Nothing is written"),
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === "bigint",
    compare: () => 0,
  });
  const types = new Map<number, avsc.Type>();
  return await Promise.all(records.map(async ({ headers, value }) => {
    assert(value !== null);
    assert.equal(value[0], 0);
    const id = value.readUInt32BE(1);
    const type = types.get(id) ?? avsc.Type.forSchema(
      JSON.parse(await client.registry?.byId(id) ?? ""),
      {
        typeHook: (one: unknown) =>
          one === "long" || (one as { type?: string }).type === "long"
            ? long
            : undefined,
      },
    );
    types.set(id, type);
    return { op: headers["op"] ?? "", row: type.fromBuffer(value.subarray(5)) };
  }));
}

sinkContract({
  name: "kafka, avro",
  definition: {
    ...kafkaSink,
    open: (config, context) =>
      kafkaSink.open(config, { ...context, pipeline: config.topic.text }),
  },
  ignore: withoutJava(),
  // An Avro long ends there.
  largest: { uint64: 2n ** 63n - 1n },
  rejected: { nonce: 2n ** 63n },
  async arrange(schema) {
    const topic = uniqueName("rows");
    const client = await connectBoth();
    return {
      config: sinkConfig(topic, { format: "avro", key: ["block_number"] }),
      connection: client,
      read: async () =>
        netRows(schema, await decoded(client, await readTopic(client, topic))),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
});

Deno.test("avroSchema() maps every type", () => {
  const { fields } = JSON.parse(avroSchema(everyType, "Row")) as {
    fields: { name: string; type: unknown; default?: unknown }[];
  };
  const types = Object.fromEntries(
    fields.map(({ name, type }) => [name, type]),
  );
  assert.deepEqual(types["block_number"], "long");
  assert.deepEqual(types["value"], "string");
  assert.deepEqual(types["time"], {
    type: "long",
    logicalType: "timestamp-millis",
  });
  assert.deepEqual(types["maybe_flag"], ["null", "boolean"]);
  assert.deepEqual(types["topics"], { type: "array", items: "string" });
  const nullable = fields.find(({ name }) => name === "maybe_flag");
  assert.equal(nullable?.default, null);
});

Deno.test("recordName() is a name that Avro takes", () => {
  assert.equal(recordName("mainnet.tx-1"), "mainnet_tx_1");
  assert.equal(recordName("1st"), "_1st");
});

const schema: Schema = [
  { name: "id", type: "uint64", doc: "A number" },
  { name: "text", type: "string", doc: "Some text" },
];

/** Make the registry refuse what older readers could not read. */
async function protect(subject: string): Promise<void> {
  const response = await fetch(`${await registry()}/config/${subject}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ compatibility: "BACKWARD" }),
  });
  await response.body?.cancel();
  assert.equal(response.status, 200);
}

javaTest(
  "kafkaSink checks new columns against the registry before it starts",
  async () => {
    await using client = await connectBoth();
    const topic = uniqueName("evolving");
    const config = sinkConfig(topic, { format: "avro" });
    {
      await using sink = await openKafkaSink(config, { client, schema });
      await sink.write(batchOf(sink, [[{}, [{ id: 1, text: "one" }]]]));
    }
    await protect(`${topic}-value`);
    const nullable: Schema = [
      ...schema,
      { name: "more", type: "string", nullable: true, doc: "More" },
    ];
    {
      await using sink = await openKafkaSink(config, {
        client,
        schema: nullable,
      });
      const row = { id: 2, text: "two", more: null };
      await sink.write(batchOf(sink, [[{ number: 2 }, [row]]]));
    }
    const other: Schema = [
      ...schema,
      { name: "more", type: "uint64", doc: "Another type" },
    ];
    await assert.rejects(
      openKafkaSink(config, { client, schema: other }),
      (error) => {
        assert(error instanceof UserError, String(error));
        assert.match(
          error.message,
          new RegExp(
            `^Subject "${topic}-value" does not take the columns of sink ` +
              `"out": field "more" was \\["null","string"\\], is "long": .*; ` +
              "write them to another topic",
          ),
        );
        return true;
      },
    );
    const rows = await decoded(client, await readTopic(client, topic));
    assert.deepEqual(rows.map(({ row }) => ({ ...row })), [
      { id: 1n, text: "one" },
      { id: 2n, text: "two", more: null },
    ]);
  },
);

javaTest("kafkaSink says that avro needs a registry", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("lonely"), { format: "avro" });
  await assert.rejects(
    openKafkaSink(config, { client, schema }),
    /Sink "out" writes avro and connection "bus" has no registry/,
  );
});

javaTest("kafka health says what is wrong with a registry", async () => {
  const brokers = await kafka();
  const address = new URL(await registry());
  const user = { username: undefined, password: undefined };
  await using wrong = await connect(brokers, {
    registry: { url: `${address.origin}/`, ...user },
  });
  await assert.rejects(
    wrong.health(),
    /^UserError: Kafka "bus" cannot reach the registry at .*: that is no registry/,
  );
  await using right = await connect(brokers, {
    registry: { url: address.href, ...user },
  });
  await right.health();
});
