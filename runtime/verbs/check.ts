/**
 * `check`: find what is wrong with specs before anything runs.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { checkSpec } from "../spec/check.ts";
import {
  type Diagnostic,
  type DiagnosticFormat,
  formatDiagnostics,
} from "../spec/diagnostics.ts";
import { runSpecTests } from "../spec/run_tests.ts";
import type { Spec } from "../spec/spec.ts";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import { Exit, type Verb, type VerbContext } from "./verb.ts";

/** A server that does not answer within this time counts as down, ms. */
const patience = 20_000;

const formats: readonly DiagnosticFormat[] = ["text", "json", "github"];

/** Check specs without running them. */
export const checkVerb: Verb = (program, context) => {
  program
    .command("check")
    .summary("find what is wrong with pipelines, without the network")
    .description(
      "find what is wrong with pipelines: fields, types, wiring, columns, " +
        "environment and inline tests; the network is not used",
    )
    .argument("<spec...>", "YAML files of the pipelines")
    .option("--online", "also ask every connection whether it answers")
    .addOption(
      new Option("--format <format>", "how to print mistakes")
        .choices(formats).default("text" as const),
    )
    .action(async (files, { format, online }) => {
      const checks: Checked[] = [];
      for (const file of files) checks.push(await checkFile(file, context));
      printDiagnostics(checks, format, context);
      // The output of --format json is one document.
      const say = format === "json"
        ? context.terminal.note
        : context.terminal.print;
      const fine = checks.flatMap(({ spec }) => spec ? [spec] : []);
      for (const spec of fine) say(okLine(spec));
      if (fine.length < checks.length) throw new Exit(2);
      if (online) {
        const answers = await interruptible((signal) =>
          askAll(fine, { ...context, signal, say })
        );
        if (!answers) throw new Exit(1);
      }
    });
};

interface Checked {
  /** Undefined when a diagnostic is an error. */
  readonly spec: Spec | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

async function checkFile(file: string, context: VerbContext): Promise<Checked> {
  const { diagnostics, spec } = checkSpec(file, context);
  if (!spec) return { spec, diagnostics };
  for (const secret of spec.secrets) context.secrets.add(secret);
  const results = await runSpecTests(spec);
  const failures = results.flatMap(({ diagnostics }) => diagnostics);
  return {
    spec: failures.length > 0 ? undefined : spec,
    diagnostics: [...diagnostics, ...failures],
  };
}

/** Mistakes in an included file are shown once. */
function printDiagnostics(
  checks: readonly Checked[],
  format: DiagnosticFormat,
  { terminal }: VerbContext,
): void {
  const seen = new Map<string, Diagnostic>();
  for (const { diagnostics } of checks) {
    for (const one of diagnostics) {
      const { column, file, line, message } = one;
      seen.set(JSON.stringify([file, line, column, message]), one);
    }
  }
  const text = formatDiagnostics([...seen.values()], format).trimEnd();
  if (text === "") return;
  // Programs read the other formats from standard output.
  if (format === "text") terminal.note(text);
  else terminal.print(text);
}

function okLine({ name, stages, tests }: Spec): string {
  const count = (number: number, what: string) =>
    `${number} ${what}${number === 1 ? "" : "s"}`;
  return `ok: ${name} (${count(stages.length, "stage")}, ` +
    `${count(tests.length, "test")})`;
}

interface Asking extends VerbContext {
  readonly signal: AbortSignal;
  say(text: string): void;
}

/** Ask the connections of all specs; whether every one has answered. */
async function askAll(specs: readonly Spec[], asking: Asking) {
  const answers: boolean[] = [];
  for (const spec of specs) {
    for (const { name } of spec.connections.values()) {
      answers.push(await ask(spec, name, asking));
    }
  }
  return answers.every((one) => one);
}

async function ask(
  spec: Spec,
  name: string,
  { say, signal, terminal }: Asking,
): Promise<boolean> {
  const connection = spec.connections.get(name);
  if (!connection) return false;
  const title = `connection ${name} of ${spec.name}`;
  const ending = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  try {
    await using open = await openConnection(connection, {
      ...spec,
      pipeline: spec.name,
      terminal,
      signal: ending,
    });
    await Promise.race([open.client.health?.(), rejectedBy(ending)]);
    say(`ok: ${title}`);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const reason = ending.aborted
      ? `no answer within ${patience / 1000} s`
      : error instanceof Error
      ? error.message
      : String(error);
    terminal.note(`error: ${title}: ${reason}`);
    return false;
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    });
  });
}
