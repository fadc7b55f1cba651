/**
 * Connections: which are wanted, and whether they are right.
 *
 * @module
 */
import type { Component, Registry } from "../component.ts";
import {
  commonFields,
  connectionTypes,
  type WrittenState,
} from "./common_fields.ts";
import { readComponent, runCheck } from "./component_check.ts";
import type { Draft } from "./draft.ts";
import { isIncomplete } from "./place.ts";
import { enumerate, suggestion } from "./suggestion.ts";

/** The names of the connections that a stage wants, if they can be read. */
export function connectionNamesOf(
  { definition, value, written }: Draft,
): unknown[] {
  const fields = definition
    ? Object.keys(connectionTypes(definition))
    : ["connection"];
  return fields.flatMap((name) => {
    const key = written.get(name);
    return key === undefined ? [] : [value?.[key]];
  });
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

/** What {@linkcode checkState} compares with. */
export interface StateCheckOptions {
  readonly registry: Registry;
  /** Connections by name. */
  readonly connections: ReadonlyMap<string, Draft>;
  /** Whether these are all connections that there should be. */
  readonly complete: boolean;
}

/** Check that the state's connection is there and can keep it. */
export function checkState(
  { connection: { name, place } }: WrittenState,
  { complete, connections, registry }: StateCheckOptions,
): void {
  const found = connections.get(name);
  // A connection of unknown type has had its message.
  if (found ? keepsState(found.definition) ?? true : !complete) return;

  const fitting = [...connections.values()]
    .filter(({ definition }) => keepsState(definition))
    .map(({ name }) => name);
  const types = registry.filter(keepsState).map(({ type }) => type);
  const hint = fitting.length > 0
    ? `connections that can keep it: ${enumerate(fitting)}`
    : `types that can keep it: ${enumerate(types)}; without state: it is in ` +
      "a file on this machine";
  if (found) {
    place.report(
      `State cannot be kept in connection "${name}" of type ` +
        `${found.definition?.type}`,
      hint,
    );
    return;
  }
  place.report(
    `Unknown connection "${name}"`,
    fitting.length > 0
      ? suggestion(name, fitting, "connections that can keep it")
      : hint,
  );
}

/** Whether a component can keep state; undefined when it is not known. */
function keepsState(definition: Component | undefined): boolean | undefined {
  if (definition === undefined) return undefined;
  return definition.kind === "connection" &&
    (definition.offers?.includes("state") ?? false);
}
