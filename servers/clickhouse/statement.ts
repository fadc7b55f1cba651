/**
 * Where a SQL text names its format and where its data begins, which HTTP
 * leaves to the server and the engine's C interface leaves to the caller.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/** A statement as the engine wants it: INSERT data apart from its text. */
export type Statement =
  | {
    kind: "insert";
    /** `INSERT INTO t (a, b) SETTINGS …`, without FORMAT or VALUES. */
    head: Bytes;
    /** Input format of the data, `Values` for VALUES. */
    format: string;
    /** What followed the head in the same text: the first bytes of data. */
    data: Bytes;
  }
  | {
    kind: "select" | "other";
    /** Format named by the statement itself, if it names one. */
    format: string | undefined;
  };

/** A word outside of strings, comments and parentheses. */
interface Word {
  /** In capitals. */
  text: string;
  start: number;
  end: number;
}

/** One token of ClickHouse SQL, as far as nesting and quoting need it. */
const TOKEN = new RegExp(
  [
    String.raw`--[^\n]*|#[ !][^\n]*|/\*[\s\S]*?\*/`, // comments
    String.raw`'(?:[^'\\]|\\[\s\S]|'')*'`, // string
    String.raw`"(?:[^"\\]|\\[\s\S]|"")*"`, // quoted identifier
    "`(?:[^`\\\\]|\\\\[\\s\\S]|``)*`", // quoted identifier
    String.raw`[\w$]+(?:\.[\w$]+)*`, // word, or a name with its database
    String.raw`[^\s]`, // anything else
  ].join("|"),
  "g",
);

/** Reads bytes as one character each, so that offsets are byte offsets. */
const latin1 = new TextDecoder("latin1");

/**
 * Take a statement apart.
 *
 * `sql` may be the beginning of a text whose INSERT data has not arrived yet.
 */
export function parseStatement(sql: Bytes): Statement {
  const text = latin1.decode(sql);
  const words = topLevelWords(text);
  const first = words[0]?.text;
  if (first === "INSERT") {
    const insert = parseInsert(sql, { text, words });
    if (insert) return insert;
  }
  const kind = first === "SELECT" || first === "WITH" ? "select" : "other";
  return { kind, format: trailingFormat(text, words) };
}

/** Drop trailing blanks and semicolons: only one statement may be sent. */
export function trimStatement(sql: Bytes): Bytes {
  const text = latin1.decode(sql);
  return sql.subarray(0, text.replace(/[\s;]+$/, "").length);
}

/** Undefined for INSERT … SELECT, which carries no data. */
function parseInsert(
  sql: Bytes,
  { text, words }: { text: string; words: readonly Word[] },
): Statement | undefined {
  const last = words.at(-1);
  const before = words.at(-2);
  if (!last || !before || !endsHead(words)) return undefined;
  if (namesFormat(words)) {
    return {
      kind: "insert",
      head: sql.subarray(0, before.start),
      format: text.slice(last.start, last.end),
      data: sql.subarray(dataStart(text, last.end)),
    };
  }
  if (last.text !== "VALUES") return undefined;
  return {
    kind: "insert",
    head: sql.subarray(0, last.start),
    format: "Values",
    data: sql.subarray(last.end),
  };
}

/** Blanks up to and including one line end belong to the statement. */
function dataStart(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\r") at++;
  return text[at] === "\n" ? at + 1 : at;
}

/** `… FORMAT JSON` or `… FORMAT JSON SETTINGS …` at the end. */
function trailingFormat(
  text: string,
  words: readonly Word[],
): string | undefined {
  for (let i = words.length - 2; i >= 0; i--) {
    const name = words[i + 1];
    const after = words[i + 2]?.text;
    if (words[i]?.text !== "FORMAT" || !name) continue;
    if (after === undefined || after === "SETTINGS") {
      return text.slice(name.start, name.end);
    }
  }
  return undefined;
}

/**
 * The words that are neither quoted, commented nor in parentheses; those of an
 * INSERT end where its data may begin.
 */
function topLevelWords(text: string): Word[] {
  const words: Word[] = [];
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === "(" || token === "[") depth++;
    else if (token === ")" || token === "]") depth--;
    else if (depth === 0 && /^[\w$"`]/.test(token)) {
      const end = index + token.length;
      words.push({ text: token.toUpperCase(), start: index, end });
      if (endsHead(words)) break;
    }
  }
  return words;
}

/** Whether an INSERT's text is over; its first three words are no keywords. */
function endsHead(words: readonly Word[]): boolean {
  if (words[0]?.text !== "INSERT" || words.length < 4) return false;
  const last = words.at(-1)?.text ?? "";
  return namesFormat(words) || ["VALUES", "SELECT", "WITH"].includes(last);
}

function namesFormat(words: readonly Word[]): boolean {
  return words.length > 4 && words.at(-2)?.text === "FORMAT";
}
