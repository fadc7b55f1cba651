/**
 * `schema`: write what is generated from the components.
 *
 * @module
 */
import type { Registry } from "../component.ts";
import { specSchema, tableSchemas } from "../spec/json_schema.ts";
import {
  referenceFile,
  referenceIndex,
  referencePage,
} from "../spec/reference.ts";
import { Exit, type Verb } from "./verb.ts";

/** Editors find the schema beside the specs. */
const specs = "pipelines";

const reference = "docs/reference";

/** Tables of prose are unreadable when the formatter pads their cells. */
const unformatted = "<!-- deno-fmt-ignore-file -->\n";

/** Write the JSON Schema and the reference. */
export const schemaVerb: Verb = (program, { registry, terminal }) => {
  program
    .command("schema")
    .summary("write the JSON Schema and the reference")
    .description(
      `write the schemas in ${specs}/ and ${reference}/*.md from the ` +
        "components that there are",
    )
    .option("--check", "write nothing; end with 1 if a file would change")
    .option("--root <folder>", "folder of the repository", ".")
    .action(async ({ check, root }) => {
      const files = generate(registry, root);
      const changes = await compare(files, root);
      if (check && changes.length > 0) {
        for (const { path, state } of changes) {
          terminal.note(`error: ${path} is ${state}`);
        }
        terminal.note('Run "deno task schema" and commit what it writes');
        throw new Exit(1);
      }
      for (const { path, state } of changes) {
        const text = files.get(path);
        if (text === undefined) await Deno.remove(`${root}/${path}`);
        else await write(`${root}/${path}`, text);
        terminal.print(`${path} was ${state}`);
      }
      terminal.note(`${files.size} files are up to date`);
    });
};

/** Every generated file by its path from the root. */
function generate(
  registry: Registry,
  root: string,
): ReadonlyMap<string, string> {
  const folder = `${root}/${specs}`;
  const pages = registry.map((component) =>
    [
      `${reference}/${referenceFile(component)}`,
      unformatted + referencePage(component, { registry, folder }),
    ] as const
  );
  return new Map([
    [
      `${specs}/pipeline.schema.json`,
      `${JSON.stringify(specSchema(registry), null, 2)}\n`,
    ],
    ...tableSchemas(registry).map(({ folder, noun, schema }) =>
      [
        `${specs}/${folder}/${noun}.schema.json`,
        `${JSON.stringify(schema, null, 2)}\n`,
      ] as const
    ),
    [`${reference}/README.md`, unformatted + referenceIndex(registry)],
    ...pages,
  ]);
}

interface Change {
  readonly path: string;
  readonly state: "missing" | "out of date" | "left over";
}

async function compare(
  files: ReadonlyMap<string, string>,
  root: string,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const [path, text] of files) {
    const found = await read(`${root}/${path}`);
    if (found === undefined) changes.push({ path, state: "missing" });
    else if (found !== text) changes.push({ path, state: "out of date" });
  }
  for (const name of await pagesIn(`${root}/${reference}`)) {
    const path = `${reference}/${name}`;
    if (!files.has(path)) changes.push({ path, state: "left over" });
  }
  return changes.sort((a, b) => a.path < b.path ? -1 : 1);
}

async function pagesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.map(({ name }) => name).filter((name) =>
      name.endsWith(".md")
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}
