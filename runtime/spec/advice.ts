/**
 * Mistakes of a whole spec: parts that nothing reads, places that two write.
 *
 * @module
 */
import type { Problems } from "./diagnostics.ts";
import { type Draft, errorsName } from "./draft.ts";
import type { Source } from "./place.ts";
import { reportSharedSources } from "./shared_source.ts";
import type { Top } from "./source.ts";
import type { CheckedStage } from "./stages.ts";
import { referencesOf } from "./wiring.ts";

/** What {@linkcode adviseOn} looks at. */
export interface AdviceOptions {
  readonly top: Top;
  readonly main: Source;
  readonly drafts: readonly Draft[];
  readonly stages: readonly CheckedStage[];
  readonly connections: ReadonlyMap<string, Draft>;
  /** Connections that a stage or the state names. */
  readonly wanted: ReadonlySet<unknown>;
  readonly problems: Problems;
}

/** Report sections without components, and what nothing reads. */
export function adviseOn(options: AdviceOptions): void {
  const { connections, drafts, main, problems, top, wanted } = options;
  if (drafts.length === 0 && !top.sources && !top.sinks) return;

  for (const section of [top.sources, top.sinks]) {
    if (!section || Object.keys(section.components).length > 0) continue;
    const { path, report } = section.place;
    report(
      `Expected a ${path[0] === "sinks" ? "sink" : "source"}, found none`,
      "write name: { type: … }",
      { key: true },
    );
  }
  reportTargets(options.stages);
  reportSharedSources(options.stages);
  // What a mistake hides is not unread.
  if (problems.failed) return;
  const read = new Set(
    drafts.flatMap((draft) =>
      referencesOf(draft).filter(({ stage }) => stage !== draft.name)
        .map(({ stage }) => stage)
    ),
  );
  for (const { kind, name, place } of drafts) {
    if (kind === "sink" || read.has(name)) continue;
    place.report(
      `Nothing reads the ${kind} "${name}"`,
      `read it with from: ${name}, or take it out`,
      { key: true, severity: "warning" },
    );
  }
  adviseOnErrors(options, read);
  for (const { name, place, source } of connections.values()) {
    // An included file serves many specs.
    if (source !== main || wanted.has(name)) continue;
    place.report(
      `Nothing uses the connection "${name}"`,
      "take it out, or move it to a file to include",
      { key: true, severity: "warning" },
    );
  }
}

/** The first rejected row would stop the run. */
function adviseOnErrors(
  { stages }: AdviceOptions,
  read: ReadonlySet<string>,
): void {
  if (read.has(errorsName)) return;
  const rejecting = stages.find(({ config, draft: { definition, name } }) => {
    if (definition?.kind !== "transform" && definition?.kind !== "source") {
      return false;
    }
    if (!read.has(name)) return false;
    const { rejects } = definition;
    return typeof rejects === "function" ? rejects(config) : rejects;
  })?.draft;
  rejecting?.place.report(
    `Nothing reads "errors": the first row that "${rejecting.name}" ` +
      "rejects stops the run",
    "add a sink with from: errors",
    { key: true, severity: "warning" },
  );
}

/** Two sinks that write the same file or table would mix or undo their rows. */
function reportTargets(stages: readonly CheckedStage[]): void {
  const known = new Map<string, string>();
  for (const { config, connection, draft } of stages) {
    const { definition, name, place } = draft;
    if (definition?.kind !== "sink" || config === undefined) continue;
    const target = definition.target?.(config);
    if (target === undefined) continue;
    const key = JSON.stringify([definition.type, connection, target]);
    const other = known.get(key);
    known.set(key, other ?? name);
    if (other === undefined) continue;
    place.report(
      `Sinks "${other}" and "${name}" both write to "${target}"`,
      "give each its own, or let one read both: from: [a, b]",
      { key: true },
    );
  }
}
