import assert from "node:assert/strict";
import { components } from "../../../connectors/mod.ts";
import { RetryableError, UserError } from "../../../runtime/component.ts";
import { checkSpec } from "../../../runtime/spec/check.ts";
import { cassandra, javaTest, uniqueName } from "../../services/mod.ts";
import { startGuarded } from "./guarded.ts";
import { connect, hot } from "./hot.ts";

type Connected = Awaited<ReturnType<typeof connect>>;

function fails(
  // deno-lint-ignore no-explicit-any -- any class of errors
  type: new (...all: any[]) => Error,
  pattern: RegExp,
): (error: unknown) => true {
  return (error) => {
    assert(error instanceof type, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

async function ask(client: Connected, cql: string): Promise<void> {
  await client.execute(cql, [], { prepare: false });
}

async function replicationOf(client: Connected): Promise<unknown> {
  const { rows: [row] } = await client.execute(
    "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
    [client.keyspace],
  );
  return Object.fromEntries(row?.["replication"] as Map<string, string>);
}

javaTest(
  "scylla creates a keyspace with as many replicas as there can be",
  async () => {
    const hosts = [await cassandra()];
    const keyspace = uniqueName("replicas");
    await using client = await connect({ hosts, keyspace });
    await client.health();
    const found = {
      class: "org.apache.cassandra.locator.NetworkTopologyStrategy",
      datacenter1: "1",
    };
    assert.deepEqual(await replicationOf(client), found);

    await using other = await connect({ hosts, keyspace, replication: 3 });
    await other.health();
    assert.deepEqual(await replicationOf(other), found, "never altered");
  },
);

javaTest(
  "scylla creates a keyspace with the replicas that are stated",
  async () => {
    const hosts = [await cassandra()];
    for (const replication of [2, { datacenter1: 2 }]) {
      const keyspace = uniqueName("replicas");
      await using client = await connect({ hosts, keyspace, replication });
      await client.health();
      assert.deepEqual(await replicationOf(client), {
        class: "org.apache.cassandra.locator.NetworkTopologyStrategy",
        datacenter1: "2",
      });
      // Of two replicas one is not there: it waits, and says what for.
      await ask(client, "CREATE TABLE t (k text PRIMARY KEY)");
      await assert.rejects(
        client.execute("INSERT INTO t (k) VALUES ('a')", [], {
          consistency: "all",
        }),
        fails(RetryableError, /too few replicas are up for this consistency/),
      );
    }
  },
);

javaTest("scylla takes several hosts in one text", async () => {
  const address = await cassandra();
  await using client = await connect({ hosts: [`127.0.0.1:1, ${address},`] });
  await client.health();
});

javaTest("scylla says which data centres there are", async () => {
  const hosts = [await cassandra()];
  await using client = await connect({ hosts, data_center: "nowhere" });
  await assert.rejects(
    client.health(),
    fails(
      UserError,
      /no data centre "nowhere": "data_center" of the connection must be "datacenter1"/,
    ),
  );
  await using right = await connect({ hosts, data_center: "datacenter1" });
  await right.health();
});

Deno.test("scylla waits for hosts that do not answer, and says which", async () => {
  await using client = await connect({ hosts: ["127.0.0.1:1"] });
  await assert.rejects(
    client.health(),
    fails(
      RetryableError,
      /^Cannot reach Scylla "hot" at 127.0.0.1:1: .*ECONNREFUSED/,
    ),
  );
});

Deno.test("scylla waits for names that do not resolve, and says which", async () => {
  await using client = await connect({ hosts: ["scylla.invalid:9042"] });
  await assert.rejects(
    client.health(),
    fails(
      RetryableError,
      /^Cannot resolve any host of Scylla "hot": scylla.invalid:9042; check "hosts"/,
    ),
  );
});

javaTest("scylla says what is wrong with a statement", async () => {
  await using client = await hot();
  await assert.rejects(
    ask(client, "SELECT * FROM no_such_table"),
    fails(UserError, /"hot" at .*no_such_table.*; correct the table/),
  );
  await assert.rejects(
    ask(client, "SELEC 1"),
    fails(UserError, /SELEC.*; correct the statement/),
  );
});

javaTest("scylla answers queries as text", async () => {
  await using client = await hot();
  const table = uniqueName("query");
  await ask(
    client,
    `CREATE TABLE ${table} (k text PRIMARY KEY, big varint, n bigint, ` +
      "t timestamp, l list<varint>, m map<text, bigint>, b blob, u uuid)",
  );
  const { signal } = new AbortController();
  const query = (cql: string, format: "json" | "csv" | "table") =>
    client.query(cql, { format, signal });
  const all = "(k, big, n, t, l, m, b, u) VALUES ('a', " +
    `${2n ** 256n - 1n}, ${2n ** 63n - 1n}, '2024-03-13T13:55:35Z', [1], ` +
    "{'x': 2}, 0x0aff, 123e4567-e89b-12d3-a456-426614174000)";
  assert.equal(await query(`INSERT INTO ${table} ${all};`, "json"), "");
  assert.deepEqual(JSON.parse(await query(`SELECT * FROM ${table};`, "json")), {
    k: "a",
    b: "0x0aff",
    big: String(2n ** 256n - 1n),
    l: [1],
    m: { x: 2 },
    n: String(2n ** 63n - 1n),
    t: "2024-03-13T13:55:35.000Z",
    u: "123e4567-e89b-12d3-a456-426614174000",
  });
  assert.equal(
    await query(`SELECT k, l, t FROM ${table}`, "csv"),
    "k,l,t\na,[1],2024-03-13T13:55:35.000Z\n",
  );
  assert.match(await query(`SELECT k FROM ${table}`, "table"), /│ a +│/);
  await assert.rejects(
    client.query(`SELECT * FROM ${table}`, {
      format: "json",
      signal: AbortSignal.abort(new Error("Enough")),
    }),
    /Enough/,
  );
});

javaTest("scylla reads every page", async () => {
  await using client = await hot();
  const table = uniqueName("pages");
  await ask(
    client,
    `CREATE TABLE ${table} (k text, n int, PRIMARY KEY (k, n))`,
  );
  const insert = `INSERT INTO ${table} (k, n) VALUES ('a', ?)`;
  const numbers = Array.from({ length: 25 }, (_, n) => n);
  await client.batch(numbers.map((n) => ({ query: insert, params: [n] })));
  const rows = client.rows(`SELECT n FROM ${table}`, [], { fetchSize: 10 });
  assert.deepEqual(
    (await Array.fromAsync(rows)).map((row) => row["n"]),
    numbers,
  );
});

javaTest(
  "scylla says what is wrong with user, password, rights and TLS",
  async () => {
    await using guarded = await startGuarded();
    const { ca, server } = guarded;
    const hosts = [server.address];
    const admin = { hosts, username: "cassandra", password: "cassandra" };
    const tls = { ca, cert: undefined, key: undefined };
    const refused = async (
      config: Parameters<typeof connect>[0],
      check: (error: unknown) => true,
    ) => {
      await using client = await connect(config);
      await assert.rejects(client.health(), check);
    };

    await using client = await connect({ ...admin, tls });
    await client.health();

    await refused(
      { ...admin, tls, password: "wrong" },
      fails(
        UserError,
        /refuses user "cassandra": check "username" and "password"/,
      ),
    );
    await refused(
      { hosts, tls },
      fails(UserError, /wants a user: write "username" and "password"/),
    );
    await refused(
      { ...admin, tls: true },
      fails(UserError, /certificate.*check "tls" of the connection/i),
    );
    await refused(
      { ...admin, tls: { ...tls, ca: "/no/such.pem" } },
      fails(
        UserError,
        /Cannot read "\/no\/such.pem", the "ca" of Scylla "hot"/,
      ),
    );
    await refused(admin, fails(RetryableError, /Cannot reach Scylla "hot"/));

    await ask(
      client,
      "CREATE ROLE reader WITH PASSWORD = 'r' AND LOGIN = true",
    );
    const reader = { hosts, tls, username: "reader", password: "r" };
    await refused(
      { ...reader, keyspace: "forbidden" },
      fails(
        UserError,
        /has no keyspace "forbidden" and the user may not create it: have it created by CREATE KEYSPACE IF NOT EXISTS "forbidden"/,
      ),
    );
    await using other = await connect({ ...reader, keyspace: client.keyspace });
    await other.health();
    await assert.rejects(
      ask(other, "CREATE TABLE t (k text PRIMARY KEY)"),
      fails(UserError, /reader.*; grant the user the right/),
    );
  },
);

function problems(connection: string): string[] {
  const spec = `
name: keys
connections:
  hot: { type: scylla, ${connection} }
`;
  const { diagnostics } = checkSpec("keys.yaml", {
    registry: components,
    read: () => spec,
  });
  return diagnostics.map(({ message }) => message)
    .filter((one) => !/sources|sinks|not used|Nothing/.test(one));
}

Deno.test("scylla checks its fields", () => {
  assert.deepEqual(
    problems("hosts: [a, 'b:9042', '[::1]:9042'], keyspace: k"),
    [],
  );
  assert.deepEqual(problems("hosts: ['http://a'], keyspace: k"), [
    '"http://a" is no host',
  ]);
  assert.deepEqual(problems("hosts: [','], keyspace: k"), ["No host"]);
  assert.deepEqual(problems("hosts: [a], keyspace: main-net"), [
    '"main-net" cannot be a keyspace',
  ]);
  assert.deepEqual(problems("hosts: [a], keyspace: k, username: u"), [
    "A username without password",
  ]);
  assert.deepEqual(problems("hosts: [a], keyspace: k, tls: { cert: c.pem }"), [
    "A cert without key",
  ]);
});
