import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../runtime/component.ts";
import { freePort } from "../../../servers/services/ports.ts";
import { javaTest, startKafka, uniqueName } from "../../services/mod.ts";
import { batchOf, connect, openKafkaSink, sinkConfig } from "./bus.ts";

/** A certificate for localhost, signed by itself. */
async function certificate(folder: string) {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"],
      ...["-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", key, "-out", cert],
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return {
    key: await Deno.readTextFile(key),
    cert: await Deno.readTextFile(cert),
    path: cert,
  };
}

/** Takes off the encryption on the way to a broker. */
function terminator(
  options: { key: string; cert: string; port: number; to: number },
): AsyncDisposable {
  const { to, ...listen } = options;
  const listener = Deno.listenTls({ hostname: "127.0.0.1", ...listen });
  const pipes: Promise<unknown>[] = [];
  const open: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const client of listener) {
      const broker = await Deno.connect({ hostname: "127.0.0.1", port: to });
      open.push(client, broker);
      pipes.push(Promise.allSettled([
        client.readable.pipeTo(broker.writable),
        broker.readable.pipeTo(client.writable),
      ]));
    }
  })().catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // Its other side has closed it.
        }
      }
      await Promise.all(pipes);
    },
  };
}

javaTest("kafka encrypts, and knows whom it talks to", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-tls-" });
  try {
    const { cert, key, path } = await certificate(folder);
    const port = freePort();
    await using server = await startKafka({
      properties: { "advertised.listeners": `PLAINTEXT://localhost:${port}` },
    });
    const to = Number(server.address.split(":").at(-1));
    await using _terminator = terminator({ cert, key, port, to });
    const none = { cert: undefined, key: undefined };
    {
      await using client = await connect(`localhost:${port}`, {
        tls: { ca: path, ...none },
      });
      await client.health();
      // The broker cannot reach itself by this address, and so ends no
      // transaction.
      const config = sinkConfig(uniqueName("tls"), {
        delivery: "at_least_once",
      });
      const schema = [{ name: "a", type: "string", doc: "" }] as const;
      await using sink = await openKafkaSink(config, { client, schema });
      await sink.write(batchOf(sink, [[{}, [{ a: "b" }]]]));
    }
    await using stranger = await connect(`localhost:${port}`, { tls: true });
    await assert.rejects(stranger.health(), (error) => {
      assert(error instanceof UserError, String(error));
      assert.match(error.message, /no TLS with localhost:\d+: .*check "tls"/);
      return true;
    });
    await using missing = await connect(`localhost:${port}`, {
      tls: { ca: "/no/such.pem", ...none },
    });
    await assert.rejects(
      missing.health(),
      /Cannot read "\/no\/such.pem", the ca of a kafka connection/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
