/**
 * Connections: which are wanted, and whether they are right.
 *
 * @module
 */
import { commonFields, connectionFieldName } from "./common_fields.ts";
import { readComponent, runCheck } from "./component_check.ts";
import type { Draft } from "./draft.ts";
import { isIncomplete } from "./place.ts";

/** The name of the connection that a stage wants, if it can be read. */
export function connectionNameOf(
  { definition, value, written }: Draft,
): unknown {
  const name = definition ? connectionFieldName(definition) : "connection";
  const key = written.get(name);
  return key === undefined ? undefined : value?.[key];
}

/** Check a connection; its typed config, or undefined when it is broken. */
export function checkConnection(
  { definition, place, source, value }: Draft,
): unknown {
  if (!value || definition?.kind !== "connection") return undefined;
  const { fields: own } = definition;
  const read = readComponent(
    { common: commonFields(definition), own },
    value,
    place,
  );
  // With a value missing in the environment its check would be a guess.
  if (read.broken.size > 0 || isIncomplete(place.path, source)) {
    return undefined;
  }
  const { config } = read;
  return runCheck(place, (place) => definition.check?.({ config, place }))
    ? config
    : undefined;
}
