/**
 * Tables: YAML files of their own that a spec names, such as the prices of a
 * provider's plan. They are checked like a spec.
 *
 * @module
 */
import type { Config, Field, Fields, Place } from "./field.ts";
import { isObject, objectSchema, readFields, shown } from "./members.ts";
import { suggestion } from "./suggestion.ts";

/** Where tables lie, and what they are called. */
export interface TableOptions {
  /** Folder beside the spec: `plans` has `plans/infura/free.yaml`. */
  readonly folder: string;
  /** Folder of those that come with the program; it ends in a slash. */
  readonly shipped: URL;
  /** Names of those that come with the program: `infura/free`. */
  readonly names: readonly string[];
  /** What one is called in messages: "plan". */
  readonly noun: string;
}

/** A table and its name. */
export interface Table<F extends Fields> {
  readonly name: string;
  readonly table: Config<F>;
  /** Those that come with the program and lie in the same folder. */
  others(): readonly Table<F>[];
}

/** How the files of a table field look, for editors. */
export interface TableSchema {
  readonly folder: string;
  readonly noun: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/**
 * The name of a table with these members. The file is looked for in `folder`
 * beside the spec, then among those that come with the program.
 */
export function table<F extends Fields>(
  members: F,
  doc: string,
  options: TableOptions,
): Field<Table<F>> {
  const { folder, names, noun } = options;
  return {
    doc,
    required: true,
    noun: `name of a ${noun}`,
    schema: { anyOf: [{ enum: names }, { type: "string" }] },
    table: { folder, noun, schema: objectSchema(members) },
    read(value, place) {
      if (typeof value !== "string" || !/^[\w-]+(\/[\w-]+)*$/.test(value)) {
        return place.report(
          `Expected a ${noun}, found ${shown(value)}`,
          `write it like ${names[0]}`,
        );
      }
      const found = open(value, place, options);
      if (found === undefined) {
        const known = [...new Set([...names, ...namesIn(place, options)])];
        return place.report(
          `Unknown ${noun} "${value}"`,
          suggestion(value, known, `${noun}s`),
        );
      }
      // A file that is no YAML has been reported.
      if (found.value === undefined) return undefined;
      if (!isObject(found.value)) {
        const what = found.value === null ? "nothing" : shown(found.value);
        return found.place.report(`Expected a ${noun}, found ${what}`);
      }
      const config = readFields(members, found.value, found.place);
      const others = () => siblings(value, { ...options, members, place });
      return config && { name: value, table: config, others };
    },
  };
}

function siblings<F extends Fields>(
  name: string,
  { members, place, ...options }: TableOptions & {
    readonly members: F;
    readonly place: Place;
  },
): readonly Table<F>[] {
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const others = options.names.filter((one) =>
    one !== name && folder !== "" && one.startsWith(folder)
  );
  return others.flatMap((one) => {
    const { place: at, value } = open(one, place, options) ?? {};
    const config = at && isObject(value) && readFields(members, value, at);
    return config ? [{ name: one, table: config, others: () => [] }] : [];
  });
}

function open(
  name: string,
  place: Place,
  { folder, noun, shipped }: TableOptions,
) {
  const file = `${name}.yaml`;
  return place.document?.(`${folder}/${file}`, noun) ??
    place.document?.(new URL(file, shipped), noun);
}

/** Names of the tables beside the spec. */
function namesIn(place: Place, { folder }: TableOptions): readonly string[] {
  const root = `${place.folder}/${folder}`;
  const list = (path: string): string[] => {
    try {
      return [...Deno.readDirSync(`${root}/${path}`)].flatMap((entry) =>
        entry.isDirectory
          ? list(`${path}${entry.name}/`)
          : entry.name.endsWith(".yaml")
          ? [`${path}${entry.name.slice(0, -".yaml".length)}`]
          : []
      );
    } catch {
      // Without such a folder there are none.
      return [];
    }
  };
  return list("").sort();
}
