/**
 * Where a pipeline stands whose sources are shared out among processes.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import type { SourceStage, Spec } from "../spec/spec.ts";

/** Who keeps the positions of a shared source. */
export interface SharedPositions {
  readonly source: string;
  /** `consumer group "decode"`. */
  readonly keeper: string;
}

/** The shared sources of a spec; none, or all that it has. */
export function sharedPositions(spec: Spec): readonly SharedPositions[] {
  return spec.stages.filter((stage): stage is SourceStage =>
    stage.kind === "source" && stage.definition.shared === true
  ).map(({ config, definition, name }) => ({
    source: name,
    keeper: definition.positions?.(config, spec.name) ?? "the other side",
  }));
}

/**
 * Refuse what only a process with cursors of its own can do.
 *
 * @param action what was asked for: `reset "decode"`.
 * @param remedy what to do instead.
 * @throws {UserError} when the spec has a shared source.
 */
export function refuseShared(
  spec: Spec,
  { action, remedy }: { readonly action: string; readonly remedy: string },
): void {
  const [first] = sharedPositions(spec);
  if (!first) return;
  throw new UserError(
    `Cannot ${action}: ${first.keeper} keeps what the sinks of ` +
      `"${first.source}" have stored; ${remedy}`,
  );
}
