/**
 * Mistakes of a spec and how they are shown: to a person, to a program and
 * to GitHub.
 *
 * @module
 */
import type { SpecDocument } from "./document.ts";
import { displayWidth, printable } from "./display.ts";

/** Whether a mistake fails the check. */
export type Severity = "error" | "warning";

/** A stretch of one line of a file. */
export interface Span {
  /** Path as the user wrote it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count. */
  readonly column: number;
  /** UTF-16 units to underline, at least 1; never beyond the line. */
  readonly length: number;
  /** The line itself; literal secrets in it are masked. */
  readonly source: string;
}

/** One mistake at its place. */
export interface Diagnostic extends Span {
  /** Capital letter, no final period. */
  readonly message: string;
  /** How to mend it. */
  readonly hint: string | undefined;
  readonly severity: Severity;
  /** More lines below the source line: the difference of a failed test. */
  readonly details?: readonly string[];
}

/** What may come with a message. */
export interface ProblemOptions {
  readonly hint?: string | undefined;
  /** "error" when absent. */
  readonly severity?: Severity | undefined;
}

/** Where in a document a mistake is: offsets into its text. */
export interface Origin {
  readonly document: SpecDocument;
  readonly start: number;
  readonly end: number;
}

/** Collects the mistakes of one check. */
export class Problems {
  readonly #found: (Origin & { message: string } & ProblemOptions)[] = [];

  /** Whether something was found that fails the check. */
  get failed(): boolean {
    return this.#found.some(({ severity }) => severity !== "warning");
  }

  add(origin: Origin, message: string, options: ProblemOptions = {}): void {
    this.#found.push({ ...origin, message, ...options });
  }

  /**
   * Everything found, each mistake once: by file in the order in which the
   * files were read, then by position.
   *
   * @param redact Takes secrets out of messages and hints.
   */
  diagnostics(redact: (text: string) => string): Diagnostic[] {
    const files = [...new Set(this.#found.map(({ document }) => document))]
      .sort((a, b) => a.order - b.order);
    const sorted = this.#found.toSorted((a, b) =>
      files.indexOf(a.document) - files.indexOf(b.document) ||
      a.start - b.start
    );
    const seen = new Set<string>();
    return sorted.flatMap(({ message, hint, severity, ...origin }) => {
      const key = JSON.stringify([origin.document.file, origin.start, message]);
      if (seen.has(key)) return [];
      seen.add(key);
      return [{
        ...origin.document.span(origin.start, origin.end),
        message: redact(message),
        hint: hint === undefined ? undefined : redact(hint),
        severity: severity ?? "error",
      }];
    });
  }
}

/** How diagnostics are written. */
export type DiagnosticFormat = "text" | "json" | "github";

/** Write diagnostics, ending in a line feed; nothing when there are none. */
export function formatDiagnostics(
  diagnostics: readonly Diagnostic[],
  format: DiagnosticFormat = "text",
): string {
  if (format === "json") return formatJson(diagnostics);
  const lines = diagnostics.map(format === "text" ? formatText : formatGithub);
  return lines.map((line) => `${line}\n`).join("");
}

/** Wide enough for most specs, so that the gutters of a run line up. */
const leastGutter = 2;

/** Longest stretch of a source line that is shown, in characters. */
const longestLine = 160;

function formatText(diagnostic: Diagnostic): string {
  const { file, line, column, message, hint, severity } = diagnostic;
  const label = severity === "warning" ? "warning: " : "";
  const gutter = String(line).padStart(leastGutter);
  const blank = " ".repeat(gutter.length);
  const { text, start, length } = excerpt(diagnostic);
  const before = indentation(text.slice(0, start));
  const width = displayWidth(text.slice(start, start + length));
  const carets = "^".repeat(Math.max(1, width));
  return [
    `${file}:${line}:${column}: ${label}${printable(message)}`,
    `${blank}|`,
    `${gutter}| ${text}`.trimEnd(),
    `${blank}| ${before}${carets}${hint ? ` ${printable(hint)}` : ""}`,
    ...(diagnostic.details ?? []).map((detail) =>
      `${blank}| ${printable(detail)}`.trimEnd()
    ),
  ].join("\n");
}

/** The part of the line that is shown, and the underlined part in it. */
function excerpt({ source, column, length }: Diagnostic) {
  const text = printable(source);
  const start = column - 1;
  if (text.length <= longestLine) return { text, start, length };
  // A flow map on one endless line: show what surrounds the mistake.
  const from = Math.max(0, start - longestLine / 2);
  const head = from > 0 ? "…" : "";
  const shown = text.slice(from, from + longestLine);
  const tail = from + longestLine < text.length ? "…" : "";
  return {
    text: `${head}${shown}${tail}`,
    start: start - from + head.length,
    length: Math.min(length, from + longestLine - start),
  };
}

/** Blank space as wide as the text; tabs stay, whatever their width is. */
function indentation(text: string): string {
  return text.split("\t").map((part) => " ".repeat(displayWidth(part)))
    .join("\t");
}

function formatJson(diagnostics: readonly Diagnostic[]): string {
  const plain = diagnostics.map(
    ({ file, line, column, length, severity, message, hint, details }) => ({
      file,
      line,
      column,
      length,
      severity,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(details === undefined ? {} : { details }),
    }),
  );
  return `${JSON.stringify(plain, null, 2)}\n`;
}

/**
 * A workflow command that annotates the line in a pull request.
 *
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
function formatGithub(diagnostic: Diagnostic): string {
  const { file, line, column, length, severity, message, hint } = diagnostic;
  const properties = [
    `file=${escapeProperty(file)}`,
    `line=${line}`,
    `col=${column}`,
    `endColumn=${column + length}`,
  ].join(",");
  const text = [
    hint ? `${message}: ${hint}` : message,
    ...(diagnostic.details ?? []),
  ].join("\n");
  return `::${severity} ${properties}::${escapeData(text)}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D")
    .replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
