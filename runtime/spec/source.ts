/**
 * The files of a spec: the spec itself and what it includes.
 *
 * @module
 */
import { dirname, isAbsolute, join } from "node:path";
import { type Inclusion, type Section, specFields } from "./common_fields.ts";
import type { Problems } from "./diagnostics.ts";
import { SpecDocument, type SpecFile } from "./document.ts";
import type { Config } from "./field.ts";
import { type Environment, interpolate, reason } from "./interpolation.ts";
import { isObject, matchNames, readMembers, shown } from "./members.ts";
import { placeAt, type Source } from "./place.ts";
import { suggestion } from "./suggestion.ts";

/** What a spec says at its top level, as far as it can be read. */
export type Top = Partial<Config<typeof specFields>>;

/** Connections and the file that they are in. */
export interface ConnectionSection {
  readonly source: Source;
  readonly section: Section;
}

/** A spec's files. */
export interface SpecFiles {
  /** The spec first, then what it includes. */
  readonly sources: readonly [Source, ...Source[]];
  readonly folder: string;
  readonly top: Top;
  readonly connections: readonly ConnectionSection[];
  /** Whether all of the connections could be read. */
  readonly complete: boolean;
}

/** What reading files needs. */
export interface FilesOptions extends Environment {
  readonly problems: Problems;
}

/** Read a spec and the files that it includes. */
export function readFiles(file: string, options: FilesOptions): SpecFiles {
  const { problems } = options;
  const folder = dirname(file);
  const order = 0;
  const main = readMain(file, { ...options, folder, order });
  const top = readTop(main, { folder, problems });
  const sources: [Source, ...Source[]] = [main];
  const connections: ConnectionSection[] = [];
  if (top.connections) {
    connections.push({ source: main, section: top.connections });
  }
  let complete = isObject(main.value) && top.include?.complete !== false;
  const seen = new Set<string>();
  for (const inclusion of top.include?.files ?? []) {
    const path = under(folder, inclusion.file);
    if (seen.has(path)) {
      inclusion.place.report(
        `"${inclusion.file}" is included twice`,
        "leave one of them out",
      );
      continue;
    }
    seen.add(path);
    const order = sources.length;
    const source = include(path, inclusion, { ...options, folder, order });
    const section = source && readIncluded(source, { folder, problems });
    if (source) sources.push(source);
    if (source && section) connections.push({ source, section });
    else complete = false;
  }
  return { sources, folder, top, connections, complete };
}

interface SourceOptions extends FilesOptions {
  readonly folder: string;
  readonly order: number;
}

function readMain(name: string, options: SourceOptions): Source {
  const { order, problems, read } = options;
  try {
    return readSource({ name, text: read(name), order }, options);
  } catch (error) {
    const empty = { name, text: "", order };
    const document = new SpecDocument(empty, problems);
    problems.add({ document, start: 0, end: 0 }, "Cannot read the file", {
      hint: reason(error),
    });
    return {
      ...interpolate(undefined, options),
      document,
      secretPaths: new Set(),
    };
  }
}

function include(
  name: string,
  { file, place }: Inclusion,
  options: SourceOptions,
): Source | undefined {
  const { order, read } = options;
  try {
    return readSource({ name, text: read(name), order }, options);
  } catch (error) {
    return place.report(`Cannot read "${file}"`, reason(error));
  }
}

function readSource(file: SpecFile, options: SourceOptions): Source {
  const { env, folder, problems, read } = options;
  const document = new SpecDocument(file, problems);
  const readSecret = (path: string) => read(under(folder, path));
  return {
    ...interpolate(document.value, { env, read: readSecret }),
    document,
    secretPaths: new Set(),
    read,
  };
}

interface TopOptions {
  readonly folder: string;
  readonly problems: Problems;
}

function readTop(source: Source, options: TopOptions): Top {
  // A syntax error has been reported.
  if (source.value === undefined) return {};
  const place = placeAt([], { source, ...options });
  if (isObject(source.value)) {
    if (Object.keys(source.value).join() === "connections") {
      const at = place.at("connections");
      at.report(
        "There is no pipeline here, only connections",
        "check or run a pipeline that includes this file",
        { key: true },
      );
      // They can be asked all the same.
      const { connections } = specFields;
      const section = connections.read(source.value["connections"], at);
      return section ? { connections: section } : {};
    }
    return readMembers(specFields, source.value, place).config;
  }
  const found = source.value === null ? "an empty file" : shown(source.value);
  place.report(
    `Expected a pipeline, found ${found}`,
    "start with name:, sources: and sinks:",
  );
  return {};
}

function readIncluded(
  source: Source,
  options: TopOptions,
): Section | undefined {
  if (source.value === undefined) return undefined;
  const place = placeAt([], { source, ...options });
  if (!isObject(source.value)) {
    const found = source.value === null ? "an empty file" : shown(source.value);
    return place.report(
      `Expected connections, found ${found}`,
      "write connections:",
    );
  }
  const { unknown, written } = matchNames(["connections"], source.value);
  for (const { free, key } of unknown) {
    const near = suggestion(key, free);
    place.at(key).report(
      near
        ? `Unknown field "${key}"`
        : `Only connections can be included, found "${key}"`,
      near ?? "move it to the pipeline",
      { key: true },
    );
  }
  const key = written.get("connections");
  if (key !== undefined) {
    return specFields.connections.read(source.value[key], place.at(key));
  }
  if (unknown.length === 0) place.report("Expected connections, found none");
  return undefined;
}

function under(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
