/**
 * Real servers for tests.
 *
 * Most tests share one server with the whole run and keep apart by names of
 * their own (`uniqueName()` for topics, keyspaces, databases, subjects):
 *
 * ```ts ignore
 * import { cassandra, clickhouse, javaTest, kafka, registry, uniqueName } from
 *   "../../services/mod.ts";
 *
 * javaTest("kafka() writes one row", async () => {
 *   const brokers = await kafka(); // "127.0.0.1:25001"
 *   const topic = uniqueName("rows");
 * });
 * ```
 *
 * `deno task test` starts these before the tests; else the first test that
 * asks starts one, which ends with the test process however that ends. A suite
 * that registers its tests itself takes `ignore: withoutJava()`.
 *
 * Shared servers are never stopped, killed or paused by a test. A test that
 * does so, or that needs settings, has a server of its own:
 *
 * ```ts ignore
 * await using kafka = await startKafka({ sasl: "app:secret" });
 * await kafka.kill();   // SIGKILL
 * await kafka.start();  // same data, same ports
 * await kafka.pause();  // SIGSTOP … kafka.resume()
 * ```
 *
 * | | address |
 * |---|---|
 * | Kafka | `127.0.0.1:PORT` |
 * | Cassandra | `127.0.0.1:PORT`; data centre `datacenter1` |
 * | registry | `http://127.0.0.1:PORT/apis/ccompat/v7` |
 * | ClickHouse | `http://127.0.0.1:PORT`; user `default`, no password |
 *
 * Servers write to `folder` (`kafka.folder`), their log is in `log` there, for
 * Kafka in `1/log`. Options take a `folder` too, for a disk that gets full.
 *
 * @module
 */
import { resolve } from "node:path";
import {
  type CassandraOptions,
  openCassandra,
} from "../../servers/services/cassandra.ts";
import { openClickhouse } from "../../servers/services/clickhouse.ts";
import { javaMissing } from "../../servers/services/java.ts";
import {
  type Kafka,
  type KafkaOptions,
  openKafka,
} from "../../servers/services/kafka.ts";
import { openRegistry } from "../../servers/services/registry.ts";
import type {
  Service,
  ServiceOptions,
} from "../../servers/services/service.ts";

export type { Kafka, Service };

/** Where a server of a test has its data. */
interface Place {
  /** A new temporary folder unless stated; only that one is removed. */
  folder?: string;
}

/** Start Kafka for one test. */
export function startKafka(
  options: Omit<KafkaOptions, "owner"> & Place = {},
): Promise<Kafka> {
  return startOwn(openKafka, options);
}

/** Start Cassandra for one test. */
export function startCassandra(
  options: Omit<CassandraOptions, "owner"> & Place = {},
): Promise<Service> {
  return startOwn(openCassandra, options);
}

/** Start a schema registry for one test. */
export function startRegistry(options: Place = {}): Promise<Service> {
  return startOwn(openRegistry, options);
}

/** Start ClickHouse (chDB behind HTTP; needs no Java) for one test. */
export function startClickhouse(options: Place = {}): Promise<Service> {
  return startOwn(openClickhouse, options);
}

/** The address of the run's Kafka. */
export function kafka(): Promise<string> {
  return shared("KAFKA", openKafka);
}

/** The address of the run's Cassandra. */
export function cassandra(): Promise<string> {
  return shared("CASSANDRA", openCassandra);
}

/** The address of the run's schema registry. */
export function registry(): Promise<string> {
  return shared("REGISTRY", openRegistry);
}

/** The address of the run's ClickHouse, which needs no Java. */
export function clickhouse(): Promise<string> {
  return shared("CLICKHOUSE", openClickhouse);
}

/** `rows_1f2e3d4c5b6a`: good for topics, keyspaces, databases, subjects. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

const missing = await javaMissing();
const required = Deno.env.get("SLUICE_REQUIRE_JAVA") === "1";
let warned = false;

/**
 * Whether tests that need a server in Java are to be ignored, said once for
 * each file: for suites that register their tests themselves.
 */
export function withoutJava(): boolean {
  if (!missing || required) return false;
  const line = `SKIPPED: tests that need servers in Java. ${missing}\n`;
  if (!warned) Deno.stderr.writeSync(new TextEncoder().encode(line));
  warned = true;
  return true;
}

/**
 * Register a test that needs a server in Java. Without Java it is ignored,
 * loudly; with `SLUICE_REQUIRE_JAVA=1` it fails.
 */
export function javaTest(
  name: string,
  fn: () => Promise<void>,
  { ignore = false } = {},
): void {
  Deno.test({
    name,
    ignore: ignore || withoutJava(),
    fn: async () => {
      if (missing) throw new Error(missing);
      await fn();
    },
  });
}

/** Opens a service in a folder. */
type Open<S extends Service, O> = (
  folder: string,
  options: O & ServiceOptions,
) => Promise<S>;

async function startOwn<S extends Service, O extends Place>(
  open: Open<S, O>,
  options: O,
): Promise<S> {
  const temporary = options.folder === undefined
    ? await Deno.makeTempDir({ prefix: "sluice-" })
    : undefined;
  const folder = temporary ?? resolve(options.folder ?? "");
  const service = await open(folder, {
    ...options,
    owner: { pid: Deno.pid, temporary },
  });
  const end = async () => {
    await service.kill();
    if (temporary) await Deno.remove(temporary, { recursive: true });
  };
  try {
    await service.start();
  } catch (error) {
    await end();
    throw error;
  }
  service[Symbol.asyncDispose] = end;
  return service;
}

const starting = new Map<string, Promise<string>>();

/** Test files of a run are workers of one process and share its environment. */
async function shared(
  name: string,
  open: Open<Service, ServiceOptions>,
): Promise<string> {
  const variable = `SLUICE_TEST_${name}`;
  const running = Deno.env.get(variable);
  if (running) return running;
  const address = starting.get(variable) ??
    startOwn(open, {}).then(({ address }) => address);
  starting.set(variable, address);
  Deno.env.set(variable, await address);
  return await address;
}
