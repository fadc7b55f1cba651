/**
 * `deno task test`: every test, with one Kafka, Cassandra, schema registry and
 * ClickHouse for all of them.
 *
 * Arguments go to `deno test`. A run of some tests (a path, `--filter`) starts
 * only the servers that they ask for. A whole run makes two summaries: tests
 * side by side, then those that need the machine for themselves. Property
 * tests print the seed that they have failed with; `SLUICE_SEED` repeats it.
 *
 * @module
 */
import { javaMissing } from "../servers/services/java.ts";
import { kinds } from "../servers/services/kinds.ts";
import type { Service } from "../servers/services/service.ts";

const missing = await javaMissing();

/**
 * Servers of tests live for seconds: compiling their code well costs a third
 * of all that they do.
 */
const javaOptions = "-XX:TieredStopAtLevel=1";

/** Tests that need the machine, or the process, for themselves. */
const alone = [
  // They measure whether a budget is used up in time.
  "tests/integration/credits_test.ts",
  "tests/integration/forecast_test.ts",
  "tests/integration/pacing_test.ts",
  "tests/integration/quota_test.ts",
  "tests/integration/settled_forecast_test.ts",
  "tests/integration/shared_budget_test.ts",
  "tests/integration/state_forecast_test.ts",
  // It changes the working directory.
  "tests/runtime/verbs/open_state_test.ts",
];

async function main(): Promise<number> {
  if (missing) say(`SKIPPED: tests that need servers in Java. ${missing}`);
  // The value of a flag is no path unless there is one of that name.
  const paths = (await Promise.all(Deno.args.map(exists))).includes(true);
  const some = paths || Deno.args.some((arg) => arg.startsWith("--filter"));
  if (!Deno.env.has("JAVA_TOOL_OPTIONS")) {
    Deno.env.set("JAVA_TOOL_OPTIONS", javaOptions);
  }
  await using servers = new Servers();
  if (!some) await servers.start();
  // Ctrl-C reaches the tests too; the servers end behind them.
  Deno.addSignalListener("SIGINT", () => {});
  if (paths) return await test(Deno.args);
  // Much of the time they wait for servers.
  const jobs = `${navigator.hardwareConcurrency + 1}`;
  if (!Deno.env.has("DENO_JOBS")) Deno.env.set("DENO_JOBS", jobs);
  const side = await test([
    "--parallel",
    `--ignore=${alone.join()}`,
    "tests/",
    ...Deno.args,
  ]);
  const after = await test([...alone, ...Deno.args]);
  return side || after;
}

/** Run tests and return the exit code. */
async function test(args: readonly string[]): Promise<number> {
  const seed = Deno.env.has("SLUICE_SEED")
    ? [`--preload=${import.meta.dirname}/seed.ts`]
    : [];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--sanitize-ops", "--sanitize-resources"],
      ...seed,
      ...args,
    ],
  }).spawn();
  const stop = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGTERM", stop);
  try {
    return (await child.status).code;
  } finally {
    Deno.removeSignalListener("SIGTERM", stop);
  }
}

/** The servers of a run, known to the tests by their environment. */
class Servers implements AsyncDisposable {
  readonly #started: Service[] = [];
  #folder: string | undefined;

  async start(): Promise<void> {
    const from = performance.now();
    const folder = await Deno.makeTempDir({ prefix: "sluice-" });
    this.#folder = folder;
    const owner = { pid: Deno.pid, temporary: folder };
    const wanted = kinds.filter(({ needsJava }) => !needsJava || !missing);
    const starts = await Promise.allSettled(wanted.map(async (kind) => {
      const service = await kind.open(`${folder}/${kind.id}`, { owner });
      this.#started.push(service);
      await service.start();
      Deno.env.set(`SLUICE_TEST_${kind.id.toUpperCase()}`, service.address);
    }));
    const failed = starts.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
    const seconds = ((performance.now() - from) / 1000).toFixed(1);
    say(`Started ${wanted.map(({ name }) => name).join(", ")} in ${seconds} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((service) => service.kill()));
    if (this.#folder) await Deno.remove(this.#folder, { recursive: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

Deno.exit(await main());
