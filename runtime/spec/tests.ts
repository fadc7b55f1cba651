/**
 * Inline tests of a spec: rows that go in, rows that must come out.
 *
 * Rows are partial. A column that `given` leaves out is null, also where the
 * column never is in a real row; a column that `expect` leaves out may hold
 * anything. The rows of an output come in the order in which they went in,
 * so `expect` lists all of them, in order. Outputs that `expect` does not
 * name are not looked at.
 *
 * @module
 */
import type { Row, Schema, Value } from "../row.ts";
import { columnHint } from "./column.ts";
import { covers } from "./covers.ts";
import { errorsName } from "./draft.ts";
import type { Field, Place } from "./field.ts";
import { fields } from "./fields.ts";
import { readLiteral } from "./literal.ts";
import { isObject, readFields, shown } from "./members.ts";
import { errorSchema, type Port, portName, type SpecTest } from "./spec.ts";
import { enumerate, nearest, suggestion } from "./suggestion.ts";

/** The `tests:` of a spec as written. */
export interface WrittenTests {
  readonly place: Place;
  readonly value: unknown;
}

/** Outputs by stage; undefined for a stage that is broken. */
export type KnownOutputs = ReadonlyMap<
  string,
  Readonly<Record<string, Schema>> | undefined
>;

/** Read the tests of a spec; whatever is wrong with them is reported. */
export function readTests(
  { place, value }: WrittenTests,
  outputs: KnownOutputs,
): SpecTest[] {
  if (value === null) return [];
  if (!Array.isArray(value)) {
    place.report(
      `Expected a list of tests, found ${shown(value)}`,
      "write - name: …",
    );
    return [];
  }
  return value.flatMap((one, index) => {
    const at = place.at(index);
    if (isObject(one)) return readTest(one, at, outputs) ?? [];
    at.report(`Expected a test, found ${shown(one)}`, "write - name: …");
    return [];
  });
}

/** Rows by the port that they stand at. */
interface RowsAt {
  readonly port: Port;
  readonly place: Place;
  readonly rows: readonly Readonly<Record<string, Value>>[];
  readonly schema: Schema;
}

function readTest(
  value: Readonly<Record<string, unknown>>,
  place: Place,
  outputs: KnownOutputs,
): SpecTest | undefined {
  const read = readFields(
    {
      name: fields.string("What it proves"),
      given: rowsByPort("Rows that go in, by output", outputs, false),
      expect: rowsByPort("Rows that must come out, by output", outputs, true),
    },
    value,
    { ...place, owner: "test" },
  );
  if (!read) return undefined;
  return {
    name: read.name,
    given: read.given.map(({ port, rows, schema }) => ({
      port,
      rows: rows.map((row) => completed(row, schema)),
    })),
    expect: read.expect.map(({ place, port, rows }) => ({
      port,
      rows: rows.map(partial),
      written: rows,
      ...(place.span ? { span: place.span({ key: true }) } : {}),
    })),
  };
}

function rowsByPort(
  doc: string,
  outputs: KnownOutputs,
  rejects: boolean,
): Field<readonly RowsAt[]> {
  return {
    doc,
    required: true,
    schema: { type: "object" },
    read(value, place) {
      if (!isObject(value)) {
        return place.report(
          `Expected outputs and their rows, found ${shown(value)}`,
          "write { stage.output: [{ column: value }] }",
        );
      }
      const read = Object.entries(value)
        .map(([text, rows]) => {
          const port = findPort(text, place.at(text), { outputs, rejects });
          return port && readRows(rows, place.at(text), port);
        });
      return read.every((one) => one !== undefined) ? read : undefined;
    },
  };
}

interface FoundPort {
  readonly port: Port;
  /** Undefined when the stage is broken. */
  readonly schema: Schema | undefined;
}

function findPort(
  text: string,
  place: Place,
  options: { readonly outputs: KnownOutputs; readonly rejects: boolean },
): FoundPort | undefined {
  const { outputs, rejects } = options;
  if (text === errorsName && rejects) {
    return {
      port: { stage: errorsName, port: errorsName },
      schema: errorSchema,
    };
  }
  const [stage = "", ...rest] = text.split(".");
  const key = { key: true };
  if (!outputs.has(stage)) {
    const names = [...outputs.keys()];
    const near = nearest(stage, names);
    return place.report(
      `Unknown stage "${stage}"`,
      near && rest.length > 0
        ? `did you mean "${[near, ...rest].join(".")}"?`
        : suggestion(stage, names, "stages"),
      key,
    );
  }
  const ports = outputs.get(stage);
  const names = Object.keys(ports ?? {});
  const port = rest.length > 0 ? rest.join(".") : names[0] ?? "";
  // What is wrong with a stage has been said.
  if (!ports) return { port: { stage, port }, schema: undefined };
  const schema = Object.hasOwn(ports, port) ? ports[port] : undefined;
  const all = enumerate(names.map((name) => `${stage}.${name}`));
  if (rest.length === 0 && names.length !== 1) {
    return place.report(
      `"${stage}" has several outputs`,
      `use one of: ${all}`,
      key,
    );
  }
  if (schema) return { port: { stage, port }, schema };
  return place.report(
    `"${stage}" has no output "${port}"`,
    `use one of: ${all}`,
    key,
  );
}

function readRows(
  value: unknown,
  place: Place,
  { port, schema }: FoundPort,
): RowsAt | undefined {
  if (!Array.isArray(value)) {
    return place.report(
      `Expected a list of rows, found ${shown(value)}`,
      "write [{ column: value }], or [] for no row",
    );
  }
  if (!schema) return undefined;
  const rows = value.map((row, index) =>
    readRow(row, place.at(index), { port, schema })
  );
  if (!rows.every((row) => row !== undefined)) return undefined;
  return { port, place, rows, schema };
}

function readRow(
  value: unknown,
  place: Place,
  { port, schema }: { readonly port: Port; readonly schema: Schema },
): Readonly<Record<string, Value>> | undefined {
  if (!isObject(value)) {
    return place.report(
      `Expected a row, found ${shown(value)}`,
      "write { column: value }",
    );
  }
  const read = Object.entries(value).map(([name, one]) => {
    const at = place.at(name);
    const column = schema.find((one) => one.name === name);
    if (!column) {
      return at.report(
        `"${portName(port)}" has no column "${name}"`,
        columnHint(name, schema),
        { key: true },
      );
    }
    if (one === null) return [name, null] as const;
    const literal = readLiteral(one, column.type, at, { anyLength: true });
    return literal === undefined ? undefined : [name, literal] as const;
  });
  return read.every((one) => one !== undefined)
    ? Object.fromEntries(read)
    : undefined;
}

function completed(
  row: Readonly<Record<string, Value>>,
  schema: Schema,
): Row {
  return Object.fromEntries(
    schema.map(({ name }) => [name, row[name] ?? null]),
  );
}

function partial(wanted: Readonly<Record<string, Value>>) {
  const columns = Object.keys(wanted);
  const matches = (row: Row) =>
    columns.every((name) => covers(row[name] ?? null, wanted[name] ?? null));
  return Object.assign(matches, { columns });
}
