import assert from "node:assert/strict";
import { javaTest, startKafka, uniqueName } from "../../services/mod.ts";
import { connect } from "./bus.ts";
import { consume, createTopic, produceIds, Table, until } from "./group_run.ts";

javaTest(
  "kafkaSource goes on when its broker was away, and says so twice",
  async () => {
    await using broker = await startKafka();
    const brokers = broker.address;
    await using client = await connect(brokers);
    const topic = uniqueName("rows");
    await createTopic(client, topic);
    await produceIds(client, topic, { from: 0, to: 300 });
    const rows = new Table();
    await using reading = consume({
      brokers,
      topics: [topic],
      group: uniqueName("group"),
      columns: { id: "uint64" },
      source: { session_timeout: "2m" },
      rows,
    });
    await until("the first rows", () => rows.rows().length === 300);
    const before = reading.log.length;
    const states = () =>
      reading.log.slice(before).map(({ message }) => message)
        .filter((message) => message.startsWith("Source "));

    await broker.kill();
    await until("a complaint", () => states().length > 0);
    await broker.start();
    await produceIds(client, topic, { from: 300, to: 600 });
    // It does not wait for itself: its old session would last two minutes.
    await until("the other rows", () => rows.rows().length === 600, 90);
    await reading.drain();
    // A broker that has just started may ask for patience once more.
    const expected = ["Source fails, tries again", "Source reads again"];
    const said = states();
    assert(said.length <= 4, said.join());
    for (const [index, state] of said.entries()) {
      assert.equal(state, expected[index % 2]);
    }
  },
);
