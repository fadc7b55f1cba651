import assert from "node:assert/strict";
import type { Embedded } from "../../../connectors/clickhouse/embedded.ts";
import { selectValue, until, withWarehouse } from "./warehouse.ts";

const utf8 = new TextEncoder();

function basic(
  { username, password }: Pick<Embedded, "username" | "password">,
) {
  return `Basic ${btoa(`${username}:${password}`)}`;
}

Deno.test("HttpServer refuses whoever does not know the password", async () => {
  await withWarehouse(async ({ server }) => {
    const { url, username, password } = server;
    const wrong: HeadersInit[] = [
      {},
      { authorization: basic({ username, password: "" }) },
      { authorization: basic({ username: "default", password }) },
      { authorization: basic({ username, password: password.slice(1) }) },
      { authorization: `Bearer ${password}` },
      { "x-clickhouse-user": username, "x-clickhouse-key": `${password}0` },
    ];
    for (const headers of wrong) {
      const response = await fetch(`${url}/?query=SELECT+1`, { headers });
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("x-clickhouse-exception-code"), "516");
      const text = await response.text();
      assert.match(text, /AUTHENTICATION_FAILED/);
      assert(!text.includes(password));
    }
    const right: HeadersInit[] = [
      { authorization: basic(server) },
      { "x-clickhouse-user": username, "x-clickhouse-key": password },
    ];
    for (const headers of right) {
      const response = await fetch(`${url}/?query=SELECT+1`, { headers });
      assert.equal(await response.text(), "1\n");
    }
    const ping = await fetch(`${url}/ping`);
    assert.equal(await ping.text(), "Ok.\n");
  });
});

Deno.test("HttpServer stores nothing of a body that breaks off", async () => {
  await withWarehouse(async ({ server, client }) => {
    await client.command({
      query: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
    });
    const rows = "1\n".repeat(100_000);
    const bodies = [
      `Content-Length: ${rows.length + 1}\r\n\r\n${rows}`,
      `Transfer-Encoding: chunked\r\n\r\n${rows.length.toString(16)}\r\n` +
      `${rows}\r\n`,
    ];
    for (const body of bodies) {
      const { hostname, port } = new URL(server.url);
      const connection = await Deno.connect({ hostname, port: Number(port) });
      const request = utf8.encode(
        "POST /?query=INSERT+INTO+t+FORMAT+TSV HTTP/1.1\r\nHost: x\r\n" +
          `Authorization: ${basic(server)}\r\n${body}`,
      );
      for (let at = 0; at < request.length;) {
        at += await connection.write(request.subarray(at));
      }
      // Only what the engine already works on can be broken off.
      await until(async () => await inserts() === "1");
      connection.close();
      await until(async () => await inserts() === "0");
    }
    assert.equal(await selectValue(client, "SELECT count() FROM t"), "0");

    function inserts(): Promise<string> {
      return selectValue(
        client,
        "SELECT count() FROM system.processes WHERE query LIKE 'INSERT%'",
      );
    }
  });
});

Deno.test("HttpServer ends a SELECT whose reader leaves", async () => {
  await withWarehouse(async ({ server, client }) => {
    for (const parameters of ["", "?enable_http_compression=1"]) {
      const left = new AbortController();
      const response = await fetch(`${server.url}/${parameters}`, {
        method: "POST",
        headers: { authorization: basic(server) },
        body: "SELECT number FROM system.numbers FORMAT JSONEachRow",
        signal: left.signal,
      });
      const reader = response.body!.getReader();
      await reader.read();
      left.abort();
      await reader.read().catch(() => {});
      await until(async () =>
        await selectValue(
          client,
          "SELECT count() FROM system.processes WHERE query LIKE '%numbers%'",
        ) === "1" // this query itself
      );
    }
  });
});

Deno.test("HttpServer finishes what is under way when it closes", async () => {
  await withWarehouse(async ({ server, client }) => {
    await client.command({
      query: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
    });
    const answer = selectValue(
      client,
      "SELECT count(), sum(ignore(sleepEachRow(0.01))) FROM numbers(100)",
    );
    await until(async () =>
      await selectValue(
        client,
        "SELECT count() FROM system.processes WHERE query LIKE '%sleep%'",
      ) === "2" // and this query itself
    );
    const [text] = await Promise.all([answer, server[Symbol.asyncDispose]()]);
    assert.equal(text, "100\t0");
    await assert.rejects(client.query({ query: "SELECT 1" }));
  });
});

Deno.test("HttpServer refuses what it would have to ignore", async () => {
  await withWarehouse(async ({ server }) => {
    const headers = { authorization: basic(server) };
    const cases: [string, HeadersInit][] = [
      ["role=a", {}],
      ["compress=1", {}],
      ["session_id=a", {}],
      ["", { "content-encoding": "deflate" }],
    ];
    for (const [parameters, more] of cases) {
      const response = await fetch(`${server.url}/?${parameters}`, {
        method: "POST",
        headers: { ...headers, ...more },
        body: "SELECT 1",
      });
      assert.equal(response.status, 501, parameters);
      assert.match(await response.text(), /^Code: 48\..*\(NOT_IMPLEMENTED\)/);
    }
    const long = await fetch(server.url, {
      method: "POST",
      headers,
      body: `SELECT '${"x".repeat(17 * 1024 ** 2)}'`,
    });
    assert.equal(long.status, 400);
    assert.match(await long.text(), /Statement is longer than/);
  });
});
