import assert from "node:assert/strict";
import type { Producer } from "kafkajs";
import type { KafkaClient } from "../../../connectors/kafka/client.ts";
import {
  RetryableError,
  type Row,
  type Schema,
  UserError,
} from "../../../runtime/component.ts";
import { javaTest, kafka, startKafka, uniqueName } from "../../services/mod.ts";
import {
  batchOf,
  changesOf,
  connect,
  type OpenKafka,
  openKafkaSink,
  readTopic,
  sinkConfig,
} from "./bus.ts";

const schema: Schema = [
  { name: "id", type: "uint64", doc: "A number" },
  { name: "text", type: "string", doc: "Some text" },
];

function rows(...ids: number[]): Row[] {
  return ids.map((id) => ({ id, text: `row ${id}` }));
}

async function idsIn(client: KafkaClient, topic: string): Promise<unknown[]> {
  return changesOf(await readTopic(client, topic)).map(({ row }) => row["id"]);
}

function takenOver(error: unknown): boolean {
  assert(error instanceof UserError, String(error));
  assert.match(error.message, /Another process has taken over sink "out"/);
  return true;
}

javaTest(
  "kafkaSink leaves out a write whose cursor was not saved",
  async () => {
    await using client = await connect(await kafka());
    const config = sinkConfig(uniqueName("crashed"));
    const { text: topic } = config.topic;
    await using first = await openKafkaSink(config, { client, schema });
    const state = await first.write(batchOf(first, [[{ number: 1 }, rows(1)]]));
    const second = [[{ number: 2 }, rows(2, 3)]] as const;
    const after = await first.write(batchOf(first, second));

    await using again = await openKafkaSink(config, { client, schema, state });
    await again.write(batchOf(again, second));
    const third = batchOf(again, [[{ number: 3 }, rows(4)]]);
    assert.notDeepEqual(await again.write(third), after);
    assert.deepEqual(await idsIn(client, topic), [1, 2, 3, 4]);
  },
);

javaTest("kafkaSink writes everything again after a reset", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("reset"));
  const units = [[{ number: 1 }, rows(1)]] as const;
  for (const life of [1, 2]) {
    await using sink = await openKafkaSink(config, { client, schema, life });
    await sink.write(batchOf(sink, units));
  }
  assert.deepEqual(await idsIn(client, config.topic.text), [1, 1]);
});

javaTest("kafkaSink takes a unit that comes back for a new one", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("back"));
  await using first = await openKafkaSink(config, { client, schema });
  const insert = [{ number: 1 }, rows(1)] as const;
  const retract = [{ number: 1, op: "retract", version: 2 }, rows(1)] as const;
  await first.write(batchOf(first, [insert]));

  await using sink = await openKafkaSink(config, { client, schema });
  await sink.write(batchOf(sink, [insert, retract]));
  await sink.write(batchOf(sink, [insert]));
  const changes = changesOf(await readTopic(client, config.topic.text));
  assert.deepEqual(
    changes.map(({ op }) => op),
    ["insert", "retract", "insert"],
  );
});

javaTest("kafkaSink fences a zombie, which stops", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("zombie"));
  await using zombie = await openKafkaSink(config, { client, schema });
  const state = await zombie.write(
    batchOf(zombie, [[{ number: 1 }, rows(1)]]),
  );
  await using heir = await openKafkaSink(config, { client, schema, state });
  const next = [[{ number: 2 }, rows(2)]] as const;
  await assert.rejects(zombie.write(batchOf(zombie, next)), takenOver);
  // Nor does it fence whoever has taken over.
  await assert.rejects(zombie.write(batchOf(zombie, next)), takenOver);
  await heir.write(batchOf(heir, next));
  assert.deepEqual(await idsIn(client, config.topic.text), [1, 2]);
});

