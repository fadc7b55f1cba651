import assert from "node:assert/strict";
import type { KafkaClient } from "../../../connectors/kafka/client.ts";
import type { Row, Schema, UnitInfo } from "../../../runtime/component.ts";
import { javaTest, kafka, uniqueName } from "../../services/mod.ts";
import { batchOf, connect, openKafkaSink, sinkConfig } from "./bus.ts";
import { consume, createTopic, Table, until } from "./group_run.ts";

const schema: Schema = [
  { name: "id", type: "uint64", doc: "" },
  { name: "value", type: "uint256", nullable: true, doc: "" },
  { name: "at", type: "timestamp", doc: "" },
];
const columns = { id: "uint64", value: "uint256?", at: "timestamp" };

const row = (id: number): Row => ({
  id,
  value: id % 2 ? 2n ** 255n + BigInt(id) : null,
  at: 1_700_000_000_000 + id,
});

/** Publish units with a kafka sink. */
async function publish(
  client: KafkaClient,
  topic: string,
  units: readonly (readonly [Partial<UnitInfo>, readonly Row[]])[],
): Promise<void> {
  await createTopic(client, topic);
  const config = sinkConfig(topic, {
    key: ["id"],
    delivery: "at_least_once",
  });
  await using sink = await openKafkaSink(config, { client, schema });
  await sink.write(batchOf(sink, units));
}

javaTest(
  "kafkaSource reads what a kafka sink wrote, and takes back",
  async () => {
    const brokers = await kafka();
    await using client = await connect(brokers);
    const topic = uniqueName("rows");
    await publish(client, topic, [
      [{ number: 1, version: 1 }, [row(1), row(2), row(3)]],
      [{ number: 2, version: 2 }, [row(4), row(5)]],
      [{ number: 2, version: 3, op: "retract" }, [row(4), row(5)]],
      [{ number: 2, id: "0xb2", version: 4 }, [row(5), row(6)]],
    ]);
    const rows = new Table();
    await using reading = consume({
      brokers,
      topics: [topic],
      group: uniqueName("group"),
      columns,
      rows,
    });
    await until("all rows", () => rows.writes === 9);
    await reading.drain();
    const ids = rows.rows().map(({ id }) => Number(id)).sort();
    assert.deepEqual(ids, [1, 2, 3, 5, 6]);
    for (const found of rows.rows()) {
      assert.deepEqual(found, row(Number(found["id"])));
    }
  },
);
