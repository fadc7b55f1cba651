/**
 * As much of JSON Schema (draft 2020-12) as the pipeline schema uses.
 *
 * @module
 */
import type { JsonSchema } from "../../../runtime/spec/field.ts";

/** What is wrong with a value, as `path keyword`; empty when it is valid. */
export function validate(
  value: unknown,
  schema: JsonSchema,
  root = schema,
  path = "",
): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    const check = keywords[keyword];
    if (!check) throw new Error(`Unknown keyword "${keyword}"`);
    return check({ value, rule, schema, root, path });
  });
}

interface Context {
  readonly value: unknown;
  // deno-lint-ignore no-explicit-any -- a rule has any shape
  readonly rule: any;
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
  readonly path: string;
}

const nothing = () => [];

const keywords: Readonly<Record<string, (context: Context) => string[]>> = {
  $schema: nothing,
  $defs: nothing,
  title: nothing,
  description: nothing,
  default: nothing,
  examples: nothing,
  enumDescriptions: nothing,
  then: nothing,
  type: ({ path, rule, value }) =>
    [rule].flat().includes(typeOf(value)) ||
      (typeOf(value) === "integer" && [rule].flat().includes("number"))
      ? []
      : [`${path} type`],
  enum: ({ path, rule, value }) => rule.includes(value) ? [] : [`${path} enum`],
  const: ({ path, rule, value }) => value === rule ? [] : [`${path} const`],
  pattern: ({ path, rule, value }) =>
    typeof value !== "string" || new RegExp(rule).test(value)
      ? []
      : [`${path} pattern`],
  minimum: ({ path, rule, value }) =>
    typeof value === "number" && value < rule ? [`${path} minimum`] : [],
  maximum: ({ path, rule, value }) =>
    typeof value === "number" && value > rule ? [`${path} maximum`] : [],
  minItems: ({ path, rule, value }) =>
    Array.isArray(value) && value.length < rule ? [`${path} minItems`] : [],
  required: ({ path, rule, value }) =>
    isMap(value)
      ? rule.filter((name: string) => !Object.hasOwn(value, name))
        .map((name: string) => `${path}/${name} required`)
      : [],
  properties: ({ path, root, rule, value }) =>
    isMap(value)
      ? Object.entries(value).flatMap(([name, one]) =>
        rule[name] ? validate(one, rule[name], root, `${path}/${name}`) : []
      )
      : [],
  propertyNames: ({ path, root, rule, value }) =>
    isMap(value)
      ? Object.keys(value).flatMap((name) =>
        validate(name, rule, root, `${path}/${name}`)
      )
      : [],
  additionalProperties: ({ path, root, rule, schema, value }) =>
    isMap(value)
      ? Object.entries(value)
        .filter(([name]) =>
          !isMap(schema["properties"]) ||
          !Object.hasOwn(schema["properties"], name)
        )
        .flatMap(([name, one]) =>
          rule === false
            ? [`${path}/${name} additionalProperties`]
            : validate(one, rule, root, `${path}/${name}`)
        )
      : [],
  items: ({ path, root, rule, value }) =>
    Array.isArray(value)
      ? value.flatMap((one, index) =>
        validate(one, rule, root, `${path}/${index}`)
      )
      : [],
  anyOf: ({ path, root, rule, value }) => {
    const tried: string[][] = rule.map((one: JsonSchema) =>
      validate(value, one, root, path)
    );
    return tried.some((wrong) => wrong.length === 0) ? [] : tried.flat();
  },
  allOf: ({ path, root, rule, value }) =>
    rule.flatMap((one: JsonSchema) => validate(value, one, root, path)),
  if: ({ path, root, rule, schema, value }) =>
    validate(value, rule, root, path).length > 0
      ? []
      : validate(value, schema["then"] as JsonSchema, root, path),
  $ref: ({ path, root, rule, value }) => {
    const name = rule.replace("#/$defs/", "");
    return validate(
      value,
      (root["$defs"] as Record<string, JsonSchema>)[name] ?? {},
      root,
      path,
    );
  },
};

function isMap(value: unknown): value is Record<string, unknown> {
  return typeOf(value) === "object";
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
