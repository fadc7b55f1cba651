/**
 * ClickHouse without a server to install: the engine chDB as a child process
 * behind ClickHouse's own HTTP interface.
 *
 * The child lives in `servers/clickhouse`, with a lockfile of its own, so that
 * its download happens only where it is used.
 *
 * @module
 */
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { installEmbedded } from "./embedded_install.ts";
import { ServerProcess } from "./embedded_process.ts";

/** A running embedded ClickHouse, and how to reach it. */
export interface Embedded extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without the credentials. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly pid: number;
  /** Whether this process started it; only then disposing stops it. */
  readonly owned: boolean;
}

/** How to start or reach an embedded ClickHouse. */
export interface EmbeddedOptions {
  /** Receives what the server says about itself, a line at a time. */
  log?: ((line: string) => void) | undefined;
  /** Gives up starting; a server that already runs is not affected. */
  signal?: AbortSignal | undefined;
}

/** Another process owns the data folder. */
export class EmbeddedBusyError extends Error {
  override name = "EmbeddedBusyError";
  /** The owner, unless it is so new that it has not left its number. */
  readonly pid: number | undefined;

  constructor(message: string, pid: number | undefined) {
    super(message);
    this.pid = pid;
  }
}

/** What the owner of a folder leaves in its `server.json`. */
type Address = Pick<Embedded, "url" | "username" | "password" | "pid">;

/** Half a second as a rule; a folder with thousands of parts takes longer. */
const START_MS = 60_000;

/** A server that runs answers in milliseconds, but the machine may be busy. */
const PROBE_MS = 5_000;

/** How often a folder is looked at whose owner does not answer yet. */
const POLL_MS = 100;

/** How long an owner that does not answer is left alone. */
const RETRY_MS = 2_000;

/**
 * Start an embedded ClickHouse on a data folder and wait until it answers.
 *
 * The first start on a machine downloads the engine and says so on stderr.
 * The server ends with this process, however this process ends.
 *
 * @throws {EmbeddedBusyError} when another process owns the folder
 * @throws {Error} when it cannot be installed or does not start
 */
export async function startEmbedded(
  dir: string,
  options: EmbeddedOptions = {},
): Promise<Embedded> {
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    await installEmbedded({ signal });
    return await launch(dir, options);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Cannot start embedded ClickHouse in "${dir}": ${reason}`;
    throw error instanceof EmbeddedBusyError
      ? new EmbeddedBusyError(message, error.pid)
      : new Error(message, { cause: error });
  }
}

/**
 * Reach the embedded ClickHouse of a data folder: the one that runs, if a
 * process of this user owns the folder, else one that is started here.
 *
 * @throws {EmbeddedBusyError} when the owner does not answer within a minute
 * @throws {Error} when it cannot be installed or does not start
 */
export async function connectEmbedded(
  dir: string,
  options: EmbeddedOptions = {},
): Promise<Embedded> {
  const { signal } = options;
  const deadline = Date.now() + START_MS;
  while (true) {
    const running = await attach(dir, signal);
    if (running) return running;
    try {
      return await startEmbedded(dir, options);
    } catch (error) {
      const busy = error instanceof EmbeddedBusyError;
      if (!busy || Date.now() > deadline) throw error;
    }
    // Its owner is starting, stopping or overloaded.
    const retry = Date.now() + RETRY_MS;
    while (Date.now() < retry) {
      await delay(POLL_MS, undefined, signal ? { signal } : {});
      const started = await attach(dir, signal);
      if (started) return started;
    }
  }
}

async function launch(
  dir: string,
  { log, signal }: EmbeddedOptions,
): Promise<Embedded> {
  const server = new ServerProcess(resolve(dir), log);
  const kill = () => server.kill();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, START_MS);
  signal?.addEventListener("abort", kill);
  try {
    signal?.throwIfAborted();
    const { error, owner } = await server.greeting();
    if (error !== undefined) {
      throw new EmbeddedBusyError(error, owner ?? undefined);
    }
    const address = await readAddress(dir);
    if (address?.pid !== server.pid) {
      throw new Error("its server.json is not there");
    }
    return {
      ...address,
      owned: true,
      [Symbol.asyncDispose]: () => server.stop(),
    };
  } catch (error) {
    server.kill();
    await server.stop();
    throw late ? new Error(`no answer within ${START_MS / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
  }
}

/** Undefined when nobody answers to what `server.json` says. */
async function attach(
  dir: string,
  signal: AbortSignal | undefined,
): Promise<Embedded | undefined> {
  const address = await readAddress(dir);
  if (!address) return undefined;
  const { url, username, password } = address;
  try {
    const response = await fetch(`${url}/?query=SELECT+1`, {
      headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
      signal: AbortSignal.any([
        AbortSignal.timeout(PROBE_MS),
        ...(signal ? [signal] : []),
      ]),
    });
    await response.body?.cancel();
    if (!response.ok) return undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
  return { ...address, owned: false, async [Symbol.asyncDispose]() {} };
}

/** Undefined when it cannot be read: starting a server tells why. */
async function readAddress(dir: string): Promise<Address | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${dir}/server.json`));
  } catch {
    return undefined;
  }
}
