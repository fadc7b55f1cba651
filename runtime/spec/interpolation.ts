/**
 * `${NAME}`, `${NAME:-default}` and `${file:/path}` inside of texts.
 *
 * They are replaced after parsing, so that no value can change the shape of
 * a spec. A default is for a variable that is unset or empty, as in a shell.
 * `$${` is a plain `${`; any other dollar sign is itself.
 *
 * @module
 */
import type { Path } from "./document.ts";
import { isSecretVariable } from "./secrets.ts";

/** Where values come from. */
export interface Environment {
  env(name: string): string | undefined;
  /**
   * Read a file.
   *
   * @throws when it cannot be read.
   */
  read(path: string): string;
}

/** Why a text could not be completed. */
export interface Gap {
  readonly path: Path;
  /** The part of the text. */
  readonly part: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** Missing in this environment, not written wrongly. */
  readonly missing: boolean;
  /** "error" when absent. */
  readonly severity?: "warning";
}

/** A text that had `${…}` in it. */
export interface Leaf {
  readonly path: Path;
  /** As written. */
  readonly written: string;
  /** Whether all of it could be found. */
  readonly complete: boolean;
  /** A default that is not empty was used, so a literal is in the spec. */
  readonly usedDefault: boolean;
}

/** A document's values with all texts completed. */
export interface Interpolated {
  readonly value: unknown;
  /** Texts that had `${…}` in them, by {@linkcode pathKey}. */
  readonly leaves: ReadonlyMap<string, Leaf>;
  readonly gaps: readonly Gap[];
  /** Values of files, and of variables that are secret by their names. */
  readonly secrets: readonly string[];
}

/** A path as a map's key. */
export function pathKey(path: Path): string {
  return path.join("\0");
}

/** Replace every `${…}` in a tree of plain values. */
export function interpolate(
  value: unknown,
  environment: Environment,
): Interpolated {
  const leaves = new Map<string, Leaf>();
  const gaps: Gap[] = [];
  const secrets: string[] = [];

  function walk(value: unknown, path: Path): unknown {
    if (typeof value === "string") return text(value, path);
    if (Array.isArray(value)) {
      return value.map((item, index) => walk(item, [...path, index]));
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map((
        [key, one],
      ) => [key, walk(one, [...path, key])]),
    );
  }

  function text(written: string, path: Path): string {
    if (/^\$[A-Z_][A-Z0-9_]*$/.test(written)) {
      const name = written.slice(1);
      gaps.push({
        path,
        part: written,
        message: `"${written}" is plain text`,
        hint: `write \${${name}} for the variable`,
        missing: false,
        severity: "warning",
      });
    }
    if (!written.includes("${")) return written;
    let complete = true;
    let usedDefault = false;
    let replaced = false;
    const value = written.replace(variable, (...match) => {
      const [part, escaped, content, end] = match as string[];
      if (escaped || part === undefined) return "${";
      replaced = true;
      const found = end
        ? resolve(content ?? "", environment)
        : unreadable(part);
      if ("value" in found) {
        if (found.secret && found.value) secrets.push(found.value);
        usedDefault ||= found.usedDefault && found.value !== "";
        return found.value;
      }
      complete = false;
      gaps.push({ path, part, ...found });
      return "";
    });
    if (replaced) {
      leaves.set(pathKey(path), { path, written, complete, usedDefault });
    }
    return value;
  }

  return { value: walk(value, []), leaves, gaps, secrets };
}

/** An escape, a variable up to its brace, or one without an end. */
const variable = /(\$\$\{)|\$\{([^}]*)(\}?)/g;

const howTo = "write ${NAME}, ${NAME:-default} or ${file:/path}; " +
  "$${ stands for a plain ${";

type Found =
  | { value: string; usedDefault: boolean; secret: boolean }
  | { message: string; hint: string | undefined; missing: boolean };

function resolve(content: string, environment: Environment): Found {
  const file = /^file:(.+)$/.exec(content)?.[1];
  if (file !== undefined) return readSecret(file, environment);

  const [, name, fallback] =
    /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^$]*))?$/.exec(content) ?? [];
  if (name === undefined) {
    return unreadable(`\${${content}}`);
  }
  const value = environment.env(name);
  if (fallback !== undefined && !value) {
    return { value: fallback, usedDefault: true, secret: false };
  }
  if (value !== undefined) {
    const secret = isSecretVariable(name, value);
    return { value, usedDefault: false, secret };
  }
  return {
    message: `Missing environment variable "${name}"`,
    hint: `set it, or write \${${name}:-default}`,
    missing: true,
  };
}

function unreadable(text: string): Found {
  return { message: `Cannot read "${text}"`, hint: howTo, missing: false };
}

function readSecret(path: string, environment: Environment): Found {
  try {
    // Editors and `echo` end a file with a line feed; no secret does.
    const value = environment.read(path).replace(/\r?\n$/, "");
    return { value, usedDefault: false, secret: true };
  } catch (error) {
    return {
      message: `Cannot read the file "${path}"`,
      hint: reason(error),
      missing: true,
    };
  }
}

/** Why a file could not be read, without the operating system's number. */
export function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "not allowed";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}
