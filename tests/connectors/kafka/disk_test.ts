/** `SLUICE_DISKS=1` runs it: a server that falls and starts takes a minute. */
import assert from "node:assert/strict";
import { RetryableError, type Schema } from "../../../runtime/component.ts";
import { smallDisk } from "../../fixtures/small_disk.ts";
import { until } from "../../fixtures/until.ts";
import { javaTest, startKafka } from "../../services/mod.ts";
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
  { name: "text", type: "string", doc: "What takes the room" },
];

/** What a broker needs to start, and a little more. */
const megabytes = 64;

javaTest(
  "kafkaSink waits for disk space and stores what was refused, once",
  async () => {
    await using disk = await smallDisk(megabytes);
    if (!disk) return;
    await using server = await startKafka({
      folder: `${disk.folder}/kafka`,
      properties: { "log.segment.bytes": "8388608" },
    });
    await using client = await connect(server.address);
    const config = sinkConfig("full", { compression: "none" });
    await using sink = await openKafkaSink(config, { client, schema });
    const batch = (number: number) => {
      const rows = [{ id: number, text: "x".repeat(900_000) }];
      return batchOf(sink, [[{ number }, rows]]);
    };
    let stored = 0;
    let refused: unknown;
    while (refused === undefined) {
      assert(stored < 2 * megabytes, "The disk never gets full");
      await sink.write(batch(stored)).then(
        () => stored++,
        (error) => refused = error,
      );
    }
    assert(refused instanceof RetryableError, String(refused));
    // A broker whose only disk fails stops itself; somebody makes room.
    assert.match(refused.message, /^Kafka "bus" cannot write .*"(out|full)"/);
    await disk.grow(4 * megabytes);
    await server.kill();
    await server.start();
    const again = batch(stored);
    await until(
      () => sink.write(again).then(() => true, retryable),
      "the broker stores again",
    );
    const found = changesOf(await readTopic(client, "full"));
    const expected = Array.from({ length: stored + 1 }, (_, id) => id);
    assert.deepEqual(found.map(({ row }) => row["id"]), expected);
  },
  { ignore: !Deno.env.has("SLUICE_DISKS") },
);

/** False, to be tried again, when that is what the error asks for. */
function retryable(error: unknown): false {
  if (error instanceof RetryableError) return false;
  throw error;
}
