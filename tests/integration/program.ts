/**
 * The program itself in another process, in a folder of its own.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../sluice.ts", import.meta.url));

/** How a program ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface StartOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that is killed with its scope. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output = { stdout: "", stderr: "" };
  readonly #ended: Promise<Ended>;
  #changed = Promise.withResolvers<void>();
  #over = false;

  constructor(command: string, args: readonly string[], options: StartOptions) {
    const { cwd, env = {} } = options;
    this.#child = new Deno.Command(command, {
      args: [...args],
      cwd,
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#ended = this.#end();
    // Whoever waits for the end gets the reason; nobody has to.
    this.#ended.catch(() => {});
  }

  /** Start a verb of the program. */
  static start(args: readonly string[], options: StartOptions): Program {
    return new Program(Deno.execPath(), ["run", "-A", main, ...args], options);
  }

  /** As `start`, behind whatever else this machine has to do. */
  static startBehind(args: readonly string[], options: StartOptions): Program {
    const command = [Deno.execPath(), "run", "-A", main];
    return new Program("nice", ["-n", "10", ...command, ...args], options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** What it has written to standard error so far. */
  get stderr(): string {
    return this.#output.stderr;
  }

  /** What it has written to standard output so far. */
  get stdout(): string {
    return this.#output.stdout;
  }

  /** Send a signal; a process that has ended gets none. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /** Wait for its end. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /**
   * Wait until it has said something on standard error.
   *
   * @throws {Error} when it ends without.
   */
  async said(what: string | RegExp): Promise<void> {
    const found = () =>
      typeof what === "string"
        ? this.stderr.includes(what)
        : what.test(this.stderr);
    while (!found()) {
      if (this.#over) throw new Error(`It never said ${what}: ${this.stderr}`);
      await this.#changed.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#ended;
  }

  async #end(): Promise<Ended> {
    const [{ code, signal }] = await Promise.all([
      this.#child.status,
      this.#read("stdout"),
      this.#read("stderr"),
    ]);
    this.#over = true;
    this.#notify();
    return { code, signal, ...this.#output };
  }

  async #read(from: "stdout" | "stderr"): Promise<void> {
    const text = this.#child[from].pipeThrough(new TextDecoderStream());
    for await (const part of text) {
      this.#output[from] += part;
      this.#notify();
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** A folder with a spec in which the program is run. */
export class Workplace implements AsyncDisposable {
  readonly folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #programs: Program[] = [];

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#env = env;
  }

  /** Make a folder with a `spec.yaml`. */
  static async make(
    yaml: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Workplace> {
    const folder = await Deno.makeTempDir({ prefix: "sluice-work-" });
    const workplace = new Workplace(folder, env);
    await workplace.write("spec.yaml", yaml);
    return workplace;
  }

  /** Start a verb in the folder. */
  start(...args: readonly string[]): Program {
    return this.adopt(
      Program.start(args, { cwd: this.folder, env: this.#env }),
    );
  }

  /** See to it that a program has ended before the folder goes. */
  adopt(program: Program): Program {
    this.#programs.push(program);
    return program;
  }

  /** Run a verb to its end. */
  async run(...args: readonly string[]): Promise<Ended> {
    await using program = this.start(...args);
    return await program.ended();
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(this.path(name), text);
  }

  /** A file's text; empty when it is not there. */
  async read(name: string): Promise<string> {
    try {
      return await Deno.readTextFile(this.path(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Sizes of the files in a subfolder by name, without hidden ones. */
  async sizes(name: string): Promise<Record<string, number>> {
    const sizes: Record<string, number> = {};
    try {
      for await (const { name: file } of Deno.readDir(this.path(name))) {
        if (file.startsWith(".")) continue;
        sizes[file] = (await Deno.stat(this.path(`${name}/${file}`))).size;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return sizes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The most memory that a process has had, in MiB; resolves when it has ended. */
export async function peakOf(program: Program): Promise<number> {
  let peak = 0;
  while (!program.over) {
    const status = await Deno.readTextFile(`/proc/${program.pid}/status`)
      .catch(() => "");
    const kibibytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    peak = Math.max(peak, kibibytes / 1024);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return peak;
}
