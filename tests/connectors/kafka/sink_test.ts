import assert from "node:assert/strict";
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from "kafkajs";
import type { Compression } from "../../../connectors/kafka/codecs.ts";
import { compressionTypes } from "../../../connectors/kafka/codecs.ts";
import {
  type Row,
  rowPlace,
  type Schema,
  type UnitInfo,
  UserError,
} from "../../../runtime/component.ts";
import { javaTest, kafka, startKafka, uniqueName } from "../../services/mod.ts";
import {
  batchOf,
  changesOf,
  connect,
  openKafkaSink,
  readTopic,
  sinkConfig,
} from "./bus.ts";

const schema: Schema = [
  { name: "id", type: "uint64", doc: "A number" },
  { name: "text", type: "string", doc: "Some text" },
  { name: "case", type: "string", values: ["even", "odd"], doc: "A case" },
];

function rows(...ids: number[]): Row[] {
  return ids.map((id) => ({
    id,
    text: `row ${id}`,
    case: id % 2 === 0 ? "even" : "odd",
  }));
}

function userError(pattern: RegExp) {
  return (error: unknown) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

const unit: UnitInfo = {
  number: 7,
  id: "0xab",
  time: 1_700_000_000_000,
  op: "insert",
  version: 1_800_000_000_000,
};

javaTest("kafkaSink says in headers what a record is", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("headers"), { key: ["id"] });
  const pipeline = uniqueName("mainnet");
  await using sink = await openKafkaSink(config, { client, schema, pipeline });
  const before = Date.now();
  await sink.write(batchOf(sink, [[{ ...unit, part: 2 }, rows(1, 2)]]));
  const records = (await readTopic(client, config.topic.text))
    .sort((a, b) => Number(a.key) - Number(b.key));
  assert.deepEqual(records.map(({ key }) => key), ["1", "2"]);
  assert.deepEqual(
    records.map(({ headers }) => headers["row"]),
    [0, 1].map((index) => String(rowPlace({ part: 2 }, index))),
  );
  const { row: _, schema: name, ...headers } = records[0]?.headers ?? {};
  assert.match(name ?? "", new RegExp(`^${pipeline}\\.out@[0-9a-f]{8}$`));
  assert.deepEqual(headers, {
    op: "insert",
    block_number: "7",
    block_hash: "0xab",
    block_time: "1700000000000",
    version: "1800000000000",
  });
  assert.equal(
    String(records[0]?.value),
    '{"id":1,"text":"row 1","case":"odd"}',
  );
  // The time of writing: by the block's, a retention would delete history.
  assert(Number(records[0]?.timestamp) >= before - 1000);
});

javaTest("kafkaSink divides rows among the topics of a template", async () => {
  await using client = await connect(await kafka());
  const prefix = uniqueName("split");
  const config = sinkConfig({
    text: `${prefix}.{case}`,
    columns: ["case"],
    render: (row) => `${prefix}.${row["case"]}`,
  });
  await using sink = await openKafkaSink(config, { client, schema });
  await sink.write(batchOf(sink, [[{}, rows(1, 2, 3, 4)]]));
  for (const [name, ids] of [["even", [2, 4]], ["odd", [1, 3]]] as const) {
    const records = await readTopic(client, `${prefix}.${name}`);
    assert.deepEqual(changesOf(records).map(({ row }) => row["id"]), ids);
    assert.deepEqual(
      records.map(({ headers }) => headers["row"]),
      ids.map((id) => String(id - 1)),
    );
  }
  const rejects: string[] = [];
  const stranger = { id: 5, text: "", case: "third" };
  sink.encode([stranger], unit, (_, reason) => rejects.push(reason));
  assert.deepEqual(rejects, [
    `Topic "${prefix}.third" is none of those that are known`,
  ]);
});

javaTest("kafkaSink keeps the changes of a key in order", async () => {
  await using client = await connect(await kafka());
  const topic = uniqueName("order");
  const config = sinkConfig(topic, { key: ["id"], partitions: 5 });
  await using sink = await openKafkaSink(config, { client, schema });
  const ids = Array.from({ length: 300 }, (_, id) => id);
  for (let round = 0; round < 10; round++) {
    await sink.write(batchOf(sink, [
      [{ number: round, version: 2 * round }, rows(...ids)],
      [{ number: round, version: 2 * round + 1, op: "retract" }, rows(...ids)],
    ]));
  }
  const records = await readTopic(client, topic);
  assert.equal(new Set(records.map(({ partition }) => partition)).size, 5);
  const byKey = Map.groupBy(records, ({ key }) => key);
  assert.equal(byKey.size, 300);
  for (const [key, changes] of byKey) {
    const versions = changes.map(({ headers }) => Number(headers["version"]));
    assert.deepEqual(
      versions,
      Array.from({ length: 20 }, (_, i) => i),
      `${key}`,
    );
  }
});

