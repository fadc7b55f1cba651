import { createClient } from "@clickhouse/client";
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import {
  cassandra,
  clickhouse,
  javaTest,
  kafka,
  registry,
  startClickhouse,
  startRegistry,
} from "./mod.ts";

/** Whether something takes connections at `host:port`, or behind a URL. */
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

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Wait for a condition, a minute at most. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!await holds()) {
    assert(Date.now() < deadline, "A minute has not been enough");
    await delay(100);
  }
}

javaTest("kafka() is one for the run", async () => {
  const address = await kafka();
  assert(await connects(address));
  assert.equal(await kafka(), address);
});

javaTest("cassandra() is one for the run", async () => {
  const address = await cassandra();
  assert(await connects(address));
  assert.equal(await cassandra(), address);
});

javaTest("registry() is one for the run", async () => {
  const address = await registry();
  const response = await fetch(`${address}/subjects`);
  assert(Array.isArray(await response.json()));
  assert.equal(await registry(), address);
});

Deno.test("clickhouse() is one for the run", async () => {
  const address = await clickhouse();
  const response = await fetch(`${address}/?query=SELECT+1`);
  assert.equal(await response.text(), "1\n");
  assert.equal(await clickhouse(), address);
});

Deno.test("startClickhouse() keeps rows and address through a kill", async () => {
  await using server = await startClickhouse();
  const client = createClient({ url: server.address });
  try {
    await client.command({
      query: "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n",
    });
    await client.insert({
      table: "t",
      values: [{ n: 1 }, { n: 2 }],
      format: "JSONEachRow",
    });
    await server.kill();
    assert.equal(await server.pid(), undefined);
    assert.equal(await connects(server.address), false);
    await server.start();
    const rows = await client.query({
      query: "SELECT n FROM t ORDER BY n",
      format: "TabSeparated",
    });
    assert.equal(await rows.text(), "1\n2\n");
  } finally {
    await client.close();
  }
});

Deno.test("startClickhouse() pauses and resumes", async () => {
  await using server = await startClickhouse();
  await server.pause();
  const signal = AbortSignal.timeout(300);
  await assert.rejects(fetch(`${server.address}/ping`, { signal }), {
    name: "TimeoutError",
  });
  await server.resume();
  const answer = await fetch(`${server.address}/ping`);
  assert.equal(await answer.text(), "Ok.\n");
});

Deno.test("startClickhouse() removes what it made, not what it was given", async () => {
  const given = await Deno.makeTempDir();
  let made: string;
  let address: string;
  {
    await using server = await startClickhouse({ folder: given });
    await using other = await startClickhouse();
    made = other.folder;
    address = server.address;
  }
  assert.equal(await connects(address), false);
  assert(await exists(`${given}/data`));
  assert.equal(await exists(made), false);
  await Deno.remove(given, { recursive: true });
});

for (const crashed of [false, true]) {
  const state = crashed ? "crashed" : "running";
  Deno.test(`startClickhouse() leaves nothing ${state} when its owner is killed`, async () => {
    const module = new URL("mod.ts", import.meta.url);
    const script = `import { startClickhouse } from "${module}";
    const server = await startClickhouse();
    const pid = await server.pid();
    if (${crashed}) Deno.kill(pid, "SIGKILL");
    const { address, folder } = server;
    console.log(JSON.stringify({ address, folder }));
    setInterval(() => {}, 1000);`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        `data:text/typescript,${encodeURI(script)}`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    const { address, folder } = JSON.parse(new TextDecoder().decode(value));
    assert(await exists(folder));
    if (crashed) await until(async () => !await connects(address));
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await until(async () => !await connects(address));
    await until(async () => !await exists(folder));
  });
}

Deno.test("startClickhouse() fails with the end of its log", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/data`, "no folder");
  await assert.rejects(startClickhouse({ folder }), (error) => {
    assert(error instanceof Error);
    assert.match(error.message, /^Cannot start a server in .*it has ended/);
    assert.match(error.message, /Not a directory|exists/);
    return true;
  });
  await Deno.remove(folder, { recursive: true });
});

javaTest(
  "startRegistry() keeps schemas and address through a kill",
  async () => {
    await using server = await startRegistry();
    const url = `${server.address}/subjects/s/versions`;
    const created = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({ schema: '"string"' }),
    });
    const { id } = await created.json();
    assert(id > 0);
    await server.kill();
    assert.equal(await connects(server.address), false);
    await server.start();
    const schema = await fetch(`${server.address}/schemas/ids/${id}`);
    assert.equal((await schema.json()).schema, '"string"');
  },
);
