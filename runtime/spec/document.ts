/**
 * A YAML file as plain values that remember where they stand.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Tags,
} from "./yaml.ts";
import type { Problems, Span } from "./diagnostics.ts";
import { type SyntaxProblem, syntaxProblem } from "./syntax.ts";
import { firstKey, keyText, type Range, rangeOf, readTree } from "./tree.ts";

/** Path of a value from the root of its document. */
export type Path = readonly (string | number)[];

/** What of a value is meant: the key, or a part of the text. */
export interface LocateOptions {
  readonly key?: boolean | undefined;
  /** Only this part of the text, when it can be found in the source. */
  readonly part?: string | undefined;
}

/** A parsed file. */
export class SpecDocument {
  /** Path as the user wrote it. */
  readonly file: string;
  /** Files are reported in the order in which they were read. */
  readonly order: number;
  readonly text: string;
  /** The whole file as plain values; undefined when it cannot be read. */
  readonly value: unknown;
  readonly #root: Document.Parsed | undefined;
  readonly #lines: LineCounter;
  readonly #masks: Range[] = [];

  /** Parse a file; what is wrong with it goes to `problems`. */
  constructor(file: SpecFile, problems: Problems) {
    this.file = file.name;
    this.order = file.order;
    // A byte order mark is no part of the first line's first column.
    this.text = file.text.replace(/^\ufeff/, "");
    this.#lines = linesOf(this.text);
    const { root, problem } = parse(this.text);
    this.#root = root;
    const wrong = problem ?? (root && syntaxProblem(root, this.text));
    if (wrong) {
      problems.add({ document: this, ...wrong }, wrong.message, wrong);
      return;
    }
    this.value = readTree(root, {
      document: this,
      problems,
      mask: (range) => void this.#masks.push(range),
    });
  }

  /** Offsets of what stands at a path, or of its nearest ancestor. */
  locate(path: Path, options: LocateOptions = {}): Range {
    const { node, pair, found } = this.#find(path);
    const key = rangeOf(pair?.key);
    const value = rangeOf(node);
    if (!found || options.key || !value) {
      return key ?? firstKey(node) ?? value ?? { start: 0, end: 0 };
    }
    if (options.part !== undefined) {
      const at = this.text.slice(value.start, value.end).indexOf(options.part);
      if (at >= 0) {
        const start = value.start + at;
        return { start, end: start + options.part.length };
      }
    }
    // `key:` with nothing behind it, or a block of lines below it.
    const empty = value.start === value.end;
    const block = isCollection(node) && !node.flow;
    return (empty || block) && key ? key : value;
  }

  /** The value at a path, as written; undefined when there is none. */
  valueAt(path: Path): unknown {
    return valueAt(this.value, path);
  }

  /** Keep a literal out of every source line that is shown. */
  mask(path: Path): void {
    const { node, found } = this.#find(path);
    const range = rangeOf(node);
    if (found && range) this.#masks.push(range);
  }

  /** The first line of a stretch of text, ready to show. */
  span(start: number, end: number): Span {
    const at = Math.min(start, this.text.length);
    const { line, col } = this.#lines.linePos(at);
    const first = this.#lines.lineStarts[line - 1] ?? 0;
    const source = this.#masked(first);
    const length = Math.min(end - at, source.length - (at - first));
    return {
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      length: Math.max(1, length),
      source,
    };
  }

  #masked(first: number): string {
    // A carriage return ends no line, but may stand at the end of one.
    const next = this.text.indexOf("\n", first);
    const line = this.text.slice(first, next < 0 ? undefined : next)
      .replace(/\r$/, "");
    let shown = line;
    for (const { start, end } of this.#masks) {
      const from = Math.max(0, start - first);
      const to = Math.min(line.length, end - first);
      if (from >= to) continue;
      shown = shown.slice(0, from) + "*".repeat(to - from) + shown.slice(to);
    }
    return shown;
  }

  #find(path: Path): {
    node: Node | undefined;
    pair: Pair<Node, Node | null> | undefined;
    found: boolean;
  } {
    let node = this.#resolve(this.#root?.contents);
    let pair: Pair<Node, Node | null> | undefined;
    for (const step of path) {
      if (isMap<Node, Node | null>(node)) {
        const next = node.items.find(({ key }) => keyText(key) === `${step}`);
        if (!next) return { node, pair, found: false };
        pair = next;
        node = this.#resolve(next.value);
      } else if (isSeq<Node>(node) && node.items[Number(step)]) {
        pair = undefined;
        node = this.#resolve(node.items[Number(step)]);
      } else return { node, pair, found: false };
    }
    return { node, pair, found: true };
  }

  #resolve(node: unknown): Node | undefined {
    if (isAlias(node) && this.#root) return node.resolve(this.#root);
    return isScalar(node) || isCollection(node) ? node as Node : undefined;
  }
}

/** A file to parse. */
export interface SpecFile {
  readonly name: string;
  readonly text: string;
  readonly order: number;
}

/** All lines: the parser's own counter ends where the parser gives up. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1);
  return lines;
}

function parse(
  text: string,
): { root?: Document.Parsed; problem?: SyntaxProblem } {
  try {
    const root = parseDocument(text, {
      customTags: withoutHex,
      // Above 2^53 a number would be rounded silently.
      intAsBigInt: true,
      // "silent" would also keep a second document to itself.
      logLevel: "error",
      prettyErrors: false,
      // Reported by the walk, which knows where the first one is.
      uniqueKeys: false,
    });
    return { root };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The parser recurses: "[[[[…" ends its stack.
    return { problem: { message: "Nested too deeply", start: 0, end: 1 } };
  }
}

/** YAML would read an unquoted address as a number with six digits left. */
function withoutHex(tags: Tags): Tags {
  return tags.filter((tag) =>
    typeof tag === "string" ||
    !("format" in tag && (tag.format === "HEX" || tag.format === "OCT"))
  );
}

/** The value at a path below another; undefined when there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(
    (inside, step) =>
      typeof inside === "object" && inside !== null &&
        Object.hasOwn(inside, step)
        ? (inside as Record<string | number, unknown>)[step]
        : undefined,
    value,
  );
}
