import assert from "node:assert/strict";
import kafkajs from "kafkajs";
import { javaTest, startKafka } from "./mod.ts";

/** A broker that was killed is only given up after its session. */
const quiet = {
  logLevel: kafkajs.logLevel.NOTHING,
  retry: { retries: 30, initialRetryTime: 100, maxRetryTime: 1000 },
};

/** Send `0` to `n - 1`. */
async function produce(client: kafkajs.Kafka, n: number): Promise<void> {
  const producer = client.producer({ idempotent: true });
  await producer.connect();
  try {
    const messages = Array.from({ length: n }, (_, i) => ({ value: `${i}` }));
    await producer.send({ topic: "rows", acks: -1, messages });
  } finally {
    await producer.disconnect();
  }
}

/** How many records the topic holds. */
async function count(client: kafkajs.Kafka): Promise<number> {
  const admin = client.admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets("rows");
    return offsets.reduce((sum, { high, low }) => sum + +high - +low, 0);
  } finally {
    await admin.disconnect();
  }
}

/** The value of every record. */
async function values(client: kafkajs.Kafka, n: number): Promise<string[]> {
  const consumer = client.consumer({ groupId: crypto.randomUUID() });
  await consumer.connect();
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  try {
    await consumer.subscribe({ topic: "rows", fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        seen.push(String(message.value));
        if (seen.length === n) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
  }
  return seen;
}

async function createTopic(
  client: kafkajs.Kafka,
  topic: Omit<kafkajs.ITopicConfig, "topic"> = {},
): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic: "rows", ...topic }] });
  } finally {
    await admin.disconnect();
  }
}

javaTest("startKafka() keeps records and address through a kill", async () => {
  await using server = await startKafka({
    properties: { "message.max.bytes": "2000" },
  });
  const { address } = server;
  const client = new kafkajs.Kafka({ ...quiet, brokers: [address] });
  await createTopic(client);
  await produce(client, 100);
  await server.kill();
  assert.equal(await server.pid(), undefined);
  await server.start();
  assert.equal(server.address, address);
  assert.equal(await count(client), 100);
  assert.deepEqual(
    await values(client, 100),
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );

  const producer = client.producer();
  await producer.connect();
  const value = crypto.getRandomValues(new Uint8Array(3000)).toHex();
  await assert.rejects(
    producer.send({ topic: "rows", messages: [{ value }] }),
    /larger than the max message size/,
  );
  await producer.disconnect();
});

javaTest("startKafka() asks for the password of its user", async () => {
  await using server = await startKafka({ sasl: "app:secret" });
  assert(server.saslAddress);
  const connect = async (
    mechanism: "plain" | "scram-sha-256" | "scram-sha-512",
    password: string,
  ) => {
    const admin = new kafkajs.Kafka({
      ...quiet,
      brokers: [server.saslAddress!],
      sasl: { mechanism: mechanism as "plain", username: "app", password },
      retry: { retries: 0 },
    }).admin();
    try {
      await admin.connect();
      return await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  };
  for (
    const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const
  ) {
    assert.deepEqual(await connect(mechanism, "secret"), [], mechanism);
    await assert.rejects(connect(mechanism, "wrong"), {
      name: "KafkaJSSASLAuthenticationError",
    });
  }
});
