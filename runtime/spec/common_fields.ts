/**
 * Fields that the language itself gives to every component and to a spec.
 *
 * @module
 */
import type { Component } from "../component.ts";
import type { Field, Fields, Place } from "./field.ts";
import { fields, optional } from "./fields.ts";
import { isObject, shown } from "./members.ts";
import type { WrittenTests } from "./tests.ts";

/** The part of a spec that holds components of one kind. */
export interface Section {
  readonly place: Place;
  readonly components: Readonly<Record<string, unknown>>;
}

/** A file to include. */
export interface Inclusion {
  readonly file: string;
  readonly place: Place;
}

/** All files to include. */
export interface Include {
  readonly files: readonly Inclusion[];
  /** Whether there are no others. */
  readonly complete: boolean;
}

/** When a sink gets a unit. */
const deliver = optional(
  fields.either<unknown>([
    fields.choice(
      ["latest", "safe", "finalized"],
      "latest, safe or finalized",
    ),
    fields.object(
      {
        confirmations: fields.integer(
          "Blocks above a block before it is delivered",
          { min: 1 },
        ),
      },
      "{ confirmations: 12 }",
    ),
  ], "When rows are delivered: at once, or when their block is that safe"),
  "latest",
);

const batch = optional(fields.object(
  {
    rows: optional(fields.integer("Most rows in a write", { min: 1 })),
    bytes: optional(fields.size("Most bytes in a write")),
    every: optional(fields.duration("Longest wait of a row for its write")),
  },
  "When rows are written, whichever comes first; the sink's own limits " +
    "otherwise",
));

const renamedFrom = optional(fields.string(
  "The name it had before, so that it goes on where it was",
));

/** A `from:` as written; the wiring resolves it. */
export const from: Field<readonly string[]> = {
  doc: "What it reads: a stage, one output of it (stage.output), or a list",
  required: true,
  noun: "stage, output or list",
  schema: {
    anyOf: [
      { type: "string" },
      { type: "array", items: { type: "string" }, minItems: 1 },
    ],
  },
  read(value, place) {
    const items: unknown[] = Array.isArray(value) ? value : [value];
    if (items.length === 0) {
      return place.report("Expected a stage, found an empty list");
    }
    const names = items.map((item, index) => {
      if (typeof item === "string" && item !== "") return item;
      const at = Array.isArray(value) ? place.at(index) : place;
      return at.report(
        `Expected a stage or one of its outputs, found ${shown(item)}`,
        "write from: stage or from: stage.output",
      );
    });
    return names.every((name) => name !== undefined) ? names : undefined;
  },
};

/** The types of connection that a component may name, by field. */
export function connectionTypes(
  component: Component,
): Readonly<Record<string, string>> {
  switch (component.kind) {
    case "connection":
      return {};
    case "transform":
      return Object.fromEntries(
        Object.entries(component.connections ?? {})
          .map(([field, { type }]) => [field, type]),
      );
    default:
      return component.connection
        ? { connection: component.connection.type }
        : {};
  }
}

/** The fields that name connections; only a transform can do without. */
function connectionFields(component: Component): Fields {
  return Object.fromEntries(
    Object.entries(connectionTypes(component)).map(([name, type]) => {
      const field = fields.string(`Name of the ${type} connection`);
      const required = component.kind !== "transform";
      return [name, required ? field : optional(field)];
    }),
  );
}

/** Fields that a component has besides its own. */
export function commonFields(component: Component): Fields {
  const type = fields.string("What it is");
  const own = { type, ...connectionFields(component) };
  switch (component.kind) {
    case "connection":
      return own;
    case "source":
      return { ...own, renamed_from: renamedFrom };
    case "transform":
      return { ...own, from };
    case "sink":
      return { ...own, from, batch, deliver, renamed_from: renamedFrom };
  }
}

/** All fields of a component. */
export function allFields(component: Component): Fields {
  return { ...commonFields(component), ...component.fields };
}

/** Files to include; one that cannot be understood does not hide others. */
const include: Field<Include> = {
  ...fields.list(
    fields.file("A YAML file with connections"),
    "Files whose connections are added to those of this one",
  ),
  required: false,
  read(value, place) {
    const items: unknown[] = Array.isArray(value) ? value : [value];
    const name = fields.file("");
    const files = items.flatMap((item, index) => {
      const at = Array.isArray(value) ? place.at(index) : place;
      const file = name.read(item, at);
      return file === undefined ? [] : [{ file, place: at }];
    });
    return { files, complete: files.length === items.length };
  },
};

function section(doc: string): Field<Section> {
  return {
    doc,
    required: false,
    schema: { type: "object" },
    read(value, place) {
      // `transforms:` with nothing below it is a section without components.
      if (value === null) return { place, components: {} };
      if (isObject(value)) return { place, components: value };
      return place.report(
        `Expected a map of names to components, found ${shown(value)}`,
        "write name: { type: … }",
      );
    },
  };
}

const tests: Field<WrittenTests> = {
  ...fields.any("Rows in, rows out: `check` runs them"),
  read: (value, place) => ({ place, value }),
};

/** Where the pipeline's state is, as written; the check resolves it. */
export interface WrittenState {
  readonly connection: { readonly name: string; readonly place: Place };
}

const stateConnection = fields.string(
  "Name of the connection that keeps it, for pipelines that move between " +
    "machines",
);

const stateFields: Field<WrittenState> = fields.object(
  {
    connection: {
      ...stateConnection,
      read(value, place) {
        const name = stateConnection.read(value, place);
        return name === undefined ? undefined : { name, place };
      },
    },
  },
  "Where cursors, journal and lease are; a file on this machine otherwise",
);

const state: Field<WrittenState> = {
  ...stateFields,
  read(value, place) {
    if (isObject(value)) return stateFields.read(value, place);
    return place.report(
      `Expected a map, found ${shown(value)}`,
      "write state: { connection: NAME }",
    );
  },
};

/** Listen on all interfaces or one: `127.0.0.1:9464`. */
const listen: Field<string> = {
  ...fields.string("Address and port of metrics and health"),
  read(value, place) {
    const port = typeof value === "string"
      ? /^[^\s:]*:(\d{1,5})$|^\[[^\]]+\]:(\d{1,5})$/.exec(value)
      : undefined;
    if (port && Number(port[1] ?? port[2]) <= 65_535) return value as string;
    return place.report(
      `Expected an address and a port, found ${shown(value)}`,
      'write "127.0.0.1:9464"',
    );
  },
};

/** Fields of a spec. */
export const specFields = {
  name: {
    ...fields.string("Name of the pipeline: its state, metrics and consumers"),
    schema: { type: "string", pattern: "^[a-z0-9_-]+$" },
    read(value: unknown, place: Place): string | undefined {
      if (typeof value === "string" && /^[a-z0-9_-]+$/.test(value)) {
        return value;
      }
      return place.report(
        `Expected a pipeline name, found ${shown(value)}`,
        "use lower-case letters, digits, - and _",
      );
    },
  },
  description: optional(fields.string("What the pipeline is for")),
  include,
  connections: section(
    "Servers and providers: anything with credentials or a limit",
  ),
  sources: {
    ...section("Where rows come from"),
    required: true,
  },
  transforms: section("What happens to rows on their way"),
  sinks: {
    ...section("Where rows go"),
    required: true,
  },
  tests: optional(tests),
  state: optional(state),
  observe: optional(fields.object(
    { listen: optional(listen) },
    "How the pipeline can be watched",
  )),
} satisfies Fields;
