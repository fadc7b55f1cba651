/**
 * The command line: one file a verb, wired to the registry it is handed, and
 * loaded only when it is asked for.
 *
 * @module
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import type { Registry } from "./component.ts";
import { RetryableError, SpecError, UserError } from "./errors.ts";
import { FencedError } from "./run/state.ts";
import { discreet, systemTerminal } from "./verbs/terminal.ts";
import { Exit, type Verb, type VerbContext } from "./verbs/verb.ts";

/** How each verb is loaded; the order is that of the help. */
const verbs: Readonly<Record<string, () => Promise<Verb>>> = {
  run: async () => (await import("./verbs/run.ts")).runVerb,
  check: async () => (await import("./verbs/check.ts")).checkVerb,
  plan: async () => (await import("./verbs/plan.ts")).planVerb,
  graph: async () => (await import("./verbs/graph.ts")).graphVerb,
  new: async () => (await import("./verbs/new.ts")).newVerb,
  status: async () => (await import("./verbs/status.ts")).statusVerb,
  reset: async () => (await import("./verbs/reset.ts")).resetVerb,
  migrate: async () => (await import("./verbs/migrate.ts")).migrateVerb,
  keys: async () => (await import("./verbs/keys.ts")).keysVerb,
  query: async () => (await import("./verbs/query.ts")).queryVerb,
  record: async () => (await import("./verbs/record.ts")).recordVerb,
  decode: async () => (await import("./verbs/decode.ts")).decodeVerb,
  redecode: async () => (await import("./verbs/redecode.ts")).redecodeVerb,
  schema: async () => (await import("./verbs/schema.ts")).schemaVerb,
};

/** Lines of help that are longer are hard to read. */
const widestHelp = 100;

/** What a program has around it; tests replace it. */
export type Surroundings = Partial<Pick<VerbContext, "terminal" | "env">>;

/**
 * Run a verb.
 *
 * @param args Arguments behind the program's name.
 * @returns the exit code: 0 done, 1 failed, 2 the spec or the call is wrong.
 */
export async function main(
  registry: Registry,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<number> {
  const secrets = new Set<string>();
  const terminal = discreet(surroundings.terminal ?? systemTerminal, secrets);
  const context: VerbContext = {
    registry,
    env: (name) => Deno.env.get(name),
    ...surroundings,
    terminal,
    secrets,
  };
  const helpWidth = () => Math.min(terminal.columns, widestHelp);
  const program = new Command("sluice")
    .description("Declarative EVM data pipelines")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      getOutHelpWidth: helpWidth,
      getErrHelpWidth: helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const verb of await verbsOf(args)) verb(program, context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    return report(error, context);
  }
}

/** The verb that is named; all of them where the help is to list them. */
function verbsOf([name = ""]: readonly string[]): Promise<Verb[]> {
  const load = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  const loads = load ? [load] : Object.values(verbs);
  return Promise.all(loads.map((load) => load()));
}

function report(error: unknown, { terminal }: VerbContext): number {
  if (error instanceof Exit) return error.code;
  // The library says 1 for wrong arguments; here that is the user's call.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SpecError) {
    terminal.note(error.message);
    return 2;
  }
  if (isForUsers(error)) {
    terminal.note(`error: ${error.message}`);
    return 1;
  }
  terminal.note(error instanceof Error ? `${error.stack}` : String(error));
  for (let cause = causeOf(error); cause; cause = causeOf(cause)) {
    terminal.note(`caused by: ${cause}`);
  }
  return 1;
}

/** Whether the message says it all; no stack helps. */
function isForUsers(error: unknown): error is Error {
  return error instanceof UserError || error instanceof FencedError ||
    // A run tries again; a verb that asks once tells why it failed.
    error instanceof RetryableError;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
