/**
 * Says what the environment lacks: every name once, with all of its places.
 *
 * @module
 */
import type { Problems } from "./diagnostics.ts";
import type { Gap } from "./interpolation.ts";
import type { Source } from "./place.ts";

/** What {@linkcode reportGaps} needs. */
export interface GapsOptions {
  readonly problems: Problems;
  /** Whether the value at that gap is wanted in this run. */
  wanted(gap: Gap, source: Source): boolean;
}

/** Report what is missing, and every `${…}` that cannot be understood. */
export function reportGaps(
  sources: readonly Source[],
  { problems, wanted }: GapsOptions,
): void {
  const gaps = sources.flatMap((source) =>
    source.gaps.map((gap) => ({ gap, source }))
  ).filter(({ gap, source }) => !gap.missing || wanted(gap, source));
  const reported = new Set<string>();
  for (const { gap, source } of gaps) {
    const { hint, message, missing, part, path, severity } = gap;
    if (missing && reported.has(message)) continue;
    reported.add(message);
    const { document } = source;
    const others = missing
      ? gaps.filter((other) =>
        other.gap.message === message && other.gap !== gap
      ).map((other) => whereIs(other.gap, other.source, source))
      : [];
    const also = others.length > 0
      ? `; also ${[...new Set(others)].join(", ")}`
      : "";
    problems.add({ document, ...document.locate(path, { part }) }, message, {
      hint: hint === undefined ? undefined : `${hint}${also}`,
      severity,
    });
  }
}

function whereIs({ part, path }: Gap, source: Source, from: Source): string {
  const { document } = source;
  const { start, end } = document.locate(path, { part });
  const { file, line } = document.span(start, end);
  return source === from ? `in line ${line}` : `at ${file}:${line}`;
}
