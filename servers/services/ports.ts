/**
 * Ports that stay free for their server while it is down.
 *
 * @module
 */

/** Below the range from which kernels take the ports of client sockets. */
const FIRST = 20_000;
const COUNT = 12_000;

const taken = new Set<number>();

/** A port that nobody listens on, and that this process gives out once. */
export function freePort(hostname = "127.0.0.1"): number {
  while (true) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (taken.has(port)) continue;
    try {
      using _listener = Deno.listen({ hostname, port });
      taken.add(port);
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** The port of a service, chosen when its folder is new. */
export async function keptPort(folder: string): Promise<string> {
  const path = `${folder}/port`;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path, String(freePort()));
  return await Deno.readTextFile(path);
}

/** Whether something takes connections there. */
export async function listening(address: string): Promise<boolean> {
  const at = address.lastIndexOf(":");
  try {
    using _connection = await Deno.connect({
      hostname: address.slice(0, at),
      port: Number(address.slice(at + 1)),
    });
    return true;
  } catch {
    return false;
  }
}
