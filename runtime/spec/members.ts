/**
 * Members of an object: read together, so that one mistake is one message.
 *
 * @module
 */
import type { Config, Field, Fields, JsonSchema, Place } from "./field.ts";
import { enumerate, nearest, suggestion } from "./suggestion.ts";

/**
 * Read an object's members, reporting unknown and missing ones. A misspelt
 * name is read as the one that was meant, so that one mistake is one message
 * and nothing that depends on the member is in doubt.
 */
export function readFields<F extends Fields>(
  members: F,
  value: Readonly<Record<string, unknown>>,
  place: Place,
): Config<F> | undefined {
  const { broken, config } = readMembers(members, value, place);
  return broken.size === 0 ? config as Config<F> : undefined;
}

/** Members as far as they could be read. */
export interface ReadMembers<F extends Fields> {
  readonly config: Partial<Config<F>>;
  /** Names of the members that are missing or wrong. */
  readonly broken: ReadonlySet<string>;
}

/** As {@linkcode readFields}, with what could be read. */
export function readMembers<F extends Fields>(
  members: F,
  value: Readonly<Record<string, unknown>>,
  place: Place,
): ReadMembers<F> {
  const of = place.owner ? ` in ${place.owner}` : "";
  const { unknown, written } = matchNames(Object.keys(members), value);
  for (const { free, key } of unknown) {
    const near = suggestion(key, free);
    const legal = free.length > 0 ? free : Object.keys(members);
    const hint = near ?? `fields: ${enumerate(legal)}`;
    place.at(key).report(`Unknown field "${key}"${of}`, hint, { key: true });
  }
  const broken = new Set<string>();
  const config: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(members)) {
    const key = written.get(name);
    if (key === undefined && member.required) {
      broken.add(name);
      place.report(`Missing field "${name}"${of}`, member.doc, { key: true });
    }
    const one =
      key === undefined || isLeftOut(member, value[key], place.at(key))
        ? member.fallback
        : value[key];
    if (one === undefined) continue;
    const read = member.read(one, place.at(key ?? name));
    if (read === undefined) broken.add(name);
    config[name] = read;
  }
  return { config: config as Partial<Config<F>>, broken };
}

/** `password: "${PASSWORD:-}"` without a password is no password at all. */
function isLeftOut(
  member: Field<unknown>,
  value: unknown,
  place: Place,
): boolean {
  return !member.required && value === "" && place.interpolated;
}

/** Which key holds which member. */
export interface MatchedNames {
  /** The key of each member that is there, misspelt or not. */
  readonly written: ReadonlyMap<string, string>;
  /** Keys that are no member, and the members that were free for them. */
  readonly unknown: readonly {
    readonly key: string;
    readonly free: readonly string[];
  }[];
}

/** Find the keys of members; a misspelt one is that of the nearest member. */
export function matchNames(
  names: readonly string[],
  value: Readonly<Record<string, unknown>>,
): MatchedNames {
  const written = new Map(
    names.filter((name) => Object.hasOwn(value, name))
      .map((name) => [name, name]),
  );
  const unknown = Object.keys(value)
    .filter((key) => !names.includes(key))
    .map((key) => {
      const free = names.filter((name) => !written.has(name));
      const meant = nearest(key, free);
      if (meant) written.set(meant, key);
      return { key, free };
    });
  return { written, unknown };
}

/** The editor schema of an object with these members. */
export function objectSchema(members: Fields): JsonSchema {
  const required = Object.entries(members)
    .filter(([, { required }]) => required)
    .map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(members).map(([name, one]) => [name, described(one)]),
    ),
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
  };
}

/** The editor schema of a field with its words. */
export function described(field: Field<unknown>): JsonSchema {
  const { doc, fallback, schema } = field;
  return {
    description: doc,
    ...(fallback === undefined ? {} : { default: fallback }),
    ...schema,
  };
}

/** What to do about a value that should have been text. */
export function textHint(value: unknown): string | undefined {
  if (["number", "bigint", "boolean"].includes(typeof value)) {
    return "put it in quotes";
  }
  // `{case}` without quotes: YAML reads a map with one empty member.
  return isObject(value) && Object.values(value).every((one) => one === null)
    ? "text that starts with { needs quotes"
    : undefined;
}

/** Longer text says no more about a mistake, and fills the screen. */
const longestShown = 80;

/** A value as a message shows it. */
export function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value !== "string") return String(value);
  return value.length > longestShown
    ? `"${value.slice(0, longestShown)}…"`
    : `"${value}"`;
}

/** Whether a value is a map of names to values. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
