/**
 * Opens a pipeline's state where its spec says that it is.
 *
 * @module
 */
import { RetryableError } from "../errors.ts";
import { backoff } from "../run/backoff.ts";
import { systemClock } from "../run/clock.ts";
import type { Logger } from "../run/log.ts";
import { openSqliteState } from "../run/sqlite_state.ts";
import { stateFile, type StateStore } from "../run/state.ts";
import type { Connection, Spec } from "../spec/spec.ts";
import { openConnection } from "./connect.ts";
import type { Terminal } from "./terminal.ts";

const clock = systemClock;

/** An open store; disposing it closes its connection as well. */
export interface OpenState extends AsyncDisposable {
  readonly store: StateStore;
}

/** Options of {@linkcode openState}. */
export interface StateOptions {
  readonly terminal: Terminal;
  /** Nothing is kept: cursors and journal end with the process. */
  readonly forget?: boolean;
}

/** Options of {@linkcode awaitState}. */
export interface AwaitOptions extends StateOptions {
  readonly log: Logger;
  /** Aborted when nobody waits any longer. */
  readonly ending: AbortSignal;
}

/**
 * Open a pipeline's state, created when it is missing.
 *
 * @throws {RetryableError} when its server cannot be asked now.
 */
export async function openState(
  spec: Spec,
  { forget = false, terminal }: StateOptions,
): Promise<OpenState> {
  // What a shared source has given is remembered on its side.
  const kept = !forget &&
    spec.stages.some((stage) =>
      stage.kind === "source" && !stage.definition.shared
    );
  const connection = stateConnection(spec);
  if (kept && connection) {
    return await openInStore(spec, connection, { terminal, readOnly: false });
  }
  return inFile(openSqliteState(kept ? stateFile(spec.name) : ":memory:", {
    clock,
  }));
}

/**
 * Open a pipeline's state for a run, which waits for its server.
 *
 * @returns undefined when the run was told to end before.
 */
export async function awaitState(
  spec: Spec,
  options: AwaitOptions,
): Promise<OpenState | undefined> {
  const { ending, log } = options;
  for (let attempt = 1; !ending.aborted; attempt++) {
    try {
      return await openState(spec, options);
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      const pause = backoff(attempt, error.after);
      log.warn("The state store does not answer, tries again", {
        reason: error.message,
        pause_ms: Math.round(pause),
      });
      await clock.sleep(pause, ending).catch(() => {});
    }
  }
  return undefined;
}

/**
 * Open a pipeline's state only to look at it.
 *
 * @returns undefined when the pipeline has never run.
 */
export async function lookAtState(
  spec: Spec,
  { terminal }: StateOptions,
): Promise<OpenState | undefined> {
  const readOnly = true;
  const connection = stateConnection(spec);
  if (connection) {
    return await openInStore(spec, connection, { terminal, readOnly });
  }
  const path = stateFile(spec.name);
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return inFile(openSqliteState(path, { clock, readOnly }));
}

function stateConnection({ connections, state }: Spec): Connection | undefined {
  return state && connections.get(state.connection);
}

function inFile(store: StateStore): OpenState {
  return {
    store,
    [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
  };
}

/** A client of its own: a renewal must not queue behind rows. */
async function openInStore(
  { folder, name: pipeline, secrets }: Spec,
  connection: Connection,
  { readOnly, terminal }: {
    readonly terminal: Terminal;
    readonly readOnly: boolean;
  },
): Promise<OpenState> {
  await using opening = new AsyncDisposableStack();
  const { client } = opening.use(
    await openConnection(connection, {
      pipeline,
      folder,
      secrets,
      terminal,
      signal: new AbortController().signal,
    }),
  );
  if (!client.state) {
    throw new Error(`Connection "${connection.name}" does not keep state`);
  }
  const store = opening.use(
    await client.state({ pipeline, clock, readOnly }),
  );
  const opened = opening.move();
  return {
    store,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
