import assert from "node:assert/strict";
import {
  cassandra,
  clickhouse,
  javaTest,
  kafka,
  registry,
  startCassandra,
  startClickhouse,
  startKafka,
  startRegistry,
} from "./mod.ts";

/** Whether something takes connections at `host:port`. */
async function connects(address: string): Promise<boolean> {
  const [hostname = "", port] = address.replace(/^http:\/\/|\/.*$/g, "")
    .split(":");
  try {
    using _connection = await Deno.connect({ hostname, port: Number(port) });
    return true;
  } catch {
    return false;
  }
}

javaTest("kafka() starts one for the run", async () => {
  const address = await kafka();
  assert(await connects(address));
  assert.equal(await kafka(), address);
});

javaTest("cassandra() starts one for the run", async () => {
  assert(await connects(await cassandra()));
});

javaTest("registry() starts one for the run", async () => {
  const response = await fetch(`${await registry()}/subjects`);
  assert.deepEqual(await response.json(), []);
});

Deno.test("clickhouse() starts one for the run", async () => {
  const response = await fetch(`${await clickhouse()}/?query=SELECT+1`);
  assert.equal(await response.text(), "1\n");
});

for (
  const [name, start] of Object.entries({
    startKafka,
    startCassandra,
    startRegistry,
    startClickhouse,
  })
) {
  const test = name === "startClickhouse" ? Deno.test : javaTest;
  test(`${name}() brings a killed server back at its port`, async () => {
    const folder = await Deno.makeTempDir();
    {
      await using server = await start({ folder });
      const { address } = server;
      await server.kill();
      assert.deepEqual(await server.pids(), []);
      assert.equal(await connects(address), false);
      await server.start();
      assert.equal(server.address, address);
      assert(await connects(address));
    }
    await Deno.remove(folder, { recursive: true });
  });
}
