/**
 * YAML's own complaints in the words of this project.
 *
 * @module
 */
import { type Document, visit, type YAMLError } from "./yaml.ts";

/** A mistake in the YAML itself. */
export interface SyntaxProblem {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly start: number;
  readonly end: number;
}

/**
 * The first mistake in the YAML itself. Only the first: whatever the parser
 * says after it is mostly about its own confusion.
 */
export function syntaxProblem(
  root: Document.Parsed,
  text: string,
): SyntaxProblem | undefined {
  const [error] = root.errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (error) return { ...describe(error, text), ...openQuote(error, root) };

  const [warning] = root.warnings;
  if (warning) {
    const [start, end] = warning.pos;
    return {
      message: quoteName(warning.message),
      hint: "text that starts with ! needs quotes",
      start,
      end,
    };
  }
  const { explicit, version } = root.directives.yaml;
  if (explicit && version !== "1.2") {
    const start = Math.max(0, text.indexOf("%YAML"));
    return {
      message: `Expected YAML 1.2, found ${version}`,
      hint: "leave the %YAML line out",
      start,
      end: start + "%YAML".length,
    };
  }
  return undefined;
}

function describe(error: YAMLError, text: string): SyntaxProblem {
  const [pos, end] = error.pos;
  // The parser blames the blank space before what stands in a wrong place.
  const blank = /^ */.exec(text.slice(pos))?.[0].length ?? 0;
  const start = error.code === "BAD_INDENT" ? pos + blank : pos;
  const at = { start, end: Math.max(end, start + 1) };
  if (isVariable(text, start)) {
    return {
      message: separator(error.message),
      hint: 'inside { } or [ ] quote it: "${NAME}"',
      ...at,
    };
  }
  // The parser recurses: "[[[[…" ends its stack.
  if (/call stack/i.test(error.message)) {
    return { message: "Nested too deeply", start, end: start + 1 };
  }
  switch (error.code) {
    case "MULTIPLE_DOCS":
      return {
        message: "Expected one document, found a second one",
        hint: "put it into a file of its own",
        start,
        end: start + "---".length,
      };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        message: "Unexpected second colon on a line",
        hint: 'quote text that contains ": "',
        ...at,
      };
    case "TAB_AS_INDENT":
      return {
        message: "Tabs cannot indent YAML",
        hint: "use spaces",
        ...at,
      };
    case "MULTILINE_IMPLICIT_KEY":
      return {
        message: "Expected a name and a colon",
        hint: "write name: value",
        ...at,
      };
    case "BAD_SCALAR_START":
      return {
        message: error.message,
        hint: "put the text in quotes",
        ...at,
      };
    case "BAD_ALIAS":
      return {
        message: error.message,
        hint: "text that starts with * needs quotes",
        ...at,
      };
    case "BAD_DQ_ESCAPE":
      return {
        message: quoteName(error.message),
        hint: "in single quotes a backslash is a backslash",
        ...at,
      };
    case "MISSING_CHAR":
      return {
        message: error.message.startsWith("Implicit map keys need")
          ? "Expected a colon behind the name"
          : error.message.replace(/^Missing closing (["']).*$/, closing),
        ...at,
      };
    default:
      return { ...reword(error.message), ...at };
  }
}

/** The parser names what it does not know bare, a period at its end too. */
function quoteName(message: string): string {
  return message
    .replace(
      /^(Invalid escape sequence|Unknown directive|Unresolved tag:) (.*)$/s,
      '$1 "$2"',
    )
    .replace("Unresolved tag:", "Unknown tag");
}

/** Where a quote opens that never closes: its end says nothing. */
function openQuote(
  { message }: YAMLError,
  root: Document.Parsed,
): { readonly start?: number; readonly end?: number } {
  if (!/^Missing closing ["']/.test(message)) return {};
  let start: number | undefined;
  visit(root, {
    Scalar(_, { range, type }) {
      if (type?.startsWith("QUOTE") && range) start = range[0];
    },
  });
  return start === undefined ? {} : { start, end: start + 1 };
}

function closing(_: string, quote: string): string {
  return `Missing closing ${quote === '"' ? "double" : "single"} quote`;
}

/** The parser's words where they name its own parts. */
function reword(message: string): Omit<SyntaxProblem, "start" | "end"> {
  if (/^Unexpected .* at node end$/.test(message)) {
    return {
      message: "Unexpected text behind a value",
      hint: "put all of it in quotes",
    };
  }
  if (message.startsWith("Unexpected block-seq-ind")) {
    return {
      message: 'Unexpected "- " behind a name',
      hint: "start the list on the next line",
    };
  }
  if (message.startsWith("Block collections are not allowed")) {
    return {
      message: "Unexpected list or map inside of { } or [ ]",
      hint: "write it with [ ] or { }",
    };
  }
  const [, kind] =
    /^Flow (map|sequence) in block collection must be/.exec(message) ?? [];
  if (kind !== undefined) {
    const [open, close] = kind === "map" ? ["{", "}"] : ["[", "]"];
    return {
      message: `Missing ${close} or indentation`,
      hint: `what ${open} opens ends with ${close}, on lines that are indented`,
    };
  }
  return { message: message.replace(/\.$/, "") };
}

/** `[${NAME}]`: YAML ends the text at the brace. */
function isVariable(text: string, brace: number): boolean {
  return text[brace] === "{" && text[brace - 1] === "$";
}

/** The same mistake in a map, which the parser words differently. */
function separator(message: string): string {
  return message.startsWith("Missing ,")
    ? message
    : "Missing , or } behind a value";
}
