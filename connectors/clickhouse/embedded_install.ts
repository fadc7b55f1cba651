/**
 * The one-time download of embedded ClickHouse's engine.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Folder of the server process, with its own configuration and lockfile. */
export const SERVER_DIR = fileURLToPath(
  new URL("../../servers/clickhouse/", import.meta.url),
);

/** How Deno runs the server on a data folder, with no right too many. */
export function serverArgs(folder: string, ...more: string[]): string[] {
  return [
    "run",
    "--node-modules-dir=manual",
    "--quiet",
    "--no-prompt",
    "--frozen",
    "--config",
    `${SERVER_DIR}deno.json`,
    "--allow-ffi",
    "--allow-read",
    "--allow-write",
    "--allow-net=127.0.0.1",
    `${SERVER_DIR}main.ts`,
    folder,
    ...more,
  ];
}

/** What is said before, as measured for chdb 3.4.0 on Linux x64. */
const SIZE = "170 MiB to download, 545 MiB on disk";

/** How often a process looks whether another one has finished installing. */
const POLL_MS = 200;

/**
 * Install the engine when it is missing or not the one in the lockfile.
 *
 * Several processes may call this at once: one installs, the others wait.
 *
 * @throws {Error} when this platform has no engine or the download fails
 */
export async function installEmbedded(
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (await isInstalled()) return;
  checkPlatform(await exists("package.json"));
  using lock = await openLock();
  if (!lock) return;
  while (!await lock.tryLock(true)) {
    await delay(POLL_MS, undefined, signal ? { signal } : {});
  }
  if (await isInstalled()) return;
  await install(signal);
  // Read again: without a lockfile the installation has just written one.
  await Deno.writeTextFile(path(STAMP), await read("deno.lock") ?? "");
}

/** Says which lockfile the installed engine belongs to. */
const STAMP = "node_modules/.installed";

async function isInstalled(): Promise<boolean> {
  const stamp = await read(STAMP);
  return stamp !== undefined && stamp === await read("deno.lock");
}

async function install(signal: AbortSignal | undefined): Promise<void> {
  const announced = !await exists("node_modules/chdb");
  const started = performance.now();
  if (announced) {
    say(`Installing embedded ClickHouse (chDB), once: ${SIZE}`);
  }
  // On a terminal Deno draws how much of it has arrived.
  const shown = announced && Deno.stderr.isTerminal();
  const frozen = await exists("deno.lock") ? ["--frozen"] : [];
  const { success, code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", ...frozen, "--config", path("deno.json")],
    cwd: SERVER_DIR,
    stdin: "null",
    stdout: "null",
    stderr: shown ? "inherit" : "piped",
    ...(shown ? {} : { env: { NO_COLOR: "1" } }),
    ...(signal ? { signal } : {}),
  }).output();
  signal?.throwIfAborted();
  if (!success) {
    const said = shown ? "" : `: ${reasonIn(new TextDecoder().decode(stderr))}`;
    throw new Error(`"deno install" ended with code ${code}${said}`);
  }
  if (announced) {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`Installed embedded ClickHouse in ${seconds} s`);
  }
}

/** Deno's error without what it did before, and without its backtrace. */
function reasonIn(text: string): string {
  const reason = /error: ([\s\S]*?)(?:Stack backtrace|$)/.exec(text)?.[1];
  return (reason ?? text).trim().replace(/\s+/g, " ");
}

/**
 * chDB exists for Linux and macOS. The committed lockfile names the one engine
 * that its registry had, behind overrides in `package.json`.
 */
function checkPlatform(pinned: boolean): void {
  const { os, arch } = Deno.build;
  if (os !== "linux" && os !== "darwin") {
    throw new Error(`there is no engine for ${os}; use a ClickHouse server`);
  }
  if (pinned && (os !== "linux" || arch !== "x86_64")) {
    throw new Error(
      `the lockfile holds the engine for Linux x64, not for ${os} ${arch}; ` +
        `delete package.json and deno.lock in "${SERVER_DIR}" and start again`,
    );
  }
}

/**
 * Undefined when nobody can write here but the engine is there, as in an
 * image. The lock ends with its process.
 */
async function openLock(): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path(".install.lock"), {
      create: true,
      write: true,
    });
  } catch (error) {
    if (await exists("node_modules/chdb")) return undefined;
    throw error;
  }
}

function path(name: string): string {
  return `${SERVER_DIR}${name}`;
}

async function read(name: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function exists(name: string): Promise<boolean> {
  return await Deno.stat(path(name)).then(() => true, () => false);
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
