/**
 * The fields of a stage that name connections.
 *
 * @module
 */
import type { Component } from "../component.ts";
import { connectionTypes } from "./common_fields.ts";
import type { Field, Fields, Place } from "./field.ts";
import type { StagesOptions } from "./stages.ts";
import { enumerate, suggestion } from "./suggestion.ts";

/** Which connections there are. */
type KnownConnections = Pick<StagesOptions, "complete" | "connections">;

/** Names of connections by the fields that hold them. */
export function connectionNames(
  definition: Component,
  common: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(connectionTypes(definition)).flatMap((field) => {
      const name = common[field];
      return typeof name === "string" ? [[field, name]] : [];
    }),
  );
}

/** The fields that name connections, knowing which there are. */
export function connectionFields(
  definition: Component,
  options: KnownConnections,
): Fields {
  return Object.fromEntries(
    Object.entries(connectionTypes(definition)).map(([name, type]) => {
      const required = definition.kind !== "transform";
      return [name, connectionField(type, { ...options, required })];
    }),
  );
}

function connectionField(
  type: string,
  { complete, connections, required }: KnownConnections & {
    readonly required: boolean;
  },
): Field<string> {
  const fitting = [...connections.values()]
    .filter((one) => one.definition?.type === type)
    .map(({ name }) => name);
  const hint = fitting.length > 0
    ? `${type} connections: ${enumerate(fitting)}`
    : `add connections: { name: { type: ${type} } }`;
  return {
    doc: hint,
    required,
    schema: { type: "string" },
    read(value: unknown, place: Place) {
      if (typeof value !== "string" || value === "") {
        return place.report("Expected the name of a connection", hint);
      }
      const found = connections.get(value);
      if (!found && !complete) return value;
      if (!found) {
        return place.report(
          `Unknown connection "${value}"`,
          fitting.length > 0
            ? suggestion(value, fitting, `${type} connections`)
            : hint,
        );
      }
      const wrong = found.definition && found.definition.type !== type;
      return wrong
        ? place.report(
          `Expected a connection of type ${type}, "${value}" is of type ` +
            `${found.definition?.type}`,
          hint,
        )
        : value;
    },
  };
}
