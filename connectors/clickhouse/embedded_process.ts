/**
 * The child process of an embedded ClickHouse, from its first line to its end.
 *
 * @module
 */
import { serverArgs } from "./embedded_install.ts";

/** The server's first line: that it answers, or why it does not. */
interface Greeting {
  error?: string;
  /** The process that owns the folder, if one does; null if unknown. */
  owner?: number | null;
}

/** The server gives requests under way 10 s and then ends by force. */
const STOP_MS = 15_000;

/** All that the server needs to know; provider keys are not its business. */
const ENVIRONMENT = ["PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "DENO_DIR"];

/** A server that runs while its stdin is open. */
export class ServerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #log: ((line: string) => void) | undefined;
  /** Settles when the server has closed stderr, with its last line. */
  readonly #lastWords: Promise<string | undefined>;
  #answering = false;
  #stopping: Promise<void> | undefined;

  /** Start a server on a data folder. */
  constructor(dir: string, log?: (line: string) => void) {
    this.#log = log;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: serverArgs(dir),
      clearEnv: true,
      env: environment(),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lastWords = this.#listen();
    this.#child.status.then(({ code, signal }) => {
      if (!this.#answering || this.#stopping) return;
      log?.(`Embedded ClickHouse ended with ${signal ?? `code ${code}`}`);
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Wait for the first line.
   *
   * @throws {Error} when the server ends without one, with its last words
   */
  async greeting(): Promise<Greeting> {
    let text = "";
    const decoder = new TextDecoder();
    // Leaving the loop closes stdout: it carries nothing else.
    for await (const chunk of this.#child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes("\n")) break;
    }
    const greeting: Greeting | undefined = text === ""
      ? undefined
      : JSON.parse(text);
    this.#answering = greeting !== undefined && greeting.error === undefined;
    if (greeting && (this.#answering || "owner" in greeting)) return greeting;
    const { code, signal } = await this.#child.status;
    // The engine writes to stderr why it does not open a folder.
    const said = await this.#lastWords;
    const reason = greeting?.error ??
      `the server ended with ${signal ?? `code ${code}`}`;
    throw new Error(said === undefined ? reason : `${reason}: ${said}`);
  }

  /** End the server at once; what it acknowledged stays. */
  kill(): void {
    signalProcess(this.#child, "SIGKILL");
  }

  /** Let the server finish its requests and end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const timer = setTimeout(() => this.kill(), STOP_MS);
    try {
      // Also when it is already gone: the pipe has to be closed.
      await this.#child.stdin.close().catch(() => {});
      await this.#child.status;
      await this.#lastWords;
    } finally {
      clearTimeout(timer);
    }
  }

  async #listen(): Promise<string | undefined> {
    let last: string | undefined;
    let rest = "";
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        last = line;
        this.#log?.(line);
      }
    }
    return last;
  }
}

function environment(): Record<string, string> {
  const known = ENVIRONMENT.map((name) => [name, Deno.env.get(name)] as const);
  return {
    ...Object.fromEntries(
      known.flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]]
      ),
    ),
    TZ: "UTC",
  };
}

function signalProcess(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}
