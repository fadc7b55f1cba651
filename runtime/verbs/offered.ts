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
  /** Without a name, there may be several. */
  readonly several?: true;
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
  const [only] = offeredConnections(file, wanted, context);
  if (only === undefined) throw new Error(`No connection for ${wanted.offer}`);
  return only;
}

/**
 * Read the connection of a spec that is named, or several where they are
 * wanted.
 *
 * @throws {UserError} There is none, or one too many.
 * @throws {Exit} 2 when the file or a connection is wrong.
 */
export function offeredConnections(
  file: string,
  wanted: Wanted,
  context: VerbContext,
): readonly OfferedConnection[] {
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
  const choices = choose([...named.values()], wanted, file);
  const own = new Problems();
  const configs = choices.map((choice) => configOf(choice, files, own));
  if (configs.some((config) => config === undefined) || own.failed) {
    throw refused(own, sources.flatMap(secretsOf), context);
  }
  // Secret fields are known as such only when they have been read.
  const all = sources.flatMap(secretsOf);
  for (const secret of all) context.secrets.add(secret);
  return choices.map(({ definition, draft: { name } }, index) => ({
    connection: { name, definition, config: configs[index] },
    pipeline: top.name ?? "",
    folder,
    secrets: all,
    state: top.state?.connection.name,
  }));
}

interface Choice {
  readonly draft: Draft;
  // deno-lint-ignore no-explicit-any -- as in the registry
  readonly definition: ConnectionDefinition<any, any>;
}

function choose(
  drafts: readonly Draft[],
  wanted: Wanted,
  file: string,
): readonly Choice[] {
  const { name, offer } = wanted;
  const offering = drafts.flatMap((draft): Choice[] => {
    const { definition } = draft;
    const offers = definition?.kind === "connection" &&
      definition.offers?.includes(offer);
    return offers ? [{ draft, definition }] : [];
  });
  const chosen = name === undefined
    ? offering
    : offering.filter(({ draft }) => draft.name === name);
  const what = verbOf(wanted);
  const names = offering.map(({ draft }) => draft.name);
  if (chosen.length === 1 || chosen.length > 1 && wanted.several) return chosen;
  if (chosen.length > 1) {
    throw new UserError(
      `Several connections of "${file}" can be used to ${what}: ` +
        `${names.join(", ")}; choose one with --connection`,
    );
  }
  if (name === undefined || names.length === 0) {
    throw new UserError(`No connection of "${file}" can be used to ${what}`);
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

function verbOf({ offer }: Wanted): string {
  return offer === "keys"
    ? "show keys"
    : offer === "state"
    ? "keep state"
    : offer;
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