javaTest("kafkaSink aborts what its predecessor has left open", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("open"));
  const { text: topic } = config.topic;
  const first = await openKafkaSink(config, { client, schema });
  await first[Symbol.asyncDispose]();
  const crashed = await client.producer({
    transactionalId: `sluice.${topic}.out`,
  });
  const transaction = await crashed.transaction();
  await transaction.send({ topic, messages: [{ value: "{}" }] });

  await using sink = await openKafkaSink(config, { client, schema });
  await sink.write(batchOf(sink, [[{ number: 1 }, rows(1)]]));
  assert.deepEqual(await idsIn(client, topic), [1]);
  await assert.rejects(transaction.commit());
  await crashed.disconnect();
});

javaTest(
  "kafkaSink goes on after the brokers have ended its transaction",
  async () => {
    await using client = await connect(await kafka());
    const config = sinkConfig(uniqueName("timeout"));
    await using sink = await openKafkaSink(config, { client, schema });
    await sink.write(batchOf(sink, [[{ number: 1 }, rows(1)]]));
    // As the brokers do after the transaction's timeout: the next epoch, and
    // no other process.
    const brokers = await client.producer({
      transactionalId: `sluice.${config.topic.text}.out`,
    });
    await (await brokers.transaction()).abort();
    await brokers.disconnect();
    const batch = batchOf(sink, [[{ number: 2 }, rows(2)]]);
    await assert.rejects(sink.write(batch), RetryableError);
    await sink.write(batch);
    assert.deepEqual(await idsIn(client, config.topic.text), [1, 2]);
  },
);

/** A client whose next commit succeeds without an answer. */
function losingCommits(client: KafkaClient): { lose: number } {
  const losses = { lose: 0 };
  const produce = client.producer.bind(client);
  client.producer = async (config) => {
    const producer = await produce(config);
    return {
      ...producer,
      transaction: async () => {
        const transaction = await producer.transaction();
        return {
          ...transaction,
          commit: async () => {
            await transaction.commit();
            if (losses.lose-- <= 0) return;
            const name = "KafkaJSConnectionClosedError";
            throw Object.assign(new Error("Closed connection"), { name });
          },
        };
      },
    } as Producer;
  };
  return losses;
}

javaTest(
  "kafkaSink finds out whether a commit without an answer happened",
  async () => {
    await using client = await connect(await kafka());
    const losses = losingCommits(client);
    const config = sinkConfig(uniqueName("lost"));
    await using sink = await openKafkaSink(config, { client, schema });
    losses.lose = 1;
    const batch = batchOf(sink, [[{ number: 1 }, rows(1, 2)]]);
    await assert.rejects(sink.write(batch), RetryableError);
    await sink.write(batch);
    await sink.write(batchOf(sink, [[{ number: 2 }, rows(3)]]));
    assert.deepEqual(await idsIn(client, config.topic.text), [1, 2, 3]);
  },
);

/** Write as the runtime does: again and again, until it is stored. */
async function writeFor(
  sink: OpenKafka,
  batch: ReturnType<typeof batchOf>,
): Promise<number> {
  const deadline = Date.now() + 180_000;
  for (let attempt = 0;; attempt++) {
    try {
      await sink.write(batch);
      return attempt;
    } catch (error) {
      if (!(error instanceof RetryableError) || Date.now() > deadline) {
        throw error;
      }
      // The runtime pauses too: without it a broker that starts is flooded.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

javaTest(
  "kafkaSink loses and doubles nothing when a broker is killed",
  async () => {
    await using server = await startKafka();
    await using client = await connect(server.address);
    const config = sinkConfig(uniqueName("killed"), { partitions: 3 });
    await using sink = await openKafkaSink(config, { client, schema });
    let down: Promise<void> | undefined;
    let attempts = 0;
    for (let number = 0; number < 40; number++) {
      const ids = Array.from({ length: 500 }, (_, i) => number * 500 + i);
      const batch = batchOf(sink, [[{ number }, rows(...ids)]]);
      if (number === 20) {
        down = server.kill().then(() => server.start());
      }
      attempts += await writeFor(sink, batch);
    }
    await down;
    assert(attempts > 0, "The kill has disturbed no write");
    const found = (await idsIn(client, config.topic.text)).map(Number);
    assert.equal(found.length, 20_000);
    assert.equal(new Set(found).size, 20_000);
  },
);
