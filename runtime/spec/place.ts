/**
 * Places: where a field's reader stands and what it may complain about.
 *
 * @module
 */
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Schema } from "../row.ts";
import type { Problems } from "./diagnostics.ts";
import { type Path, SpecDocument, valueAt } from "./document.ts";
import type { Place, PlacedDocument } from "./field.ts";
import { type Interpolated, pathKey } from "./interpolation.ts";

/** A file of a spec with its texts completed. */
export interface Source extends Interpolated {
  readonly document: SpecDocument;
  /** Secret values that fields have read. */
  readonly secretPaths: Set<string>;
  /** Reads a file, or throws; absent where no file is read. */
  readonly read?: (path: string) => string;
}

/** Files that a spec refers to are reported behind those that it includes. */
const behindSpecs = 1000;

/** What a place belongs to. */
export interface PlaceOptions {
  readonly source: Source;
  readonly problems: Problems;
  readonly folder: string;
  readonly input?: Schema | undefined;
  /** Columns of the outputs that fields of a source name. */
  readonly inputs?: ReadonlyMap<string, Schema>;
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
    document: (file, owner) => documentAt(file, { ...options, owner }),
    span({ key } = {}) {
      const { end, start } = source.document.locate(path, { key });
      return source.document.span(start, end);
    },
    at(key) {
      const inside = typeof key === "number" || owner === undefined
        ? owner
        : `"${key}" of ${owner}`;
      const { inputs, ...others } = options;
      const input = inputs?.get(`${key}`) ?? options.input;
      return placeAt([...path, key], { ...others, input, owner: inside });
    },
  };
}

/** Open a file that a spec refers to; undefined: there is none. */
function documentAt(
  file: string | URL,
  options: PlaceOptions,
): PlacedDocument | undefined {
  const { folder, problems, source } = options;
  const path = file instanceof URL
    ? fromHere(fileURLToPath(file))
    : isAbsolute(file)
    ? file
    : join(folder, file);
  // What comes with the program is no file of the user's.
  const read = file instanceof URL
    ? (path: string) => Deno.readTextFileSync(path)
    : source.read;
  let text: string | undefined;
  try {
    text = read?.(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (text === undefined) return undefined;
  const document = new SpecDocument(
    { name: path, text, order: behindSpecs },
    problems,
  );
  const { value } = document;
  const inner: Source = {
    value,
    leaves: new Map(),
    gaps: [],
    secrets: [],
    document,
    secretPaths: new Set(),
    ...(source.read ? { read: source.read } : {}),
  };
  return { value, place: placeAt([], { ...options, source: inner }) };
}

function fromHere(path: string): string {
  const short = relative(Deno.cwd(), path);
  return short.startsWith("..") ? path : short;
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
