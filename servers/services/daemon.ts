/**
 * A process that outlives whoever started it, known by the files it leaves in
 * its folder: `pid` and `log`.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";

/** How to start a process. */
export interface Launch {
  /** Program and arguments; one of them must name a file in the folder. */
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Whether it answers; `log` reads what it has printed since its start. */
  ready: (log: () => Promise<string>) => Promise<boolean>;
}

/** What ends with which process. */
export interface Owner {
  /** When this process is gone, the daemon is killed. */
  pid: number;
  /** A folder that is then removed. */
  temporary?: string | undefined;
}

/** An idle machine needs ten seconds, one with a load of 30 two minutes. */
const START_MS = 300_000;

/** Cassandra drains for six seconds, more when it has much to write. */
const STOP_MS = 60_000;

const POLL_MS = 100;

/**
 * Start "$@" in the background and print its number. It does not read the
 * terminal and ignores Ctrl-C. With an owner, a second process watches: that
 * works however the owner ends, which no handler inside of it does.
 */
const START = `
"$@" >>"$SLUICE_LOG" 2>&1 </dev/null &
pid=$!
echo $pid
[ "$SLUICE_OWNER" ] || exit 0
{
  live=1
  while kill -0 $SLUICE_OWNER; do
    # Once it has ended, its number may become that of another.
    kill -0 $pid || live=
    [ "$live" ] || [ -d "$SLUICE_TEMPORARY" ] || exit
    sleep 1
  done
  [ -z "$live" ] || kill -KILL $pid
  # While it is being torn down it may still hold files.
  [ -z "$SLUICE_TEMPORARY" ] || for try in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1
    rm -rf "$SLUICE_TEMPORARY" && exit
  done
} >/dev/null 2>&1 </dev/null &
`;

/** One process of a service, running or not. */
export class Daemon {
  readonly folder: string;
  readonly #owner: Owner | undefined;

  constructor(folder: string, owner?: Owner) {
    this.folder = folder;
    this.#owner = owner;
  }

  /** Its number, if it runs: a stale file or a zombie does not count. */
  async pid(): Promise<number | undefined> {
    const text = await read(`${this.folder}/pid`);
    const pid = Number.parseInt(text ?? "");
    if (Number.isNaN(pid)) return undefined;
    return (await commandOf(pid)).includes(`${this.folder}/`) ? pid : undefined;
  }

  /**
   * Start it, unless it runs, and wait until it answers.
   *
   * @throws {Error} with the end of its log when it ends or does not answer
   */
  async start({ command, env = {}, ready }: Launch): Promise<void> {
    if (await this.pid() === undefined) {
      await this.#spawn(command, env);
    } else {
      // It may be stopped, or whoever started it did not wait.
      await this.signal("SIGCONT");
    }
    await this.#await(ready);
  }

  async #spawn(
    command: Launch["command"],
    env: Readonly<Record<string, string>>,
  ): Promise<void> {
    await Deno.mkdir(this.folder, { recursive: true });
    const log = `${this.folder}/log`;
    const { size } = await Deno.stat(log).catch(() => ({ size: 0 }));
    const starter = new Deno.Command("sh", {
      args: ["-c", START, "sh", ...command],
      env: {
        ...env,
        SLUICE_LOG: log,
        SLUICE_OWNER: String(this.#owner?.pid ?? ""),
        SLUICE_TEMPORARY: this.#owner?.temporary ?? "",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      // A session of its own: neither Ctrl-C nor a closed terminal reaches it.
      // Only spawn() heeds it, output() of a command does not.
      detached: true,
    }).spawn();
    const { stdout } = await starter.output();
    const pid = new TextDecoder().decode(stdout).trim();
    await Deno.writeTextFile(`${this.folder}/pid`, `${pid} ${size}\n`);
  }

  /** Send a signal, if it runs. */
  async signal(signal: Deno.Signal): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) return;
    try {
      Deno.kill(pid, signal);
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Send the signal of an end, and wait until it is gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) return;
    await this.signal(signal);
    // Who is stopped takes no SIGTERM.
    await this.signal("SIGCONT");
    const deadline = Date.now() + STOP_MS;
    while (await this.pid() !== undefined || await exists(pid)) {
      if (Date.now() > deadline) {
        await this.signal("SIGKILL");
        throw new Error(
          `Cannot stop "${this.folder}": still there after ` +
            `${STOP_MS / 1000} s; it was killed, see its log`,
        );
      }
      await delay(POLL_MS);
    }
    await Deno.remove(`${this.folder}/pid`);
  }

  async #await(ready: Launch["ready"]): Promise<void> {
    const deadline = Date.now() + START_MS;
    const log = () => this.#log();
    while (!await ready(log)) {
      const runs = await this.pid() !== undefined;
      if (runs && Date.now() < deadline) {
        await delay(POLL_MS);
        continue;
      }
      const lines = (await log()).trim().split("\n").slice(-15);
      await this.end("SIGKILL");
      throw new Error(
        `Cannot start a server in "${this.folder}": ` +
          (runs ? `no answer within ${START_MS / 1000} s` : "it has ended") +
          `; its log ends with\n${lines.join("\n")}`,
      );
    }
  }

  /** The log since its start, whose place stands behind its number. */
  async #log(): Promise<string> {
    const from = Number((await read(`${this.folder}/pid`))?.split(" ")[1]);
    using file = await Deno.open(`${this.folder}/log`);
    await file.seek(from, Deno.SeekMode.Start);
    return await new Response(file.readable).text();
  }
}

/** The command line of a process; empty when there is none. */
async function commandOf(pid: number): Promise<string> {
  if (Deno.build.os === "linux") {
    return (await read(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ");
  }
  const { stdout } = await new Deno.Command("ps", {
    args: ["-ww", "-o", "command=", "-p", String(pid)],
  }).output();
  return new TextDecoder().decode(stdout);
}

/**
 * Whether a process still holds memory and ports: a JVM that was killed has no
 * command line any more while its threads end.
 */
async function exists(pid: number): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const status = await read(`/proc/${pid}/stat`);
  if (status === undefined) return false;
  if (!/\) [ZX] /.test(status)) return true;
  // A zombie waits for its parent alone, a process that ends has threads.
  const threads = await Array.fromAsync(Deno.readDir(`/proc/${pid}/task`))
    .catch(() => []);
  return threads.length > 1;
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    // Gone, or just going.
    return undefined;
  }
}
