import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { bytesOf } from "../../../../connectors/evm/rpc/body.ts";

const text = new TextEncoder();

/** So many bytes that compress well, and do not repeat. */
function numbers(length: number): Uint8Array {
  let all = "";
  for (let number = 0; all.length < length; number++) all += `${number},`;
  return text.encode(all.slice(0, length));
}

/** What a server gives that answers with this. */
async function served(answer: () => Response): Promise<Uint8Array> {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    answer,
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return await bytesOf(await fetch(url));
}

Deno.test("bytesOf() gives all bytes of an answer of any size", async () => {
  for (const length of [0, 1, 1000, (1 << 20) - 1, 1 << 20, 5_000_001]) {
    const bytes = numbers(length);
    const got = await served(() =>
      new Response(bytes.slice(), {
        headers: { "content-length": String(length) },
      })
    );
    assert.ok(Buffer.from(got).equals(bytes), `${length} bytes`);
  }
});

Deno.test("bytesOf() gives all bytes where nobody says how many", async () => {
  const bytes = numbers(3_000_000);
  const got = await served(() =>
    new Response(new Blob([bytes.slice()]).stream())
  );
  assert.ok(Buffer.from(got).equals(bytes));
});

Deno.test("bytesOf() gives what was packed unpacked", async () => {
  const bytes = numbers(6_000_000);
  const packed = new Uint8Array(
    await new Response(
      new Blob([bytes.slice()]).stream()
        .pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer(),
  );
  assert.ok(packed.length > 1 << 20, "is large also when packed");
  const got = await served(() =>
    new Response(packed, {
      headers: {
        "content-encoding": "gzip",
        "content-length": String(packed.length),
      },
    })
  );
  assert.ok(Buffer.from(got).equals(bytes));
});

Deno.test("bytesOf() takes what is told for a hint", async () => {
  const bytes = numbers(7_000_000);
  for (
    const told of [1 << 20, 3_500_000, 6_999_999, 7_000_000, 9_000_000, 1e15]
  ) {
    const response = new Response(new Blob([bytes.slice()]).stream(), {
      headers: { "content-length": String(told) },
    });
    const got = await bytesOf(response);
    assert.ok(Buffer.from(got).equals(bytes), `told ${told}`);
  }
});

/** A server that sends half of what it tells; and ends, or does not. */
async function halfServed(
  ends: boolean,
  read: (url: string) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n";
    const bytes = new Uint8Array([...text.encode(head), ...numbers(2_000_000)]);
    for (let at = 0; at < bytes.length;) {
      at += await connection.write(bytes.subarray(at));
    }
    // Open until the other side closes it.
    if (!ends) await connection.read(new Uint8Array(1)).catch(() => {});
  })();
  await read(`http://127.0.0.1:${listener.addr.port}`);
  await serving;
}

Deno.test("bytesOf() fails when an answer breaks off", async () => {
  await halfServed(true, async (url) => {
    await assert.rejects(bytesOf(await fetch(url)));
  });
});

Deno.test("bytesOf() ends with the reason when an answer is given up", async () => {
  await halfServed(false, async (url) => {
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    const reading = bytesOf(response);
    controller.abort(new Error("Nobody wants it"));
    await assert.rejects(reading, /Nobody wants it/);
  });
});
