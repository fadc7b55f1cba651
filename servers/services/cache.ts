/**
 * What is fetched once and kept in the user's cache.
 *
 * @module
 */
import { dirname } from "node:path";

/** Where this program keeps what it has downloaded. */
export function cacheFolder(): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  return `${caches}/sluice`;
}

/**
 * Make a folder that is there completely or not at all. Of several processes
 * one makes it, the others wait.
 */
export async function once(
  folder: string,
  { what, make }: {
    /** For people: `Fetching …, once`. */
    readonly what: string;
    readonly make: (draft: string) => Promise<void>;
  },
): Promise<void> {
  if (await exists(folder)) return;
  const cache = dirname(folder);
  await Deno.mkdir(cache, { recursive: true });
  // One lock for all: Maven's own repository bears no two writers.
  using lock = await Deno.open(`${cache}/lock`, { create: true, write: true });
  await lock.lock(true);
  if (await exists(folder)) return;
  say(`Fetching ${what}, once`);
  const draft = await Deno.makeTempDir({ dir: cache });
  try {
    await make(draft);
    await Deno.rename(draft, folder);
  } catch (error) {
    await Deno.remove(draft, { recursive: true });
    throw error;
  }
}

/**
 * Download an archive and unpack it.
 *
 * @throws {Error} when it is not there or not the one that was expected
 */
export async function unpack(
  url: string,
  { sha256, folder }: { readonly sha256: string; readonly folder: string },
): Promise<void> {
  const response = await fetch(url);
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Cannot download "${url}": HTTP ${response.status}`);
  }
  const bytes = await response.bytes();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
    .toHex();
  if (hash !== sha256) {
    throw new Error(
      `Cannot use "${url}": its sha256 is ${hash}, not ${sha256}; whoever ` +
        "serves it has changed it",
    );
  }
  const archive = `${folder}/archive.tar.gz`;
  await Deno.writeFile(archive, bytes);
  await run("tar", ["-xzf", archive, "-C", folder]);
  await Deno.remove(archive);
}

/** @throws {Error} with what the program printed when it fails */
export async function run(program: string, args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args })
    .output();
  if (success) return;
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes))
    .join("").trim().split("\n").slice(-15).join("\n");
  throw new Error(`Cannot run "${program} ${args.join(" ")}":\n${said}`);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