javaTest(
  "kafkaSink keeps a block together where nothing keys its rows",
  async () => {
    await using client = await connect(await kafka());
    const config = sinkConfig(uniqueName("unkeyed"), { partitions: 5 });
    await using sink = await openKafkaSink(config, { client, schema });
    const units = Array.from(
      { length: 20 },
      (_, number) => [{ number }, rows(1, 2, 3)] as const,
    );
    await sink.write(batchOf(sink, units));
    const records = await readTopic(client, config.topic.text);
    assert(records.every(({ key }) => key === null));
    const places = Map.groupBy(
      records,
      ({ headers }) => headers["block_number"],
    );
    for (const found of places.values()) {
      assert.equal(
        new Set(found.map(({ partition }) => partition)).size,
        1,
      );
    }
    assert(new Set(records.map(({ partition }) => partition)).size > 1);
  },
);

javaTest("kafkaSink writes tombstones into a compacted topic", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("tombstones"), {
    key: ["id", "case"],
    cleanup_policy: "compact",
    tombstone: true,
  });
  await using sink = await openKafkaSink(config, { client, schema });
  await sink.write(batchOf(sink, [[{}, rows(1)]]));
  await sink.write(batchOf(sink, [[{ op: "retract", version: 2 }, rows(1)]]));
  const records = await readTopic(client, config.topic.text);
  assert.deepEqual(
    records.map(({ headers, key, value }) => [key, value, headers["op"]]),
    [
      ['[1,"odd"]', records[0]?.value, "insert"],
      ['[1,"odd"]', null, "retract"],
    ],
  );
  assert.notEqual(records[0]?.value, null);
});

for (const compression of Object.keys(compressionTypes) as Compression[]) {
  javaTest(`kafkaSink writes ${compression}`, async () => {
    await using client = await connect(await kafka());
    const config = sinkConfig(uniqueName("packed"), { compression });
    await using sink = await openKafkaSink(config, { client, schema });
    const ids = Array.from({ length: 5000 }, (_, id) => id);
    await sink.write(batchOf(sink, [[{}, rows(...ids)]]));
    const found = changesOf(await readTopic(client, config.topic.text));
    assert.deepEqual(found.map(({ row }) => row["id"]), ids);
  });
}

javaTest(
  "kafkaSink writes without transactions where it is told to",
  async () => {
    await using client = await connect(await kafka());
    for (
      const [other, shared] of [
        [{ delivery: "at_least_once" }, false],
        [{}, true],
      ] as const
    ) {
      const config = sinkConfig(uniqueName("simple"), other);
      const options = { client, schema, shared };
      await using first = await openKafkaSink(config, options);
      await using second = await openKafkaSink(config, options);
      await first.write(batchOf(first, [[{ number: 1 }, rows(1)]]));
      await second.write(batchOf(second, [[{ number: 2 }, rows(2)]]));
      await first.write(batchOf(first, [[{ number: 3 }, rows(3)]]));
      const found = changesOf(await readTopic(client, config.topic.text));
      assert.deepEqual(found.map(({ row }) => row["id"]), [1, 2, 3]);
    }
  },
);

javaTest("kafkaSink creates topics as they are described", async () => {
  await using client = await connect(await kafka());
  const topic = uniqueName("described");
  const config = sinkConfig(topic, {
    partitions: 3,
    replication: 1,
    retention: 86_400_000,
    cleanup_policy: "compact,delete",
    config: { "max.message.bytes": "5000000" },
    key: ["id"],
  });
  await using _sink = await openKafkaSink(config, { client, schema });
  // As they are now, they are as described.
  await using _again = await openKafkaSink(config, { client, schema });
  for (
    const [other, message] of [
      [{ partitions: 4 }, `"${topic}" has 3 partitions, not 4: write`],
      [{ replication: 2 }, `"${topic}" has replication 1, not 2: write`],
      [
        { cleanup_policy: "delete" },
        `"${topic}" has cleanup.policy .*, not delete: correct the sink, or ` +
        `run kafka-configs.sh --alter --topic ${topic}`,
      ],
      [{ retention: "forever" }, "has retention.ms 86400000, not -1"],
    ] as const
  ) {
    await assert.rejects(
      openKafkaSink({ ...config, ...other }, { client, schema }),
      userError(new RegExp(`Topics are not as sink "out" says: .*${message}`)),
    );
  }
  await assert.rejects(
    openKafkaSink(
      sinkConfig(uniqueName("unknown"), { config: { "no.such": "1" } }),
      { client, schema },
    ),
    userError(/cannot open topic .*INVALID_CONFIG.*correct the config/),
  );
  await assert.rejects(
    openKafkaSink(sinkConfig(uniqueName("replicas"), { replication: 3 }), {
      client,
      schema,
    }),
    userError(/INVALID_REPLICATION_FACTOR.*number of brokers/),
  );
});

