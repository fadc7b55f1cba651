import assert from "node:assert/strict";
import fc from "fast-check";
import { murmur2, partitionOf } from "../../../connectors/kafka/partitioner.ts";

const utf8 = new TextEncoder();

// From UtilsTest of Kafka's Java client.
const java: Readonly<Record<string, number>> = {
  "21": -973932308,
  foobar: -790332482,
  "a-little-bit-long-string": -985981536,
  "a-little-bit-longer-string": -1486304829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
  abc: 479470107,
};

Deno.test("murmur2() is that of the Java client", () => {
  for (const [key, hash] of Object.entries(java)) {
    assert.equal(murmur2(utf8.encode(key)), hash, key);
  }
});

Deno.test("partitionOf() is that of kafkajs for every key", async () => {
  const { default: { Partitioners } } = await import("kafkajs");
  const choose = Partitioners.DefaultPartitioner();
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 80 }),
    fc.integer({ min: 1, max: 50 }),
    (key, partitions) => {
      const partitionMetadata = Array.from(
        { length: partitions },
        (_, partitionId) => ({
          partitionId,
          partitionErrorCode: 0,
          leader: 0,
          replicas: [],
          isr: [],
        }),
      );
      const message = { key: Buffer.from(key), value: "" };
      assert.equal(
        partitionOf(key, partitions),
        choose({ topic: "t", partitionMetadata, message }),
      );
    },
  ));
});
