/**
 * Where a consumer group begins.
 *
 * @module
 */
import type { Logger } from "../../runtime/component.ts";
import type { KafkaClient } from "./client.ts";

/** Which group begins where. */
export interface GroupStart {
  readonly group: string;
  readonly topics: readonly string[];
  readonly start: "earliest" | "latest";
  readonly log: Logger;
}

/**
 * Give a new group that starts with the latest record its offsets at once,
 * for all partitions: without them every rebalance before the first commit
 * would start with the latest again, and lose what came in between.
 *
 * Also says what the brokers have deleted before the group came to it.
 *
 * @throws {RetryableError} when another process is doing the same.
 */
export async function beginGroup(
  client: KafkaClient,
  { group, log, start, topics }: GroupStart,
): Promise<void> {
  const action = `find where group "${group}" stands`;
  await client.admin(action, async (admin) => {
    const committed = await admin.fetchOffsets({
      groupId: group,
      topics: [...topics],
    });
    for (const topic of topics) {
      const bounds = await admin.fetchTopicOffsets(topic);
      const known = new Map(
        committed.find((one) => one.topic === topic)?.partitions
          .map(({ offset, partition }) => [partition, BigInt(offset)]),
      );
      const offsets = bounds.map(({ partition }) =>
        known.get(partition) ?? -1n
      );
      if (start === "latest" && offsets.every((offset) => offset < 0n)) {
        await admin.setOffsets({
          groupId: group,
          topic,
          partitions: bounds.map(({ high, partition }) => ({
            partition,
            offset: high,
          })),
        });
        continue;
      }
      for (const [index, { low, partition }] of bounds.entries()) {
        const offset = offsets[index] ?? -1n;
        if (offset < 0n || offset >= BigInt(low)) continue;
        log.warn("Records were deleted before they were read", {
          topic,
          partition,
          records: Number(BigInt(low) - offset),
          remedy: "raise the retention of the topic",
        });
      }
    }
  });
}
