/**
 * Apache Cassandra from Maven Central jars, which speaks ScyllaDB's CQL.
 *
 * @module
 */
import { Daemon } from "./daemon.ts";
import { jars, java, template } from "./java.ts";
import { freePort, listening } from "./ports.ts";
import { Service, type ServiceOptions } from "./service.ts";

/** How to start Cassandra; read when the folder is new, kept from then on. */
export interface CassandraOptions extends ServiceOptions {
  /**
   * `AllowAllAuthenticator` unless stated; `PasswordAuthenticator` wants
   * user `cassandra` with password `cassandra`.
   */
  authenticator?: "AllowAllAuthenticator" | "PasswordAuthenticator";
}

const HOST = "127.0.0.1";

/** Cassandra in a folder, not yet started; its data centre: `datacenter1`. */
export async function openCassandra(
  folder: string,
  options: CassandraOptions = {},
): Promise<Service> {
  await configure(folder, options);
  const settings = await Deno.readTextFile(`${folder}/conf/cassandra.yaml`);
  const port = /^native_transport_port: (\d+)/m.exec(settings)?.[1];
  const address = `${HOST}:${port}`;
  return new Service({
    name: "Cassandra",
    address,
    daemon: new Daemon(folder, options.owner),
    launch: async () => ({
      command: command(folder, await jars("cassandra")),
      ready: () => listening(address),
    }),
  });
}

async function configure(
  folder: string,
  { authenticator = "AllowAllAuthenticator" }: CassandraOptions,
): Promise<void> {
  const path = `${folder}/conf/cassandra.yaml`;
  if (await Deno.stat(path).then(() => true, () => false)) return;
  const storage = String(freePort(HOST));
  const values: Record<string, string> = {
    ROOT: folder,
    HOST,
    PORT: String(freePort(HOST)),
    STORAGE: storage,
    SEED: `${HOST}:${storage}`,
    AUTH: authenticator,
  };
  const settings =
    (await Deno.readTextFile(template("cassandra/cassandra.yaml")))
      .replaceAll(/@([A-Z]+)@/g, (_, name) => values[name] ?? "");
  await Deno.mkdir(`${folder}/conf`, { recursive: true });
  await Deno.writeTextFile(path, settings);
}

function command(folder: string, jars: string): string[] {
  return [
    java(),
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:MaxDirectMemorySize=256m",
    "-Xss512k",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    `-javaagent:${jars}/jamm-0.4.0.jar`,
    ...access("exports", EXPORTS),
    ...access("opens", OPENS),
    `-Dcassandra.config=file://${folder}/conf/cassandra.yaml`,
    `-Dcassandra.storagedir=${folder}`,
    `-Dlogback.configurationFile=${template("cassandra/logback.xml")}`,
    "-Dcassandra-foreground=yes",
    `-Dcassandra.jmx.local.port=${freePort()}`,
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    // A single node has nobody to wait for.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=2000",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-cp",
    `${folder}/conf:${jars}/*`,
    "org.apache.cassandra.service.CassandraDaemon",
  ];
}

function access(kind: string, packages: readonly string[]): string[] {
  return packages.map((name) => `--add-${kind}=${name}=ALL-UNNAMED`);
}

/** After conf/jvm17-server.options of the distribution, as are the opens. */
const EXPORTS = [
  "java.base/jdk.internal.misc",
  "java.base/jdk.internal.ref",
  "java.base/sun.nio.ch",
  "java.management.rmi/com.sun.jmx.remote.internal.rmi",
  "java.rmi/sun.rmi.registry",
  "java.rmi/sun.rmi.server",
  "java.sql/java.sql",
];

const OPENS = [
  "java.base/java.io",
  "java.base/java.lang",
  "java.base/java.lang.module",
  "java.base/java.lang.reflect",
  "java.base/java.net",
  "java.base/java.nio",
  "java.base/java.util",
  "java.base/java.util.concurrent",
  "java.base/java.util.concurrent.atomic",
  "java.base/jdk.internal.loader",
  "java.base/jdk.internal.math",
  "java.base/jdk.internal.module",
  "java.base/jdk.internal.ref",
  "java.base/jdk.internal.reflect",
  "java.base/jdk.internal.util.jar",
  "java.base/sun.nio.ch",
  "jdk.management/com.sun.management.internal",
  "jdk.compiler/com.sun.tools.javac",
];
