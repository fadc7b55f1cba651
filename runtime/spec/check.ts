/**
 * From a YAML file to a specification that is proved, or to everything that
 * is wrong with it.
 *
 * Nothing is opened and nothing is sent: what can be known from the files
 * and the environment is known here.
 *
 * @module
 */
import type { Registry } from "../component.ts";
import {
  checkConnection,
  checkState,
  connectionNamesOf,
} from "./connections.ts";
import { type Diagnostic, Problems } from "./diagnostics.ts";
import { draftSpec } from "./draft.ts";
import { adviseOn } from "./advice.ts";
import { assemble } from "./assembly.ts";
import { adviseOnCalls } from "./call_advice.ts";
import { reportGaps } from "./gaps.ts";
import { redactor } from "./secrets.ts";
import { readFiles } from "./source.ts";
import type { Spec } from "./spec.ts";
import { checkStages } from "./stages.ts";
import { readTests } from "./tests.ts";
import { secretsOf } from "./written.ts";

/** Options of {@linkcode checkSpec}. */
export interface CheckOptions {
  readonly registry: Registry;
  /** The environment: the process's own when absent. */
  readonly env?: (name: string) => string | undefined;
  /** Reads a file, or throws; the disk's when absent. */
  readonly read?: (path: string) => string;
}

/** What a check found. */
export interface CheckResult {
  /** Absent when one of the diagnostics is an error. */
  readonly spec?: Spec;
  readonly diagnostics: readonly Diagnostic[];
}

/** Check a spec file: its fields, types, wiring, columns and environment. */
export function checkSpec(file: string, options: CheckOptions): CheckResult {
  const {
    registry,
    env = (name) => Deno.env.get(name),
    read = (path) => Deno.readTextFileSync(path),
  } = options;
  const problems = new Problems();
  const files = readFiles(file, { env, read, problems });
  const { complete, folder, sources, top } = files;
  const { connections, named, stages: drafts } = draftSpec(files, {
    registry,
    problems,
  });
  const wanted = new Set(drafts.flatMap(connectionNamesOf));
  if (top.state) wanted.add(top.state.connection.name);
  reportGaps(sources, {
    problems,
    wanted: ({ path: [section, name] }, source) =>
      section !== "connections" ||
      (wanted.has(`${name}`) && connections.get(`${name}`)?.source === source),
  });
  const checked = [...connections.values()]
    .map((draft) => ({ draft, config: checkConnection(draft) }));
  if (top.state) {
    checkState(top.state, { registry, connections, complete });
  }
  const stages = checkStages(drafts, {
    problems,
    folder,
    connections,
    complete,
    named,
  });
  const [main] = sources;
  adviseOn({ connections, drafts, stages, main, problems, top, wanted });

  const outputs = new Map(
    stages.filter(({ draft }) => draft.kind !== "sink")
      .map(({ draft, outputs }) => [draft.name, outputs]),
  );
  const tests = top.tests ? readTests(top.tests, outputs) : [];

  const secrets = [...new Set(sources.flatMap(secretsOf))];
  const redact = redactor(secrets);
  const spec = assemble({
    file,
    folder,
    top,
    stages,
    connections: checked.filter(({ draft }) => wanted.has(draft.name)),
    problems,
    redact,
    secrets,
    tests,
  });
  if (spec) adviseOnCalls(spec, connections);
  const diagnostics = problems.diagnostics(redact);
  return spec && !problems.failed ? { spec, diagnostics } : { diagnostics };
}
