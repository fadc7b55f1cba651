/**
 * Apicurio Registry, which speaks the Confluent schema registry's API.
 *
 * @module
 */
import { cacheFolder, once, unpack } from "./cache.ts";
import { Daemon } from "./daemon.ts";
import { java } from "./java.ts";
import { keptPort } from "./ports.ts";
import { Service, type ServiceOptions } from "./service.ts";

/** The newest line that runs on Java 17. */
const VERSION = "3.0.9";

/**
 * Fetched by itself: Maven would need its parent POM, which some mirrors lack.
 */
const ARCHIVE = "https://repo.maven.apache.org/maven2/io/apicurio/" +
  `apicurio-registry-app/${VERSION}/apicurio-registry-app-${VERSION}-all.tar.gz`;
const SHA256 =
  "2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43";

/** A registry in a folder, not yet started. */
export async function openRegistry(
  folder: string,
  { owner }: ServiceOptions = {},
): Promise<Service> {
  const port = await keptPort(folder);
  const root = `http://127.0.0.1:${port}`;
  const address = `${root}/apis/ccompat/v7`;
  return new Service({
    name: "Schema registry",
    address,
    daemon: new Daemon(folder, owner),
    launch: async () => ({
      command: command(folder, { port, home: await installed() }),
      ready: () => answers(`${address}/subjects`),
    }),
  });
}

function command(
  folder: string,
  { port, home }: { readonly port: string; readonly home: string },
): string[] {
  // In memory by default; without the delay a schema that was acknowledged
  // survives SIGKILL.
  const url =
    `jdbc:h2:file:${folder}/schemas;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE`;
  return [
    java(),
    "-Xmx384m",
    "-XX:+UseSerialGC",
    // It starts in half the time; nobody measures how fast it answers.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dquarkus.http.host=127.0.0.1",
    `-Dquarkus.http.port=${port}`,
    `-Dapicurio.datasource.url=${url}`,
    `-Dapicurio.storage.snapshot.location=${folder}`,
    "-jar",
    `${home}/apicurio-registry-app-${VERSION}-runner.jar`,
  ];
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function installed(): Promise<string> {
  const home = `${cacheFolder()}/apicurio-${VERSION}`;
  await once(home, {
    what: `Apicurio Registry ${VERSION} (109 MB)`,
    make: (folder) => unpack(ARCHIVE, { sha256: SHA256, folder }),
  });
  return home;
}
