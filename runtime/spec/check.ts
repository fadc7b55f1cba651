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
import { commonFields, connectionFieldName } from "./common_fields.ts";
import { readComponent, runCheck } from "./component_check.ts";
import { type Diagnostic, Problems } from "./diagnostics.ts";
import { type Draft, draftSection, type Kind } from "./draft.ts";
import { adviseOn } from "./advice.ts";
import { assemble } from "./assembly.ts";
import { reportGaps } from "./gaps.ts";
import { isIncomplete } from "./place.ts";
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
  const [main] = sources;
  const drafting = { registry, problems, folder };

  const connections = new Map<string, Draft>();
  for (const { section, source } of files.connections) {
    const options = { ...drafting, source, named: connections };
    draftSection("connection", section, options);
  }
  const named = new Map<string, Draft>();
  const draft = (kind: Kind, section = top[`${kind}s` as "sources"]) =>
    section
      ? draftSection(kind, section, { ...drafting, source: main, named })
      : [];
  const drafts = [...draft("source"), ...draft("transform"), ...draft("sink")];

  const wanted = new Set(drafts.map(connectionOf));
  reportGaps(sources, {
    problems,
    wanted: ({ path: [section, name] }, source) =>
      section !== "connections" ||
      (wanted.has(`${name}`) && connections.get(`${name}`)?.source === source),
  });
  const configs = new Map(
    [...connections.values()].map((one) => [one.name, configOf(one)]),
  );
  const stages = checkStages(drafts, {
    problems,
    folder,
    connections,
    complete,
    named,
  });
  adviseOn({ connections, drafts, main, problems, top, wanted });

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
    connections: [...connections.values()]
      .filter(({ name }) => wanted.has(name))
      .map((draft) => ({ draft, config: configs.get(draft.name) })),
    problems,
    main,
    redact,
    secrets,
    tests,
  });
  const diagnostics = problems.diagnostics(redact);
  return spec && !problems.failed ? { spec, diagnostics } : { diagnostics };
}

/** The name of the connection that a stage wants, if it can be read. */
function connectionOf({ definition, value, written }: Draft): unknown {
  const name = definition ? connectionFieldName(definition) : "connection";
  const key = written.get(name);
  return key === undefined ? undefined : value?.[key];
}

function configOf({ definition, place, source, value }: Draft): unknown {
  if (!value || definition?.kind !== "connection") return undefined;
  const { fields: own } = definition;
  const read = readComponent(
    { common: commonFields(definition), own },
    value,
    place,
  );
  // With a value missing in the environment its check would be a guess.
  if (read.broken.size > 0 || isIncomplete(place.path, source)) {
    return undefined;
  }
  const { config } = read;
  return runCheck(place, (place) => definition.check?.({ config, place }))
    ? config
    : undefined;
}