javaTest("kafkaSink rejects rows that a topic has no room for", async () => {
  await using client = await connect(await kafka());
  const config = sinkConfig(uniqueName("large"), { key: ["id"] });
  await using sink = await openKafkaSink(config, { client, schema });
  const random = new Uint8Array(900_000).map((_, i) => (i * i * 31) >> 3);
  const noise = Array.from(
    { length: 20 },
    () => crypto.getRandomValues(random.slice(0, 65_000)).toHex(),
  ).join("");
  const [small, packed, large] = rows(1, 2, 3);
  const given = [
    { ...small },
    // Three times the limit, but not once it is compressed.
    { ...packed, text: "x".repeat(3_000_000) },
    { ...large, text: noise },
  ] as Row[];
  const rejects: [unknown, string][] = [];
  const encoded = sink.encode(given, unit, (row, reason) => {
    rejects.push([row["id"], reason]);
  });
  assert.deepEqual(rejects.map(([id]) => id), [3]);
  assert.match(
    rejects[0]?.[1] ?? "",
    /Record of \d+ bytes is larger than topic "large_\w+" takes: raise its max.message.bytes above 1048588/,
  );
  const { signal } = new AbortController();
  const chunks = [{ ...encoded, rows: 2, unit }];
  await sink.write({ chunks, rows: 2, bytes: 1, token: "t", signal });
  const found = changesOf(await readTopic(client, config.topic.text));
  assert.deepEqual(found.map(({ row }) => row["id"]), [1, 2]);
});

javaTest(
  "kafkaSink takes large batches to small partitions in pieces",
  async () => {
    await using client = await connect(await kafka());
    const config = sinkConfig(uniqueName("pieces"), {
      compression: "none",
      config: { "max.message.bytes": "20000" },
    });
    await using sink = await openKafkaSink(config, { client, schema });
    const ids = Array.from({ length: 500 }, (_, id) => id);
    const large = rows(...ids).map((row) => ({
      ...row,
      text: "x".repeat(900),
    }));
    await sink.write(batchOf(sink, [[{}, large]]));
    const found = changesOf(await readTopic(client, config.topic.text));
    assert.deepEqual(found.map(({ row }) => row["id"]), ids);
  },
);

javaTest(
  "kafka connects by every mechanism and says what is wrong",
  async () => {
    await using server = await startKafka({
      sasl: "app:right-password",
      properties: {
        "authorizer.class.name":
          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
      },
    });
    const brokers = server.saslAddress ?? "";
    const user = { username: "app", password: "right-password" };
    await refusesWithoutRights(brokers, user);
    await allow(server.address, user.username);
    for (
      const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const
    ) {
      await using client = await connect(brokers, {
        sasl: { mechanism, ...user },
      });
      await client.health();
      const config = sinkConfig(uniqueName("secure"));
      await using sink = await openKafkaSink(config, { client, schema });
      await sink.write(batchOf(sink, [[{}, rows(1)]]));
      await using wrong = await connect(brokers, {
        sasl: { mechanism, username: "app", password: "wrong-password" },
      });
      await assert.rejects(
        wrong.health(),
        userError(/^Kafka "bus" cannot reach .*check mechanism, username and/),
      );
    }
    const sasl = { mechanism: "plain", ...user } as const;
    await using superfluous = await connect(server.address, { sasl });
    await assert.rejects(superfluous.health(), userError(/wants no user/));
  },
);

/** The user may log in, and nothing else. */
async function refusesWithoutRights(
  brokers: string,
  user: { readonly username: string; readonly password: string },
): Promise<void> {
  await using client = await connect(brokers, {
    sasl: { mechanism: "plain", ...user },
  });
  await client.health();
  for (const delivery of ["exactly_once", "at_least_once"] as const) {
    const config = sinkConfig("forbidden", { delivery });
    await assert.rejects(
      async () => {
        await using sink = await openKafkaSink(config, { client, schema });
        await sink.write(batchOf(sink, [[{}, rows(1)]]));
      },
      userError(
        /^Kafka "bus" cannot .*topic "forbidden".*_AUTHORIZATION_FAILED\); grant the user/,
      ),
    );
  }
}

/** Grant a user what the messages ask for. */
async function allow(brokers: string, username: string): Promise<void> {
  const admin = new Kafka({
    brokers: brokers.split(","),
    logLevel: logLevel.NOTHING,
  }).admin();
  await admin.connect();
  try {
    const types = [
      AclResourceTypes.TOPIC,
      AclResourceTypes.CLUSTER,
      AclResourceTypes.TRANSACTIONAL_ID,
      AclResourceTypes.GROUP,
    ];
    await admin.createAcls({
      acl: types.map((resourceType) => ({
        resourceType,
        resourceName: resourceType === AclResourceTypes.CLUSTER
          ? "kafka-cluster"
          : "*",
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: `User:${username}`,
        host: "*",
        operation: AclOperationTypes.ALL,
        permissionType: AclPermissionTypes.ALLOW,
      })),
    });
  } finally {
    await admin.disconnect();
  }
}
