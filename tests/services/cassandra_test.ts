import assert from "node:assert/strict";
import { Client } from "cassandra-driver";
import { until } from "../fixtures/until.ts";
import { javaTest, startCassandra } from "./mod.ts";

function clientOf(address: string, password?: string): Client {
  return new Client({
    contactPoints: [address],
    localDataCenter: "datacenter1",
    ...password === undefined
      ? {}
      : { credentials: { username: "cassandra", password } },
  });
}

/** A new server answers a moment before it knows its first user. */
async function loggedIn(address: string): Promise<Client> {
  let client = clientOf(address, "cassandra");
  await until(async () => {
    try {
      await client.connect();
      return true;
    } catch {
      await client.shutdown();
      client = clientOf(address, "cassandra");
      return false;
    }
  }, "the first user can log in");
  return client;
}

javaTest("startCassandra() keeps rows and address through a kill", async () => {
  await using server = await startCassandra({
    authenticator: "PasswordAuthenticator",
  });
  const { address } = server;
  const rows = 200;
  {
    const client = await loggedIn(address);
    await client.execute(
      "CREATE KEYSPACE k WITH replication = " +
        "{'class': 'SimpleStrategy', 'replication_factor': 1}",
    );
    await client.execute("CREATE TABLE k.t (n int PRIMARY KEY, text text)");
    await Promise.all(
      Array.from(
        { length: rows },
        (_, n) =>
          client.execute(
            "INSERT INTO k.t (n, text) VALUES (?, ?)",
            [n, `${n}`],
            {
              prepare: true,
            },
          ),
      ),
    );
    // Not one moment passes between the last answer and the crash.
    await server.kill();
    await client.shutdown();
  }
  await server.start();
  assert.equal(server.address, address);
  const client = clientOf(address, "cassandra");
  const { rows: found } = await client.execute("SELECT count(*) FROM k.t");
  assert.equal(Number(found[0]?.count), rows);
  await client.shutdown();

  for (
    const [password, reason] of [
      ["wrong", /username .* and\/or password are incorrect/],
      [undefined, /requires authentication/],
    ] as const
  ) {
    const client = clientOf(address, password);
    await assert.rejects(client.connect(), (error) => {
      assert(error instanceof Error && "innerErrors" in error);
      const [inner] = Object.values(error.innerErrors as object);
      assert.match(String(inner), reason);
      return true;
    });
    await client.shutdown();
  }
});
