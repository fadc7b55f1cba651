/**
 * Java programs from Maven Central: the jars are collected once for each
 * version and kept in the user's cache.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { cacheFolder, once, run } from "./cache.ts";

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
  const what = `the jars of ${name} with Maven`;
  const make = (draft: string) =>
    run("mvn", [
      "--batch-mode",
      "--quiet",
      "--file",
      template(`${name}/pom.xml`),
      "dependency:copy-dependencies",
      "-DincludeScope=runtime",
      `-DoutputDirectory=${draft}`,
    ]);
  await once(folder, { what, make });
  return folder;
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
