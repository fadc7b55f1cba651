/**
 * Reads one component's fields and lets the component look at them.
 *
 * @module
 */
import { SpecError, UserError } from "../errors.ts";
import type { Fields, Place } from "./field.ts";
import { readMembers } from "./members.ts";

/** Fields of the language and of the component itself. */
export interface ReadComponent {
  // deno-lint-ignore no-explicit-any -- the component knows its type
  readonly config: any;
  readonly common: Readonly<Record<string, unknown>>;
  /** Members that are missing or wrong. */
  readonly broken: ReadonlySet<string>;
}

/** Read all fields and part them. */
export function readComponent(
  fields: { readonly own: Fields; readonly common: Fields },
  value: Readonly<Record<string, unknown>>,
  place: Place,
): ReadComponent {
  const { common, own } = fields;
  const { broken, config } = readMembers({ ...common, ...own }, value, place);
  return { config: pick(own, config), common: pick(common, config), broken };
}

function pick(fields: Fields, read: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(read).filter(([name]) => Object.hasOwn(fields, name)),
  );
}

/**
 * Run a component's own check; whether it found no mistake. What it throws
 * at the user is one.
 */
export function runCheck(
  place: Place,
  check: (place: Place) => void,
): boolean {
  let failed = false;
  const watch = (inner: Place): Place => ({
    ...inner,
    report(message, hint, options) {
      if (options?.severity !== "warning") failed = true;
      return inner.report(message, hint, options);
    },
    at: (key) => watch(inner.at(key)),
  });
  try {
    check(watch(place));
  } catch (error) {
    if (!(error instanceof SpecError || error instanceof UserError)) {
      throw error;
    }
    place.report(error.message, undefined, { key: true });
    failed = true;
  }
  return !failed;
}

/**
 * What a function makes of a config with broken members; undefined when it
 * looks at one of them. So a wrong rate does not hide the mistakes behind a
 * source, and a wrong list of outputs does not make up any.
 */
export function despite<C extends object, T>(
  broken: ReadonlySet<string>,
  config: C,
  make: (config: C) => T,
): T | undefined {
  const target = Object.assign(
    Object.fromEntries([...broken].map((name) => [name, undefined])),
    config,
  ) as C;
  let touched = false;
  const guarded = new Proxy(target, {
    get(members, name, receiver) {
      if (typeof name === "string" && broken.has(name)) touched = true;
      return Reflect.get(members, name, receiver);
    },
  });
  try {
    const made = make(guarded);
    return touched ? undefined : made;
  } catch {
    // The config is not what its type promises.
    return undefined;
  }
}
