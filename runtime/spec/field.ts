/**
 * What a field of a component is: its words, its editor schema, its reader.
 *
 * @module
 */
import type { Schema } from "../row.ts";
import type { Span } from "./diagnostics.ts";
import type { TableSchema } from "./table.ts";

/** A JSON Schema (draft 2020-12) fragment, for editors. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Where in the spec a value stands, and how to complain about it. */
export interface Place {
  /** Path from the root of the document: `["sinks", "a", "path"]`. */
  readonly path: readonly (string | number)[];
  /** Folder of the spec file; files that a spec reads are relative to it. */
  readonly folder: string;
  /** Whether the text came out of `${…}`: then "5" may become 5. */
  readonly interpolated: boolean;
  /** Columns of the stage's input; undefined for sources and connections. */
  readonly input: Schema | undefined;
  /** What the value is a part of, for messages: "evm.chain source". */
  readonly owner?: string | undefined;
  /**
   * Report a mistake and return undefined, so that a reader can say
   * `return place.report(…)`.
   *
   * @param message What is wrong: capital letter, no final period.
   * @param hint How to mend it; stands behind the carets.
   */
  report(message: string, hint?: string, options?: ReportOptions): undefined;
  /** Say that the value is a secret: it is redacted, a literal is warned of. */
  secret?(): void;
  /**
   * Open a YAML file that the spec refers to, a path from the spec's folder
   * or one that comes with the program; what is wrong with it is reported.
   *
   * @param owner What it is, for messages about its fields: "plan".
   * @returns undefined when there is no such file.
   */
  document?(file: string | URL, owner: string): PlacedDocument | undefined;
  /** Where it stands in its file, for messages of later. */
  span?(options?: Pick<ReportOptions, "key">): Span;
  /** The place of an item or member. */
  at(key: string | number): Place;
}

/** A file that a spec refers to. */
export interface PlacedDocument {
  /** Undefined when it is no YAML. */
  readonly value: unknown;
  readonly place: Place;
}

/** How a mistake is shown. */
export interface ReportOptions {
  /** Underline the key instead of the value. */
  readonly key?: boolean;
  /** Underline only this part of the text. */
  readonly part?: string;
  /** "error" when absent; a warning does not fail the check. */
  readonly severity?: "error" | "warning";
}

/** One field of a component or of an object inside one. */
export interface Field<T> {
  /** One sentence; editor hover and reference page. */
  readonly doc: string;
  readonly required: boolean;
  /** The value when it is left out, as it would be written in YAML. */
  readonly fallback?: unknown;
  /** Values are redacted everywhere; a literal is warned about. */
  readonly secret?: boolean;
  /** For editors: the schema of the value as written. */
  readonly schema: JsonSchema;
  /** Members, when the value is an object with fields of its own. */
  readonly members?: Fields;
  /** The field of each item, when the value is a list or a map. */
  readonly item?: Field<unknown>;
  /** What its file looks like, when the value names a table. */
  readonly table?: TableSchema;
  /** What the value is, in a word or two: "column", "duration". */
  readonly noun?: string;
  /**
   * Turn the written value into the typed one, or report and return
   * undefined. Never throws.
   */
  read(value: unknown, place: Place): T | undefined;
}

/** Named fields. */
// deno-lint-ignore no-explicit-any -- a record of fields of any value type
export type Fields = Readonly<Record<string, Field<any>>>;

/** The typed values that a set of fields yields. */
export type Config<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};
