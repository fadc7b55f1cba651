/**
 * Whether rows of several outputs can be read as one.
 *
 * @module
 */
import type { Schema } from "../row.ts";
import { enumerate } from "./suggestion.ts";

/** An output's columns and its name in a spec. */
export interface NamedSchema {
  readonly text: string;
  readonly schema: Schema;
}

/** Say why two outputs cannot be merged; undefined when they can. */
export function sameColumns(
  a: NamedSchema,
  b: NamedSchema,
): { readonly message: string; readonly hint: string } | undefined {
  const types = new Map(b.schema.map(({ name, type }) => [name, type]));
  const names = new Set(a.schema.map(({ name }) => name));
  const onlyA = a.schema.filter(({ name }) => !types.has(name));
  const onlyB = b.schema.filter(({ name }) => !names.has(name));
  const differing = a.schema.flatMap(({ name, type }) => {
    const other = types.get(name);
    return other === undefined || other === type
      ? []
      : `${name} is ${type} and ${other}`;
  });
  const differences = [
    ...differing,
    ...missing(onlyA, a.text),
    ...missing(onlyB, b.text),
  ];
  if (differences.length === 0) return undefined;
  return {
    message: `Cannot read "${a.text}" and "${b.text}" as one: ` +
      "their columns differ",
    hint: differences.join("; "),
  };
}

function missing(schema: Schema, text: string): string[] {
  if (schema.length === 0) return [];
  const names = schema.map(({ name }) => name);
  // Two different tables: a few names show which.
  const shown = names.length > 4
    ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`
    : enumerate(names);
  return [`only ${text} has ${shown}`];
}
