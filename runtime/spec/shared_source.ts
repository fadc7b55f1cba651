/**
 * What a source that is shared out among processes rules out.
 *
 * @module
 */
import type { CheckedStage } from "./stages.ts";
import { enumerate } from "./suggestion.ts";

/**
 * Report what cannot hold when no process knows what the others have: cursors
 * and a lease for another source, rows held back until they are safe, sinks
 * whose guarantee is a cursor.
 */
export function reportSharedSources(stages: readonly CheckedStage[]): void {
  const sources = stages.filter(({ draft }) =>
    draft.definition?.kind === "source"
  );
  const shared = new Set(
    sources.filter(isShared).map(({ draft: { name } }) => name),
  );
  if (shared.size === 0) return;

  const names = enumerate([...shared].map((name) => `"${name}"`));
  for (const stage of sources) {
    if (isShared(stage)) continue;
    const { name, place } = stage.draft;
    place.report(
      `"${name}" cannot stand beside ${names}, which any number of ` +
        "processes read",
      `only one process may read "${name}": give it a spec of its own`,
      { key: true },
    );
  }
  for (const { config, deliver, draft, sources: [from = ""] } of stages) {
    const { definition, name, place } = draft;
    if (definition?.kind !== "sink" || !shared.has(from)) continue;
    if (deliver !== "latest") {
      place.at("deliver").report(
        `"deliver" means nothing behind "${from}", which knows no chain`,
        "write it in the sink that feeds the topic",
      );
    }
    if (!definition.alone || config === undefined) continue;
    place.report(
      `Sink "${name}" (${definition.type}) cannot stand behind "${from}", ` +
        "which any number of processes read",
      "it has one writer that knows where it was: write to a store that " +
        "merges rows by key, or to a topic",
      { key: true },
    );
  }
}

function isShared({ draft: { definition } }: CheckedStage): boolean {
  return definition?.kind === "source" && definition.shared === true;
}
