/**
 * What every verb gets and how a spec is loaded for one.
 *
 * @module
 */
import type { Command } from "@commander-js/extra-typings";
import type { Registry } from "../component.ts";
import { checkSpec } from "../spec/check.ts";
import { formatDiagnostics } from "../spec/diagnostics.ts";
import type { Spec } from "../spec/spec.ts";
import type { Terminal } from "./terminal.ts";

/** What verbs work with. */
export interface VerbContext {
  readonly registry: Registry;
  readonly terminal: Terminal;
  /** What no message may show; a verb adds the secrets of a spec it reads. */
  readonly secrets: Set<string>;
  env(name: string): string | undefined;
}

/** Adds a verb to the program. */
export type Verb = (program: Command, context: VerbContext) => void;

/** A verb ends with this exit code; what is to be said has been said. */
export class Exit extends Error {
  override name = "Exit";
  readonly code: number;

  constructor(code: number) {
    super(`Exit ${code}`);
    this.code = code;
  }
}

/**
 * Load and check a spec; mistakes and warnings are printed.
 *
 * @throws {Exit} 2 when the spec is wrong.
 */
export async function loadSpec(
  file: string,
  { env, registry, secrets, terminal }: VerbContext,
): Promise<Spec> {
  const { diagnostics, spec } = await checkSpec(file, { registry, env });
  if (diagnostics.length > 0) {
    terminal.note(formatDiagnostics(diagnostics, "text").trimEnd());
  }
  if (!spec) throw new Exit(2);
  for (const secret of spec.secrets) secrets.add(secret);
  return spec;
}
