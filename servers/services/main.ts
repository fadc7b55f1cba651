/**
 * `deno task services up|down|status`: servers for development, on free ports
 * of the loopback address, with their data in `.sluice/services`.
 *
 *     eval "$(deno task services up)"
 *
 * @module
 */
import { Command } from "@commander-js/extra-typings";
import { downDocker, statusDocker, upDocker } from "./docker.ts";
import { type Kind, kinds } from "./kinds.ts";
import { down, existing, type Found, ServiceError, up } from "./local.ts";

const FOLDER = `${Deno.cwd()}/.sluice/services`;

const program = new Command("deno task services")
  .description("Kafka, Cassandra, a schema registry and ClickHouse for you");

program.command("up")
  .description("Start them; prints the environment for connections.yaml")
  .argument("[names...]", `some of ${kinds.map(({ id }) => id).join(", ")}`)
  .option("--docker", "The real images of deploy/compose.yaml instead")
  .action(async (names, { docker }) => {
    const found = docker
      ? await upDocker()
      : await locked(() => up(FOLDER, { wanted: chosen(names), report }));
    if (docker) found.forEach(report);
    for (const { kind, address } of found) {
      print(`export ${kind.variable}=${quoted(address)}`);
    }
  });

program.command("down")
  .description("Stop those that were started from this folder; data stays")
  .argument("[names...]", "only these")
  .option("--docker", "The containers")
  .action(async (names, { docker }) => {
    if (docker) return await downDocker();
    await locked(() =>
      down(FOLDER, {
        wanted: chosen(names),
        report: ({ name }) => say(`${name.padEnd(WIDTH)}stopped`),
      })
    );
  });

program.command("status")
  .description("Show them")
  .option("--docker", "The containers")
  .action(async ({ docker }) => {
    if (docker) return await statusDocker();
    for (const kind of kinds) print(await describe(kind));
  });

const WIDTH = Math.max(...kinds.map(({ name }) => name.length)) + 2;

try {
  await program.parseAsync(Deno.args, { from: "user" });
} catch (error) {
  if (!(error instanceof ServiceError)) throw error;
  say(error.message);
  Deno.exit(1);
}

function chosen(names: readonly string[]): readonly Kind[] {
  const wrong = names.find((name) => !kinds.some(({ id }) => id === name));
  if (wrong !== undefined) {
    throw new ServiceError(
      `There is no service "${wrong}"; write some of ` +
        kinds.map(({ id }) => id).join(", "),
    );
  }
  return names.length === 0
    ? kinds
    : kinds.filter(({ id }) => names.includes(id));
}

/** Two commands at once would start the same service twice. */
async function locked<T>(act: () => Promise<T>): Promise<T> {
  await Deno.mkdir(FOLDER, { recursive: true });
  using lock = await Deno.open(`${FOLDER}/lock`, { create: true, write: true });
  await lock.lock(true);
  return await act();
}

async function describe(kind: Kind): Promise<string> {
  const service = await existing(kind, FOLDER);
  const pid = await service?.pid();
  const name = kind.name.padEnd(WIDTH);
  if (!service) return `${name}never started`;
  return pid === undefined
    ? `${name}down  ${service.address}`
    : `${name}up    ${service.address}  process ${pid}`;
}

function report({ kind, address, how }: Found): void {
  say(`${kind.name.padEnd(WIDTH)}${address}  ${how}`);
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w.:/,-]+$/.test(text)
    ? text
    : `'${text.replaceAll("'", "'\\''")}'`;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
