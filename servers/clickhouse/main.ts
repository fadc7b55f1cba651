/**
 * ClickHouse for one data folder: the engine chDB behind ClickHouse's HTTP
 * interface, on a free port of the loopback address.
 *
 *     deno run --config deno.json --allow-ffi --allow-read --allow-write \
 *       --allow-net=127.0.0.1 main.ts DIR [PORT]
 *
 * The first line of stdout is `{"url": "http://127.0.0.1:PORT"}` once it
 * answers, or `{"error": "…", "owner": PID}`. User name and password are in
 * `DIR/server.json`, which only this user can read. It ends, after the
 * requests under way, when stdin ends or on SIGTERM; rows it acknowledged
 * survive any other end too.
 *
 * With a PORT it is a server of its own: as one that was just installed it
 * takes user `default` without a password, and it outlives its parent.
 *
 * @module
 */
import { Engine } from "./engine.ts";
import { HttpServer } from "./http.ts";
import { type Address, OwnedError, Ownership } from "./owner.ts";

/**
 * How long requests under way may take at the end. An insert takes well under
 * a second; what runs longer is a query whose reader is likely gone, too.
 */
const DRAIN_MS = 10_000;

const [folder, port] = Deno.args;
if (!folder || Deno.args.length > 2) {
  announce({ error: "Cannot start: the arguments are a folder and a port" });
  Deno.exit(2);
}

try {
  await serve(folder, port);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const owner = error instanceof OwnedError ? { owner: error.pid ?? null } : {};
  announce({ error: message, ...owner });
  Deno.exit(1);
}

async function serve(folder: string, port?: string): Promise<void> {
  // From the start: a parent may be gone before the engine is up.
  const end = ending({ alone: port !== undefined });
  const ownership = await Ownership.take(folder);
  const engine = new Engine(`${folder}/engine`);
  const version = await engine.version();
  const credentials = port === undefined
    ? { username: "sluice", password: randomPassword() }
    : { username: "default", password: "" };
  const server = new HttpServer(engine, credentials);
  const url = await server.listen(Number(port ?? 0));
  const address: Address = { url, ...credentials, pid: Deno.pid };
  await ownership.publish(address);
  announce({ url, version });

  await end;
  // A query cannot be interrupted in the engine, and leaving while one runs
  // crashes in it: past the deadline the clean way out is the hard one.
  const deadline = setTimeout(
    () => Deno.kill(Deno.pid, "SIGKILL"),
    DRAIN_MS,
  );
  await server.close();
  engine.close();
  await ownership.release();
  clearTimeout(deadline);
  // Leaving main() instead crashes in the engine now and then.
  Deno.exit(0);
}

/** Wait for an order to stop or, unless it is alone, the parent's end. */
async function ending({ alone }: { alone: boolean }): Promise<void> {
  // Ctrl-C and a closed terminal reach the whole process group. The parent
  // decides: it has rows to deliver here before it stops.
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (Deno.stdin.isTerminal()) stopped.resolve();
    });
  }
  Deno.addSignalListener("SIGTERM", () => stopped.resolve());
  if (alone) return await stopped.promise;
  // A terminal that has gone is an error and an end as well.
  const closed = Deno.stdin.readable.pipeTo(new WritableStream())
    .catch(() => {});
  await Promise.race([stopped.promise, closed]);
}

function randomPassword(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** Tell whoever started this process; it never carries the password. */
function announce(line: Record<string, unknown>): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}
