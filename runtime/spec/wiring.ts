/**
 * How stages hang together: what each `from:` means.
 *
 * @module
 */
import type { Column, Schema } from "../row.ts";
import { from as fromField } from "./common_fields.ts";
import { type Draft, errorsName } from "./draft.ts";
import type { InputField } from "../component.ts";
import type { Place } from "./field.ts";
import { isObject } from "./members.ts";
import { sameColumns } from "./merge.ts";
import { errorSchema, type Port } from "./spec.ts";
import { enumerate, nearest, suggestion } from "./suggestion.ts";

/** One name in a `from:`. */
export interface Reference {
  /** As written. */
  readonly text: string;
  /** The field of a source that holds it; undefined: `from`. */
  readonly field?: string;
  /** Whether the names behind the output are a column's. */
  readonly column?: boolean;
  readonly stage: string;
  /** Undefined: all outputs. */
  readonly port: string | undefined;
  readonly place: Place;
}

/** What is known about a stage after its check. */
export interface Outputs {
  /** Undefined when the stage is broken. */
  readonly outputs: Readonly<Record<string, Schema>> | undefined;
  /** Sources that its rows come from. */
  readonly sources: readonly string[];
}

/** What a stage reads. */
export interface Input {
  readonly ports: readonly Port[];
  /** Undefined when it cannot be known. */
  readonly schema: Schema | undefined;
  readonly sources: readonly string[];
}

/** The outputs that a draft names; none when they cannot be read. */
export function referencesOf(draft: Draft): readonly Reference[] {
  if (draft.definition?.kind === "source") return sourceReferences(draft);
  const key = draft.written.get("from");
  const value = key === undefined ? undefined : draft.value?.[key];
  if (key === undefined || value === undefined) return [];
  const place = draft.place.at(key);
  // What is wrong with its form is reported when all fields are read.
  const quiet: Place = { ...place, report: () => undefined, at: () => quiet };
  const names = fromField.read(value, quiet) ?? [];
  return names.map((text, index) => {
    const [stage = "", ...port] = text.split(".");
    return {
      text,
      stage,
      port: port.length > 0 ? port.join(".") : undefined,
      place: Array.isArray(value) ? place.at(index) : place,
    };
  });
}

/** The outputs that a source names in fields of its own. */
function sourceReferences(draft: Draft): readonly Reference[] {
  const { definition, value, written } = draft;
  if (definition?.kind !== "source") return [];
  const inputs: readonly InputField[] = definition.inputs ?? [];
  return inputs.flatMap(({ column = false, path: [field, ...members] }) => {
    const key = written.get(field);
    if (key === undefined) return [];
    let text: unknown = value?.[key];
    let place = draft.place.at(key);
    for (const member of members) {
      text = isObject(text) ? text[member] : undefined;
      place = place.at(member);
    }
    if (typeof text !== "string" || /^0x/i.test(text)) return [];
    const [stage = "", ...rest] = text.split(".");
    const port = column || rest.length === 0 ? undefined : rest.join(".");
    return [{ text, field, column, stage, port, place }];
  });
}

/** A reference to a column, without the column. */
export function withoutColumn(
  reference: Reference,
  checked: ReadonlyMap<string, Outputs>,
): Reference {
  const { column, stage, text } = reference;
  const [, first = ""] = text.split(".");
  const { outputs } = checked.get(stage) ?? {};
  return column && outputs && Object.hasOwn(outputs, first)
    ? { ...reference, port: first }
    : reference;
}

/** What resolving a `from:` needs. */
export interface WiringOptions {
  readonly named: ReadonlyMap<string, Draft>;
  readonly checked: ReadonlyMap<string, Outputs>;
}

/** Resolve what a stage reads; whatever is wrong with it is reported. */
export function resolveInput(
  draft: Draft,
  references: readonly Reference[],
  options: WiringOptions,
): Input {
  const ports: Port[] = [];
  const sources = new Set<string>();
  let merged: { schema: Schema; text: string } | undefined;
  let broken = references.length === 0;
  for (const reference of references) {
    const resolved = resolve(draft, reference, options);
    if (!resolved) {
      broken = true;
      continue;
    }
    for (const source of resolved.sources) sources.add(source);
    for (const { port, schema, text } of resolved.outputs) {
      const same = ports.some((one) => isSame(one, port));
      if (same) {
        broken = true;
        reference.place.report(`"${text}" is read twice`, "leave one out");
      } else if (merged) {
        const wrong = sameColumns(merged, { schema, text });
        if (wrong) {
          broken = true;
          reportMerge(reference, resolved, wrong);
          break;
        }
        merged = { ...merged, schema: united(merged.schema, schema) };
      } else merged = { schema, text };
      ports.push(port);
    }
  }
  return {
    ports,
    schema: broken ? undefined : merged?.schema,
    sources: [...sources],
  };
}

