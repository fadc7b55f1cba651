/**
 * Finds where each sink stood, and refuses to guess after a renaming.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import type { SinkStage, SourceStage, Spec } from "../spec/spec.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";
import { memoryOf } from "./memory.ts";
import type { Cursor, StateStore } from "./state.ts";

/** Options of {@linkcode openCursors}. */
export interface ResumeOptions {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The cursor of each sink of the spec; new sinks begin at the start of their
 * source.
 *
 * @throws {UserError} when a sink or source is gone while another is new.
 */
export async function openCursors(
  spec: Spec,
  { clock, log, state }: ResumeOptions,
): Promise<ReadonlyMap<string, Cursor>> {
  const sinks = spec.stages.filter((one): one is SinkStage =>
    one.kind === "sink"
  );
  const sources = spec.stages.filter((one): one is SourceStage =>
    one.kind === "source" && one.follows === undefined
  );
  for (const { kind, name, renamedFrom } of [...sources, ...sinks]) {
    if (!renamedFrom) continue;
    await state.rename(kind, renamedFrom, name);
    if (kind === "sink") continue;
    await state.rename(kind, memoryOf(renamedFrom), memoryOf(name));
  }
  const stored = await state.cursors();
  checkNames(spec, sources, { kind: "source", known: stored });
  checkNames(spec, sinks, { kind: "sink", known: stored });
  const cursors = new Map<string, Cursor>();
  for (const { name, source } of sinks) {
    const known = stored.find(({ sink }) => sink === name);
    if (known && known.source !== source) {
      throw new UserError(
        `Sink "${name}" read source "${known.source}" and now reads ` +
          `"${source}": run \`reset ${spec.file} --sink ${name}\` to fill ` +
          "it from the start of that source",
      );
    }
    cursors.set(
      name,
      known ?? {
        sink: name,
        source,
        at: undefined,
        seq: 0,
        base: clock.now(),
        state: undefined,
        pending: undefined,
      },
    );
  }
  for (const { sink } of stored) {
    if (cursors.has(sink)) continue;
    log.warn("Sink is no longer in the spec; its cursor is kept", { sink });
  }
  // A first write is recognised after a crash by its base as well.
  for (const cursor of cursors.values()) await state.saveCursor(cursor);
  return cursors;
}

/** A name that is gone beside one that is new is most likely a renaming. */
function checkNames(
  spec: Spec,
  stages: readonly { readonly name: string }[],
  { kind, known }: {
    readonly kind: "sink" | "source";
    readonly known: readonly Cursor[];
  },
): void {
  const names = new Set(stages.map(({ name }) => name));
  const old = new Set(known.map((cursor) => cursor[kind]));
  const gone = [...old].filter((name) => !names.has(name));
  const fresh = [...names].filter((name) => !old.has(name));
  const [was, now] = [gone[0], fresh[0]];
  if (was === undefined || now === undefined) return;

  throw new UserError(
    `${kind === "sink" ? "Sink" : "Source"} "${was}" has a cursor but is no ` +
      `longer in ${spec.file}, and "${now}" is new: if it was renamed, write ` +
      `"renamed_from: ${was}" in "${now}"; if it is gone, run ` +
      `\`reset ${spec.file} --${kind} ${was}\``,
  );
}
