/**
 * Components as a spec writes them: their names and what kind of thing each
 * claims to be, before their fields are read.
 *
 * @module
 */
import type { Component, Registry } from "../component.ts";
import { allFields, type Section } from "./common_fields.ts";
import type { Problems } from "./diagnostics.ts";
import type { Place } from "./field.ts";
import { isObject, matchNames, shown } from "./members.ts";
import { placeAt, type Source } from "./place.ts";
import type { SpecFiles } from "./source.ts";
import { enumerate, nearest, suggestion } from "./suggestion.ts";

/** The kinds of component. */
export type Kind = Component["kind"];

/** A component before its fields are read. */
export interface Draft {
  readonly kind: Kind;
  readonly name: string;
  readonly source: Source;
  readonly place: Place;
  /** Its fields; undefined when it is no map. */
  readonly value: Readonly<Record<string, unknown>> | undefined;
  /** Undefined when its type is missing or unknown. */
  readonly definition: Component | undefined;
  /** The key of each field that is there, misspelt or not. */
  readonly written: ReadonlyMap<string, string>;
}

/** Stages of one name would be confused with this output. */
export const errorsName = "errors";

/** Everything that a spec names. */
export interface Drafts {
  /** Connections by name, of the spec and of what it includes. */
  readonly connections: ReadonlyMap<string, Draft>;
  /** Stages by name; of two with one name the first. */
  readonly named: ReadonlyMap<string, Draft>;
  /** All stages: sources, then transforms, then sinks. */
  readonly stages: readonly Draft[];
}

/** Draft every component of a spec; doubtful names are reported. */
export function draftSpec(
  { connections, folder, sources: [main], top }: SpecFiles,
  common: { readonly registry: Registry; readonly problems: Problems },
): Drafts {
  const options = { ...common, folder };
  const reached = new Map<string, Draft>();
  for (const { section, source } of connections) {
    const named = reached;
    draftSection("connection", section, { ...options, source, named });
  }
  const named = new Map<string, Draft>();
  const draft = (kind: Kind, section: Section | undefined) =>
    section
      ? draftSection(kind, section, { ...options, source: main, named })
      : [];
  const stages = [
    ...draft("source", top.sources),
    ...draft("transform", top.transforms),
    ...draft("sink", top.sinks),
  ];
  return { connections: reached, named, stages };
}

/** What drafting a section needs. */
export interface DraftOptions {
  readonly registry: Registry;
  readonly problems: Problems;
  readonly folder: string;
  readonly source: Source;
  /** Components with the same set of names; new ones are added. */
  readonly named: Map<string, Draft>;
}

/** Draft every component of a section; doubtful names are reported. */
export function draftSection(
  kind: Kind,
  section: Section,
  options: DraftOptions,
): Draft[] {
  const { named } = options;
  return Object.entries(section.components).map(([name, value]) => {
    const { path } = section.place.at(name);
    const draft = draftOf({ kind, name, path, value }, options);
    checkName(draft, named.get(name));
    if (!named.has(name)) named.set(name, draft);
    return draft;
  });
}

interface Written {
  readonly kind: Kind;
  readonly name: string;
  readonly path: Place["path"];
  readonly value: unknown;
}

function draftOf(
  { kind, name, path, value }: Written,
  { folder, problems, registry, source }: DraftOptions,
): Draft {
  const bare = placeAt(path, { source, problems, folder });
  const draft = { kind, name, source, value: undefined, written: new Map() };
  if (!isObject(value)) {
    bare.report(
      `Expected a ${kind}, found ${shown(value)}`,
      `write ${name}: { type: … }`,
    );
    return { ...draft, place: bare, definition: undefined };
  }
  const definition = findType(kind, value, bare, registry);
  const names = definition ? Object.keys(allFields(definition)) : commonNames;
  const owner = definition && `${definition.type} ${kind}`;
  return {
    ...draft,
    place: placeAt(path, { source, problems, folder, owner }),
    value,
    definition,
    written: matchNames(names, value).written,
  };
}

/** Fields that say how stages hang together. */
const commonNames = ["type", "from", "connection"];

function findType(
  kind: Kind,
  value: Readonly<Record<string, unknown>>,
  place: Place,
  registry: Registry,
): Component | undefined {
  const types = registry.filter((one) => one.kind === kind)
    .map(({ type }) => type);
  const key = Object.hasOwn(value, "type")
    ? "type"
    : Object.keys(value).find((one) => nearest(one, ["type"]));
  if (key === undefined) {
    return place.report(
      `Missing field "type"`,
      `${kind} types: ${enumerate(types)}`,
      { key: true },
    );
  }
  const type = value[key];
  const at = place.at(key);
  if (typeof type !== "string") {
    return at.report(
      `Expected a ${kind} type, found ${shown(type)}`,
      `types: ${enumerate(types)}`,
    );
  }
  const found = registry.find((one) => one.kind === kind && one.type === type);
  if (found) return found;
  const other = registry.find((one) => one.type === type);
  return at.report(
    `Unknown ${kind} type "${type}"`,
    other
      ? `"${type}" is a ${other.kind} type; types: ${enumerate(types)}`
      : suggestion(type, types, "types"),
  );
}

function checkName(draft: Draft, first: Draft | undefined): void {
  const { kind, name, place } = draft;
  if (kind !== "connection" && name === errorsName) {
    place.report(
      `A ${kind} cannot be called "errors"`,
      "that is the output of rejected rows",
      { key: true },
    );
  } else if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) {
    place.report(
      `Cannot call a ${kind} "${name}"`,
      "use letters, digits, _ and -, a letter first",
      { key: true },
    );
  } else if (first) {
    place.report(
      `Duplicate name "${name}": there is a ${first.kind} at ${whereIs(first)}`,
      kind === "connection"
        ? "rename one of them"
        : "sources, transforms and sinks share their names: rename one",
      { key: true },
    );
  }
}

function whereIs({ place, source }: Draft): string {
  const { document } = source;
  const { start, end } = document.locate(place.path, { key: true });
  const { file, line } = document.span(start, end);
  return `${file}:${line}`;
}
