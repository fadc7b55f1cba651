/**
 * A JSON Schema of the pipeline language, for editors: completion, hovers
 * and the same mistakes underlined as by `check`.
 *
 * Each component's fields hang on its `type` by `if`/`then`. With `oneOf` an
 * editor blames an arbitrary branch. What a schema cannot say (names of
 * stages, connections and columns) `check` says.
 *
 * https://json-schema.org/draft/2020-12
 *
 * @module
 */
import type { Component, Registry } from "../component.ts";
import { allFields, specFields } from "./common_fields.ts";
import type { Fields, JsonSchema } from "./field.ts";
import { described, objectSchema } from "./members.ts";
import type { TableSchema } from "./table.ts";

/** `${…}` anywhere in a text: a value that is known when the spec runs. */
const variable = "\\$\\{";

const sections = {
  connections: "connection",
  sources: "source",
  transforms: "transform",
  sinks: "sink",
} as const;

/** Make the schema of all specs that a registry allows. */
export function specSchema(registry: Registry): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(specFields).map(([name, field]) => [
      name,
      name in sections
        ? sectionSchema(name as keyof typeof sections, field.doc)
        : name === "tests"
        ? { description: field.doc, ...testsSchema }
        : acceptVariables(described(field)),
    ]),
  );
  const kinds = Object.values(sections);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Sluice pipeline",
    description: "Generated from the registered components; do not edit",
    type: "object",
    properties,
    additionalProperties: false,
    // A file to include has connections and nothing else.
    if: {
      anyOf: ["name", "sources", "transforms", "sinks", "tests"]
        .map((name) => ({ required: [name] })),
    },
    then: { required: ["name", "sources", "sinks"] },
    $defs: {
      ...Object.fromEntries(
        kinds.map((kind) => [kind, kindSchema(kind, registry)]),
      ),
      ...Object.fromEntries(
        registry.map((one) => [schemaName(one), componentSchema(one)]),
      ),
    },
  };
}

/** The schemas of the tables that specs may name, each once. */
export function tableSchemas(registry: Registry): readonly TableSchema[] {
  const found = new Map<string, TableSchema>();
  const look = (fields: Fields) => {
    for (const { item, members, table } of Object.values(fields)) {
      if (table) found.set(`${table.folder}/${table.noun}`, table);
      if (members) look(members);
      if (item) look({ item });
    }
  };
  for (const { fields } of registry) look(fields);
  return [...found.values()].map(({ schema, ...table }) => ({
    ...table,
    schema: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: `Sluice ${table.noun}`,
      description: "Generated from the registered components; do not edit",
      ...schema,
    },
  }));
}

function sectionSchema(
  section: keyof typeof sections,
  description: string,
): JsonSchema {
  return {
    description,
    type: ["object", "null"],
    propertyNames: { pattern: "^[A-Za-z][A-Za-z0-9_-]*$" },
    additionalProperties: { $ref: `#/$defs/${sections[section]}` },
  };
}

function kindSchema(kind: Component["kind"], registry: Registry): JsonSchema {
  const components = registry.filter((one) => one.kind === kind);
  return {
    type: "object",
    required: ["type"],
    properties: {
      type: {
        description: `What kind of ${kind} it is`,
        enum: components.map(({ type }) => type),
        enumDescriptions: components.map(({ summary }) => summary),
      },
    },
    allOf: components.map((component) => ({
      if: {
        required: ["type"],
        properties: { type: { const: component.type } },
      },
      then: { $ref: `#/$defs/${schemaName(component)}` },
    })),
  };
}

function schemaName({ kind, type }: Component): string {
  return `${type}_${kind}`;
}

function componentSchema(component: Component): JsonSchema {
  const schema = objectSchema(allFields(component));
  const properties = schema["properties"] as JsonSchema;
  return {
    description: component.summary,
    ...acceptVariables({
      ...schema,
      properties: { ...properties, type: { const: component.type } },
    }),
  };
}

const rowsByOutput: JsonSchema = {
  type: "object",
  additionalProperties: { type: "array", items: { type: "object" } },
};

const testsSchema: JsonSchema = {
  type: ["array", "null"],
  items: {
    type: "object",
    required: ["name", "given", "expect"],
    additionalProperties: false,
    properties: {
      name: { type: "string", description: "What it proves" },
      given: {
        description: "Rows that go in, by output; what is left out is null",
        ...rowsByOutput,
      },
      expect: {
        description: "Rows that must come out, by output, in order; what is " +
          "left out may be anything",
        ...rowsByOutput,
      },
    },
  },
};

/** Let `${…}` stand for any value that is not text. */
function acceptVariables(schema: JsonSchema): JsonSchema {
  const inner = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [
      keyword,
      acceptIn(keyword, value),
    ]),
  );
  if ("enum" in inner) {
    const { enum: options, ...rest } = inner;
    const any = { type: "string", pattern: variable };
    return { ...rest, anyOf: [{ enum: options }, any] };
  }
  const { pattern, type } = inner;
  if (["integer", "number", "boolean"].includes(String(type))) {
    // `pattern` looks at texts only.
    return { ...inner, type: [type, "string"], pattern: variable };
  }
  return typeof pattern === "string"
    ? { ...inner, pattern: `(${pattern})|${variable}` }
    : inner;
}

function acceptIn(keyword: string, value: unknown): unknown {
  switch (keyword) {
    case "items":
    case "additionalProperties":
      return isSchema(value) ? acceptVariables(value) : value;
    case "properties":
      return Object.fromEntries(
        Object.entries(value as JsonSchema).map(([name, one]) => [
          name,
          isSchema(one) ? acceptVariables(one) : one,
        ]),
      );
    case "anyOf":
      return (value as JsonSchema[]).map(acceptVariables);
    default:
      return value;
  }
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null;
}
