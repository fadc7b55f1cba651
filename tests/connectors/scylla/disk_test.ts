/** `SLUICE_DISKS=1` runs it: a server that falls and starts takes a minute. */
import assert from "node:assert/strict";
import { scyllaSink } from "../../../connectors/scylla/sink.ts";
import { RetryableError, type Schema } from "../../../runtime/component.ts";
import { openContext } from "../../contracts/open_context.ts";
import { smallDisk } from "../../fixtures/small_disk.ts";
import { until } from "../../fixtures/until.ts";
import { javaTest, startCassandra } from "../../services/mod.ts";
import { connect, sinkConfig } from "./hot.ts";

const schema: Schema = [
  { name: "id", type: "uint64", doc: "A number" },
  { name: "text", type: "string", doc: "What takes the room" },
];

/** What a node needs to start, and a little more. */
const megabytes = 128;

javaTest(
  "scyllaSink waits for disk space and stores what was refused",
  async () => {
    await using disk = await smallDisk(megabytes);
    if (!disk) return;
    await using server = await startCassandra({ folder: `${disk.folder}/one` });
    await using client = await connect({ hosts: [server.address] });
    const config = sinkConfig({ table: "filled", primary_key: ["id"] });
    const sink = await scyllaSink.open(config, {
      ...openContext({ name: "out" }),
      connection: client,
      schema,
      state: undefined,
    });
    const { signal } = new AbortController();
    const write = async (number: number) => {
      const rows = [{ id: number, text: noise(900_000) }];
      const unit = {
        number,
        id: `${number}`,
        time: 0,
        op: "insert",
        version: number,
      } as const;
      const chunk = { ...sink.encode(rows, unit, () => {}), rows: 1, unit };
      await sink.write({
        chunks: [chunk],
        rows: 1,
        bytes: chunk.bytes,
        token: `${number}`,
        signal,
      });
    };
    let stored = 0;
    let refused: unknown;
    while (refused === undefined) {
      assert(stored < 4 * megabytes, "The disk never gets full");
      await write(stored).then(() => stored++, (error) => refused = error);
    }
    assert(refused instanceof RetryableError, String(refused));
    assert.match(refused.message, /"hot"/);
    // A node whose disk fails stops taking requests; somebody makes room.
    await disk.grow(8 * megabytes);
    await server.kill();
    await server.start();
    const last = stored;
    await until(
      () => write(last).then(() => true, retryable),
      "the node stores again",
    );
    const rows = await Array.fromAsync(client.rows("SELECT id FROM filled"));
    const found = rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
    assert.deepEqual(found, Array.from({ length: last + 1 }, (_, id) => id));
  },
  { ignore: !Deno.env.has("SLUICE_DISKS") },
);

/** Text that cannot be compressed much. */
function noise(length: number): string {
  const parts = Array.from(
    { length: Math.ceil(length / 60_000) },
    () => crypto.getRandomValues(new Uint8Array(45_000)).toBase64(),
  );
  return parts.join("");
}

/** False, to be tried again, when that is what the error asks for. */
function retryable(error: unknown): false {
  if (error instanceof RetryableError) return false;
  throw error;
}
