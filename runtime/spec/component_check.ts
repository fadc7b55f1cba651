/**
 * Reads one component's fields and lets the component look at them.
 *
 * @module
 */
import { SpecError, UserError } from "../errors.ts";
import type { Fields, Place } from "./field.ts";
import { readFields } from "./members.ts";

/** Fields of the language and of the component itself. */
export interface ReadComponent {
  // deno-lint-ignore no-explicit-any -- the component knows its type
  readonly config: any;
  readonly common: Readonly<Record<string, unknown>>;
}

/** Read all fields and part them; undefined when one is wrong. */
export function readComponent(
  fields: { readonly own: Fields; readonly common: Fields },
  value: Readonly<Record<string, unknown>>,
  place: Place,
): ReadComponent | undefined {
  const { common, own } = fields;
  const read: Readonly<Record<string, unknown>> | undefined = readFields(
    { ...common, ...own },
    value,
    place,
  );
  if (!read) return undefined;
  return { config: pick(own, read), common: pick(common, read) };
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
