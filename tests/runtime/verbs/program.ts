/**
 * The program inside of a test: its arguments in, what it prints out.
 *
 * @module
 */
import { main, type Surroundings } from "../../../runtime/main.ts";
import type { Terminal } from "../../../runtime/verbs/terminal.ts";
import type { Registry } from "../../../runtime/component.ts";
import { toys } from "./toys.ts";

/** What a program did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Every text of the line at the bottom. */
  readonly renewed: readonly string[];
}

/** What surrounds a program. */
export interface ProgramOptions {
  readonly registry?: Registry;
  readonly env?: Readonly<Record<string, string>>;
  readonly interactive?: boolean;
}

/** Run the program with these arguments. */
export async function sluice(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Outcome> {
  const { env = {}, interactive = false, registry = toys } = options;
  const [out, err, renewed]: [string[], string[], string[]] = [[], [], []];
  const terminal: Terminal = {
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    renew: (text) => void renewed.push(text),
    interactive,
    columns: 80,
  };
  const surroundings: Surroundings = { terminal, env: (name) => env[name] };
  const code = await main(registry, args, surroundings);
  return { code, out: out.join("\n"), err: err.join("\n"), renewed };
}

/** A folder with files that goes away with the test. */
export async function folderWith(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { at(name: string): string }> {
  const path = await Deno.makeTempDir({ prefix: "sluice_verbs_" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  return {
    at: (name) => `${path}/${name}`,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
