/**
 * Places: where a field's reader stands and what it may complain about.
 *
 * @module
 */
import type { Schema } from "../row.ts";
import type { Problems } from "./diagnostics.ts";
import { type Path, type SpecDocument, valueAt } from "./document.ts";
import type { Place } from "./field.ts";
import { type Interpolated, pathKey } from "./interpolation.ts";

/** A file of a spec with its texts completed. */
export interface Source extends Interpolated {
  readonly document: SpecDocument;
  /** Secret values that fields have read. */
  readonly secretPaths: Set<string>;
}

/** What a place belongs to. */
export interface PlaceOptions {
  readonly source: Source;
  readonly problems: Problems;
  readonly folder: string;
  readonly input?: Schema | undefined;
  /** What the value is a part of: "evm.chain source". */
  readonly owner?: string | undefined;
}

/** The place of the value at a path. */
export function placeAt(path: Path, options: PlaceOptions): Place {
  const { source, problems, folder, input, owner } = options;
  const leaf = source.leaves.get(pathKey(path));
  return {
    path,
    folder,
    input,
    owner,
    interpolated: leaf !== undefined,
    report(message, hint, { key, part, severity } = {}) {
      // What is missing in the environment has been said already.
      if (!key && isIncomplete(path, source)) return undefined;
      const where = source.document.locate(path, { key, part });
      problems.add({ document: source.document, ...where }, message, {
        hint: hint ?? emptyHint(source, path),
        severity,
      });
      return undefined;
    },
    secret() {
      source.secretPaths.add(pathKey(path));
      const written = source.document.valueAt(path);
      if (written === "" || (leaf && !leaf.usedDefault)) return;
      source.document.mask(path);
      // Anything else is a mistake of its own.
      if (typeof written !== "string") return;
      const where = source.document.locate(path);
      problems.add(
        { document: source.document, ...where },
        `Literal secret in "${path.findLast((step) => isNaN(Number(step)))}"`,
        {
          hint: leaf
            ? "leave the default out"
            : "write ${NAME} and set NAME in the environment",
          severity: "warning",
        },
      );
    },
    span({ key } = {}) {
      const { end, start } = source.document.locate(path, { key });
      return source.document.span(start, end);
    },
    at(key) {
      const inside = typeof key === "number" || owner === undefined
        ? owner
        : `"${key}" of ${owner}`;
      return placeAt([...path, key], { ...options, owner: inside });
    },
  };
}

/** Whether a text at or below a path lacks something. */
export function isIncomplete(path: Path, source: Source): boolean {
  const key = pathKey(path);
  const inside = `${key}\0`;
  for (const [leaf, { complete }] of source.leaves) {
    if (!complete && (leaf === key || leaf.startsWith(inside))) return true;
  }
  return false;
}

function emptyHint(source: Source, path: Path): string | undefined {
  const leaf = source.leaves.get(pathKey(path));
  if (!leaf?.complete) return undefined;
  return valueAt(source.value, path) === ""
    ? `${leaf.written} is empty`
    : undefined;
}
