/**
 * YAML's nodes as plain values.
 *
 * @module
 */
import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
} from "./yaml.ts";
import type { Problems } from "./diagnostics.ts";
import type { SpecDocument } from "./document.ts";
import { sensitiveKey, sensitiveParts } from "./secrets.ts";

/** A stretch of a file's text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Values that aliases may repeat. No spec comes near it; a few nested ones
 * make billions ("billion laughs").
 */
const mostRepeated = 10_000;

/** Deeper than any spec; a recursive walk needs an end. */
const deepest = 100;

/** What reading a tree needs. */
export interface TreeOptions {
  readonly document: SpecDocument;
  readonly problems: Problems;
  /** Keeps a stretch of text out of what is shown. */
  mask(range: Range): void;
}

/**
 * Read a document's nodes; undefined when they cannot be read as they were
 * meant: half of a file would have mistakes that the whole one has not.
 */
export function readTree(
  root: Document.Parsed | undefined,
  options: TreeOptions,
): unknown {
  const reader = new Reader(options);
  const value = reader.read(root);
  return reader.failed ? undefined : value;
}

class Reader {
  readonly #options: TreeOptions;
  readonly #targets = new Map<Alias, Node | undefined>();
  #repeated = 0;
  failed = false;

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  read(root: Document.Parsed | undefined): unknown {
    return root?.contents ? this.#read(root.contents, [root]) : null;
  }

  #read(node: unknown, above: readonly unknown[]): unknown {
    if (this.failed) return null;
    const alias = above.find(isAlias);
    if (alias && ++this.#repeated > mostRepeated) {
      return this.#fail(alias, "Too many values through aliases");
    }
    if (above.length > deepest) return this.#fail(node, "Nested too deeply");
    const inside = [...above, node];
    if (isAlias(node)) {
      const target = this.#target(node, above[0] as Document.Parsed);
      if (!target) {
        return this.#fail(
          node,
          `Unknown alias "*${node.source}"`,
          "text that starts with * needs quotes",
        );
      }
      if (!above.includes(target)) return this.#read(target, inside);
      return this.#fail(node, `"${node.source}" contains itself`);
    }
    if (isSeq(node)) return node.items.map((item) => this.#read(item, inside));
    if (isMap(node)) return this.#map(node.items, inside);
    return isScalar(node) ? this.#scalar(node) : null;
  }

  /** Finding an anchor walks the whole document: once for each alias. */
  #target(alias: Alias, root: Document.Parsed): Node | undefined {
    if (this.#targets.has(alias)) return this.#targets.get(alias);
    const target = alias.resolve(root);
    this.#targets.set(alias, target);
    return target;
  }

  #map(items: readonly unknown[], inside: readonly unknown[]): unknown {
    const read = new Map<string, unknown>();
    const places = new Map<string, unknown>();
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const key = keyText(pair.key);
      if (key === undefined) {
        this.#report(
          pair.key,
          "Expected a name before the colon",
          "text that starts with { needs quotes",
        );
        continue;
      }
      if (key === "<<") {
        this.#fail(
          pair.key,
          "Merge keys are not supported",
          "write the fields out",
        );
        continue;
      }
      if (read.has(key)) {
        const first = rangeOf(places.get(key));
        const { line } = this.#options.document.span(first?.start ?? 0, 0);
        this.#report(
          pair.key,
          `Duplicate key "${key}"`,
          `the first one is on line ${line}`,
        );
        continue;
      }
      places.set(key, pair.key);
      this.#mask(key, pair.value);
      read.set(key, this.#read(pair.value, inside));
    }
    return Object.fromEntries(read);
  }

  #scalar(node: { value: unknown; source?: string; type?: string }): unknown {
    const { value, source } = node;
    if (typeof value === "bigint") {
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    if (typeof value !== "string") return value;
    if (node.type === "PLAIN" && /^0x[0-9a-fA-F]+$/.test(value)) {
      this.#report(
        node,
        `Unquoted hex ${value} is a number to editors and other tools`,
        `write "${source ?? value}" in quotes`,
        "warning",
      );
    }
    return value;
  }

  /** Passwords are not shown even in files that cannot be understood. */
  #mask(key: string, value: unknown): void {
    const range = rangeOf(value);
    if (!range || !isScalar(value)) return;
    if (typeof value.value === "boolean" || value.value === null) return;
    const text = this.#options.document.text.slice(range.start, range.end);
    if (sensitiveKey.test(key) && !text.includes("${")) {
      this.#options.mask(range);
    }
    for (const { start, end } of sensitiveParts(text)) {
      const part = { start: range.start + start, end: range.start + end };
      this.#options.mask(part);
      const origin = { document: this.#options.document, ...part };
      this.#options.problems.add(origin, "Literal secret in a URL", {
        hint: "write ${NAME} in its place and set NAME in the environment",
        severity: "warning",
      });
    }
  }

  #fail(node: unknown, message: string, hint?: string): null {
    this.failed = true;
    return this.#report(node, message, hint);
  }

  #report(
    node: unknown,
    message: string,
    hint?: string,
    severity?: "warning",
  ): null {
    const range = rangeOf(node) ?? { start: 0, end: 0 };
    this.#options.problems.add(
      { document: this.#options.document, ...range },
      message,
      {
        hint,
        severity,
      },
    );
    return null;
  }
}

/** The text of a map's key; undefined when it is no text. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar(key) || key.value === null) return undefined;
  return String(key.value);
}

/** Where a node stands; undefined for what is no node. */
export function rangeOf(node: unknown): Range | undefined {
  const isNode = isScalar(node) || isCollection(node) || isAlias(node);
  if (!isNode || !node.range) return undefined;
  const [start, end] = node.range;
  return { start, end };
}

/** Where the first key of a map stands. */
export function firstKey(node: unknown): Range | undefined {
  return isMap<Node>(node) ? rangeOf(node.items[0]?.key) : undefined;
}
