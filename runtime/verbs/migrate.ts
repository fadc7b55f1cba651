/**
 * `migrate`: bring the tables of sinks to what the spec says, as far as that
 * only adds to them.
 *
 * @module
 */
import type { Connected, Migration, Refusal } from "../component.ts";
import { UserError } from "../errors.ts";
import type { SinkStage, Spec } from "../spec/spec.ts";
import { openConnection } from "./connect.ts";
import { interruptible } from "./interruption.ts";
import type { Terminal } from "./terminal.ts";
import { Exit, loadSpec, type Verb } from "./verb.ts";

/** Print, or run, the statements that add what the spec has and tables lack. */
export const migrateVerb: Verb = (program, context) => {
  const { terminal } = context;
  program
    .command("migrate")
    .summary("add to existing tables what a pipeline's sinks need")
    .description(
      "print the statements that add the columns and indices that the tables " +
        "of a pipeline's sinks lack, and run them with --apply; what would " +
        "change or delete rows is never run, but said with the statements " +
        "for it",
    )
    .argument("<spec>", "YAML file of the pipeline")
    .option("--sink <name>", "only this sink")
    .option("--apply", "run the statements")
    .addHelpText(
      "after",
      "\nExample:\n  deno task migrate pipelines/mainnet.yaml --apply",
    )
    .action(async (file, { apply = false, sink }) => {
      const spec = await loadSpec(file, context);
      const sinks = migratingSinks(spec, sink);
      await interruptible(async (signal) => {
        await using open = new AsyncDisposableStack();
        const connect = connector(spec, { open, signal, terminal });
        const found: Found[] = [];
        for (const stage of sinks) {
          const migration = await migrationOf(stage, { connect, signal });
          found.push({ name: stage.name, migration });
        }
        for (const one of found) show(one, terminal);
        await finish(found, { apply, terminal });
      });
    });
};

/** A sink and what it lacks; undefined when nothing is there yet. */
interface Found {
  readonly name: string;
  readonly migration: Migration | undefined;
}

function migratingSinks(spec: Spec, name: string | undefined): SinkStage[] {
  const all = spec.stages.filter((stage) => stage.kind === "sink");
  const able = all.filter(({ definition }) => definition.migrate);
  const chosen = able.filter((stage) => !name || stage.name === name);
  if (chosen.length > 0) return chosen;
  const names = able.map((stage) => stage.name).join(", ");
  const known = names === "" ? "" : `; sinks with tables: ${names}`;
  throw new UserError(
    name === undefined
      ? `"${spec.name}" has no sink with tables to migrate`
      : all.some((stage) => stage.name === name)
      ? `Sink "${name}" has no tables to migrate${known}`
      : `"${spec.name}" has no sink "${name}"${known}`,
  );
}

type Connect = (name: string) => Promise<Connected>;

/** Opens each connection once; the stack closes them. */
function connector(
  spec: Spec,
  { open, signal, terminal }: {
    readonly open: AsyncDisposableStack;
    readonly signal: AbortSignal;
    readonly terminal: Terminal;
  },
): Connect {
  const clients = new Map<string, Connected>();
  return async (name) => {
    const known = clients.get(name);
    if (known) return known;
    const connection = spec.connections.get(name);
    if (!connection) throw new UserError(`Unknown connection "${name}"`);
    const { client } = open.use(
      await openConnection(connection, {
        ...spec,
        pipeline: spec.name,
        terminal,
        signal,
      }),
    );
    clients.set(name, client);
    return client;
  };
}

async function migrationOf(
  { config, connection, definition, name, schema }: SinkStage,
  { connect, signal }: {
    readonly connect: Connect;
    readonly signal: AbortSignal;
  },
): Promise<Migration | undefined> {
  const client = connection === undefined ? {} : await connect(connection);
  const shape = { config, schema, name };
  return await definition.migrate?.(shape, { connection: client, signal });
}

/** Statements go to standard output, so that they can be piped elsewhere. */
function show({ migration, name }: Found, terminal: Terminal): void {
  if (!migration) {
    terminal.note(`${name}: nothing is there yet; \`run\` creates it`);
    return;
  }
  const { refusals, statements } = migration;
  if (refusals.length === 0 && statements.length === 0) {
    terminal.note(`${name}: fits`);
  }
  if (statements.length > 0) {
    terminal.print(`-- ${name}\n${sql(statements)}`);
  }
  for (const refusal of refusals) terminal.note(refused(name, refusal));
}

function refused(name: string, { reason, statements }: Refusal): string {
  const said = `${name}: refused: ${reason}`;
  if (statements.length === 0) return said;
  const lines = sql(statements).split("\n").map((line) => `  ${line}`);
  return `${said}; by hand:\n${lines.join("\n")}`;
}

function sql(statements: readonly string[]): string {
  return statements.map((one) => `${one};`).join("\n");
}

/** @throws {Exit} 1 when something was refused: then nothing is applied. */
async function finish(
  found: readonly Found[],
  { apply, terminal }: { readonly apply: boolean; readonly terminal: Terminal },
): Promise<void> {
  const migrations = found.flatMap(({ migration }) => migration ?? []);
  const count = migrations
    .reduce((sum, { statements }) => sum + statements.length, 0);
  const statements = count === 1 ? "1 statement" : `${count} statements`;
  if (migrations.some(({ refusals }) => refusals.length > 0)) {
    terminal.note("Nothing was applied");
    throw new Exit(1);
  }
  if (count === 0) return;
  if (!apply) {
    terminal.note(`Run it with --apply to have ${statements} run`);
    return;
  }
  for (const migration of migrations) await migration.apply();
  terminal.note(`Applied ${statements}`);
}
