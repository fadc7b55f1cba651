/**
 * A component's fields as `plan` shows them: completed, without secrets.
 *
 * @module
 */
import { type Path, valueAt } from "./document.ts";
import { pathKey } from "./interpolation.ts";
import type { Source } from "./place.ts";
import { redacted, sensitiveParts } from "./secrets.ts";

/** What {@linkcode writtenFields} needs. */
export interface WrittenOptions {
  readonly source: Source;
  /** Takes secrets out of any text. */
  readonly redact: (text: string) => string;
}

/** The fields at a path, interpolated and redacted. */
export function writtenFields(
  path: Path,
  { redact, source }: WrittenOptions,
): Readonly<Record<string, unknown>> {
  function show(value: unknown, path: Path): unknown {
    const secret = source.secretPaths.has(pathKey(path));
    if (secret && value !== "" && value !== null) return redacted;
    if (typeof value === "string") return redact(value);
    if (Array.isArray(value)) {
      return value.map((one, index) => show(one, [...path, index]));
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map((
        [key, one],
      ) => [key, show(one, [...path, key])]),
    );
  }
  return show(valueAt(source.value, path), path) as Record<string, unknown>;
}

/**
 * Every secret of a file: what secret fields and `${file:}` have read, and
 * passwords and keys in URLs.
 */
export function secretsOf(source: Source): string[] {
  const fields = [...source.secretPaths]
    .map((key) => valueAt(source.value, key.split("\0")));
  const inUrls = texts(source.value)
    .flatMap((text) => sensitiveParts(text).map(({ value }) => value));
  return [...fields, ...source.secrets]
    .filter((one) => typeof one === "string")
    // A field of keys holds several: each may turn up alone.
    .flatMap((one) => [one, ...one.split(",")])
    .concat(inUrls)
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(texts);
}
