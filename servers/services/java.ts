/**
 * Java programs from Maven Central: the jars are collected once for each
 * version and kept in the user's cache.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** Kafka 4, Cassandra 5 and the registry run on it. */
const OLDEST_JAVA = 17;

const POMS = ["kafka", "cassandra"] as const;

/** Why servers in Java cannot run here; undefined when they can. */
export async function javaMissing(): Promise<string | undefined> {
  const version = await javaVersion();
  if (version === undefined) {
    return `Java ${OLDEST_JAVA} or newer is not there: install a JDK, or ` +
      "set JAVA_HOME";
  }
  if (version < OLDEST_JAVA) {
    return `Java ${version} is too old: ${OLDEST_JAVA} or newer is needed`;
  }
  const collected = await Promise.all(POMS.map(async (name) => {
    return await exists(await jarsFolder(name));
  }));
  if (collected.every(Boolean) || await runs("mvn")) return undefined;
  return "Maven is not there: it collects the jars of Kafka and Cassandra";
}

/** The java program. */
export function java(): string {
  const home = Deno.env.get("JAVA_HOME");
  return home ? `${home}/bin/java` : "java";
}

/** A file of this folder. */
export function template(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/**
 * The folder with the jars of a `pom.xml` beside this file; Maven fetches them
 * when they are not there yet.
 */
export async function jars(name: typeof POMS[number]): Promise<string> {
  const folder = await jarsFolder(name);
  await once(folder, async (draft) => {
    await run("mvn", [
      "--batch-mode",
      "--quiet",
      "--file",
      template(`${name}/pom.xml`),
      "dependency:copy-dependencies",
      "-DincludeScope=runtime",
      `-DoutputDirectory=${draft}`,
    ]);
  });
  return folder;
}

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
  make: (draft: string) => Promise<void>,
): Promise<void> {
  if (await exists(folder)) return;
  await Deno.mkdir(cacheFolder(), { recursive: true });
  // One lock for all: Maven's own repository bears no two writers.
  using lock = await Deno.open(`${cacheFolder()}/lock`, {
    create: true,
    write: true,
  });
  await lock.lock(true);
  if (await exists(folder)) return;
  const draft = await Deno.makeTempDir({ dir: cacheFolder() });
  try {
    await make(draft);
    await Deno.rename(draft, folder);
  } catch (error) {
    await Deno.remove(draft, { recursive: true });
    throw error;
  }
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

/** A new pom.xml is a new folder. */
async function jarsFolder(name: string): Promise<string> {
  const pom = await Deno.readFile(template(`${name}/pom.xml`));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", pom));
  return `${cacheFolder()}/${name}-${hash.toHex().slice(0, 12)}`;
}

async function javaVersion(): Promise<number | undefined> {
  try {
    const { stderr } = await new Deno.Command(java(), { args: ["-version"] })
      .output();
    const text = new TextDecoder().decode(stderr);
    // Java 8 calls itself 1.8.
    const version = /version "(?:1\.)?(\d+)/.exec(text)?.[1];
    return version === undefined ? undefined : Number(version);
  } catch {
    return undefined;
  }
}

async function runs(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output()).success;
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
