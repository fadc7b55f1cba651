/**
 * Finds the connection that a verb talks to, by what its clients offer.
 *
 * Only that connection is read, so that asking a database needs no keys of a
 * provider.
 *
 * @module
 */
import type { ConnectionDefinition, Offer } from "../component.ts";
import { UserError } from "../errors.ts";
import { commonFields } from "../spec/common_fields.ts";
import { readComponent, runCheck } from "../spec/component_check.ts";
import { formatDiagnostics, Problems } from "../spec/diagnostics.ts";
import { type Draft, draftSection } from "../spec/draft.ts";
import { reportGaps } from "../spec/gaps.ts";
import { placeAt } from "../spec/place.ts";
import { redactor } from "../spec/secrets.ts";
import { readFiles, type SpecFiles } from "../spec/source.ts";
import { enumerate, suggestion } from "../spec/suggestion.ts";
import { secretsOf } from "../spec/written.ts";
import type { ConnectOptions, ReadConnection } from "./connect.ts";
import { Exit, type VerbContext } from "./verb.ts";

/** Which connection is wanted. */
export interface Wanted {
  readonly offer: Offer;
  /** Its name; absent: the only one. */
  readonly name: string | undefined;
}

/** A connection that has been read, and what opening it needs to know. */
export interface OfferedConnection
  extends Pick<ConnectOptions, "folder" | "pipeline" | "secrets"> {
  readonly connection: ReadConnection;
  /** Name of the connection that keeps the state; undefined: a file does. */
  readonly state: string | undefined;
}

/**
 * Read one connection of a spec.
 *
 * @throws {UserError} There is none, or there are several and no name.
 * @throws {Exit} 2 when the file or the connection is wrong.
 */
export function offeredConnection(
  file: string,
  wanted: Wanted,
  context: VerbContext,
): OfferedConnection {
  const { env, registry } = context;
  const problems = new Problems();
  const read = (path: string) => Deno.readTextFileSync(path);
  const files = readFiles(file, { env, read, problems });
  const { folder, sources, top } = files;
  const secrets = sources.flatMap(secretsOf);
  // Mistakes elsewhere do not matter as long as connections can be found.
  if (files.connections.length === 0 && problems.failed) {
    throw refused(problems, secrets, context);
  }
  const named = new Map<string, Draft>();
  for (const { section, source } of files.connections) {
    const ignored = new Problems();
    const options = { registry, problems: ignored, folder, source, named };
    draftSection("connection", section, options);
  }
  const choice = choose([...named.values()], wanted, file);
  const own = new Problems();
  const config = configOf(choice, files, own);
  if (config === undefined || own.failed) {
    throw refused(own, sources.flatMap(secretsOf), context);
  }
  const { definition, draft: { name } } = choice;
  // Secret fields are known as such only when they have been read.
  const all = sources.flatMap(secretsOf);
  for (const secret of all) context.secrets.add(secret);
  return {
    connection: { name, definition, config },
    pipeline: top.name ?? "",
    folder,
    secrets: all,
    state: top.state?.connection.name,
  };
}

interface Choice {
  readonly draft: Draft;
  // deno-lint-ignore no-explicit-any -- as in the registry
  readonly definition: ConnectionDefinition<any, any>;
}

function choose(
  drafts: readonly Draft[],
  { name, offer }: Wanted,
  file: string,
): Choice {
  const what = offer === "keys"
    ? "show keys"
    : offer === "state"
    ? "keep state"
    : offer;
  const offering = drafts.flatMap((draft): Choice[] => {
    const { definition } = draft;
    const offers = definition?.kind === "connection" &&
      definition.offers?.includes(offer);
    return offers ? [{ draft, definition }] : [];
  });
  const names = offering.map(({ draft }) => draft.name);
  const [first, second] = name === undefined
    ? offering
    : offering.filter(({ draft }) => draft.name === name);
  if (first && !second) return first;
  if (names.length === 0) {
    throw new UserError(`No connection of "${file}" can be used to ${what}`);
  }
  if (name === undefined) {
    throw new UserError(
      `Several connections of "${file}" can be used to ${what}: ` +
        `${names.join(", ")}; choose one with --connection`,
    );
  }
  const known = drafts.some((draft) => draft.name === name);
  throw new UserError(
    known
      ? `Connection "${name}" cannot be used to ${what}; ` +
        `connections that can: ${enumerate(names)}`
      : `Unknown connection "${name}" in "${file}": ` +
        suggestion(name, names, "connections"),
  );
}

/** Read the config; what is wrong with it goes to `problems`. */
function configOf(
  { definition, draft }: Choice,
  { folder, sources }: SpecFiles,
  problems: Problems,
): unknown {
  const { name, source, value } = draft;
  const { owner, path } = draft.place;
  reportGaps(sources, {
    problems,
    wanted: ({ path: [section, one] }, from) =>
      section === "connections" && one === name && from === source,
  });
  if (!value) return undefined;
  const place = placeAt(path, { source, problems, folder, owner });
  const fields = { common: commonFields(definition), own: definition.fields };
  const config = readComponent(fields, value, place)?.config;
  if (config === undefined) return undefined;
  return runCheck(place, (place) => definition.check?.({ config, place }))
    ? config
    : undefined;
}

function refused(
  problems: Problems,
  secrets: readonly string[],
  { terminal }: VerbContext,
): Exit {
  const diagnostics = problems.diagnostics(redactor(secrets));
  terminal.note(formatDiagnostics(diagnostics).trimEnd());
  return new Exit(2);
}