function reportMerge(
  { place, port, stage }: Reference,
  { outputs }: Resolved,
  { hint, message }: { readonly message: string; readonly hint: string },
): void {
  if (port !== undefined || outputs.length < 2) {
    place.report(message, hint);
  } else {
    place.report(
      `The outputs of "${stage}" have different columns`,
      `read one of: ${enumerate(outputs.map(({ text }) => text))}`,
    );
  }
}

interface Resolved {
  readonly outputs: readonly {
    readonly port: Port;
    readonly schema: Schema;
    readonly text: string;
  }[];
  readonly sources: readonly string[];
}

/** The outputs that a reference means; undefined when they are not known. */
function resolve(
  draft: Draft,
  { place, port, stage, text }: Reference,
  { checked, named }: WiringOptions,
): Resolved | undefined {
  if (text === errorsName) {
    if (draft.kind === "sink") {
      const all = { stage: errorsName, port: errorsName };
      return {
        outputs: [{ port: all, schema: errorSchema, text }],
        sources: [],
      };
    }
    return place.report(
      `Only a sink can read "errors"`,
      "rejected rows leave the pipeline",
    );
  }
  const target = named.get(stage);
  if (!target || target === draft && draft.kind === "sink") {
    const names = [...named.values()]
      .filter(({ kind }) => kind !== "sink")
      .map(({ name }) => name)
      .filter((name) => name !== draft.name);
    const readable = draft.kind === "sink" ? [...names, errorsName] : names;
    const near = nearest(stage, readable);
    return place.report(
      `Unknown stage "${stage}"`,
      near && port !== undefined
        ? `did you mean "${near}.${port}"?`
        : suggestion(stage, readable, "stages"),
    );
  }
  if (target.kind === "sink") {
    return place.report(
      `"${stage}" is a sink: nothing comes out of it`,
      "read what it reads",
    );
  }
  const { outputs, sources } = checked.get(stage) ?? {};
  // A stage that is broken itself has had its message.
  if (!outputs || !sources) return undefined;
  const names = Object.keys(outputs);
  if (port !== undefined && !names.includes(port)) {
    return place.report(
      `"${stage}" has no output "${port}"`,
      portHint(target, port, names),
    );
  }
  return {
    outputs: (port === undefined ? names : [port]).map((name) => ({
      port: { stage, port: name },
      schema: outputs[name] ?? [],
      text: `${stage}.${name}`,
    })),
    sources,
  };
}

function portHint(
  target: Draft,
  port: string,
  names: readonly string[],
): string | undefined {
  const { name: stage, place } = target;
  const all = names.map((name) => `${stage}.${name}`);
  const others = all.length > 0 ? `use one of: ${enumerate(all)}` : undefined;
  const emit = target.definition?.fields["emit"]?.schema;
  if (emit && JSON.stringify(emit).includes(JSON.stringify(port))) {
    const add = `add ${port} to ${place.path.join(".")}.emit`;
    return others ? `${add}, or ${others}` : add;
  }
  const near = nearest(port, names);
  if (near) return `did you mean "${stage}.${near}"?`;
  return others;
}

function isSame(a: Port, b: Port): boolean {
  return a.stage === b.stage && a.port === b.port;
}

/** The columns of the first; what may be in one of them may be in both. */
function united(first: Schema, second: Schema): Schema {
  const others = new Map(second.map((column) => [column.name, column]));
  return first.map((column): Column => {
    const { values: _, ...rest } = column;
    const other = others.get(column.name);
    const nullable = column.nullable || other?.nullable;
    // Values that one of them does not know are not known of both.
    const values = column.values && other?.values &&
      [...new Set([...column.values, ...other.values])];
    return {
      ...rest,
      ...(nullable ? { nullable } : {}),
      ...(values ? { values } : {}),
    };
  });
}
