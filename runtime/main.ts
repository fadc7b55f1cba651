/**
 * The command line: one file a verb, wired to the registry it is handed.
 *
 * @module
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import type { Registry } from "./component.ts";
import { RetryableError, SpecError, UserError } from "./errors.ts";
import { FencedError } from "./run/state.ts";
import { checkVerb } from "./verbs/check.ts";
import { decodeVerb } from "./verbs/decode.ts";
import { graphVerb } from "./verbs/graph.ts";
import { migrateVerb } from "./verbs/migrate.ts";
import { keysVerb } from "./verbs/keys.ts";
import { newVerb } from "./verbs/new.ts";
import { planVerb } from "./verbs/plan.ts";
import { queryVerb } from "./verbs/query.ts";
import { recordVerb } from "./verbs/record.ts";
import { redecodeVerb } from "./verbs/redecode.ts";
import { resetVerb } from "./verbs/reset.ts";
import { runVerb } from "./verbs/run.ts";
import { schemaVerb } from "./verbs/schema.ts";
import { statusVerb } from "./verbs/status.ts";
import { discreet, systemTerminal } from "./verbs/terminal.ts";
import { Exit, type Verb, type VerbContext } from "./verbs/verb.ts";

const verbs: readonly Verb[] = [
  runVerb,
  checkVerb,
  planVerb,
  graphVerb,
  newVerb,
  statusVerb,
  resetVerb,
  migrateVerb,
  keysVerb,
  queryVerb,
  recordVerb,
  decodeVerb,
  redecodeVerb,
  schemaVerb,
];

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
  for (const verb of verbs) verb(program, context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    return report(error, context);
  }
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
