/**
 * The shared bench's node as a process of its own.
 *
 * @module
 */

/** Where the shared bench and what it installed are. */
export interface BenchPlace {
  /** Its folder. */
  readonly bench: string;
  /** What `bench.py install --work` has made. */
  readonly work: string;
}

/** A node that runs; disposing it stops it. */
export interface BenchNode extends AsyncDisposable {
  readonly url: string;
}

const root = new URL("../../", import.meta.url).pathname;

/** Where the environment says that the bench is. */
export function benchPlace(): BenchPlace {
  return {
    bench: Deno.env.get("SLUICE_BENCH") ?? `${root}../shared/bench`,
    work: Deno.env.get("SLUICE_BENCH_WORK") ?? `${root}.sluice/bench`,
  };
}

/** Start a node with its own blocks, which nobody has asked yet. */
export async function startNode(
  { work }: BenchPlace,
  args: readonly string[] = [],
): Promise<BenchNode> {
  const port = freePort();
  const process = new Deno.Command(`${work}/mocknode`, {
    args: ["-addr", `127.0.0.1:${port}`, ...args],
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  while (!await answers(`${url}/stats`)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      process.kill();
      await process.status;
    },
  };
}

/** What a JSON endpoint of the node says. */
export async function getJson<T>(url: string): Promise<T> {
  const reply = await fetch(url);
  return await reply.json() as T;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(url: string): Promise<boolean> {
  try {
    await getJson(url);
    return true;
  } catch {
    return false;
  }
}
