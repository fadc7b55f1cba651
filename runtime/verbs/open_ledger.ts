/**
 * Opens the budgets that processes share, where a spec keeps its state.
 *
 * @module
 */
import { systemClock } from "../run/clock.ts";
import type { LedgerStore } from "../budget/ledger_store.ts";
import { openSqliteLedger, usageFile } from "../budget/sqlite_ledger.ts";
import type { Spec } from "../spec/spec.ts";
import {
  type ConnectOptions,
  openConnection,
  type ReadConnection,
} from "./connect.ts";
import type { Terminal } from "./terminal.ts";

const clock = systemClock;

/** Options of {@linkcode openLedger}. */
export interface OpenLedgerOptions
  extends Pick<ConnectOptions, "folder" | "pipeline" | "secrets"> {
  readonly terminal: Terminal;
  /** The connection that keeps the state; undefined: a file does. */
  readonly connection: ReadConnection | undefined;
  /** Only look: nothing is created or changed. */
  readonly readOnly: boolean;
}

/** Open the budgets that a spec shares, where it keeps its state. */
export function ledgerOf(
  { connections, folder, name: pipeline, secrets, state }: Spec,
  options: Pick<OpenLedgerOptions, "readOnly" | "terminal">,
): Promise<LedgerStore> {
  const connection = state && connections.get(state.connection);
  return openLedger({ connection, folder, pipeline, secrets, ...options });
}

/**
 * Open the budgets that processes share.
 *
 * @throws {RetryableError} when their server cannot be asked now.
 */
export async function openLedger(
  { connection, readOnly, ...options }: OpenLedgerOptions,
): Promise<LedgerStore> {
  if (!connection) return openSqliteLedger(usageFile, { clock, readOnly });
  await using opening = new AsyncDisposableStack();
  // A client of its own: a renewal must not queue behind rows.
  const { client } = opening.use(
    await openConnection(connection, {
      ...options,
      signal: new AbortController().signal,
    }),
  );
  if (!client.ledger) {
    throw new Error(`Connection "${connection.name}" does not keep budgets`);
  }
  const store = opening.use(await client.ledger({ clock, readOnly }));
  const opened = opening.move();
  return {
    change: (place, change) => store.change(place, change),
    look: (account) => store.look(account),
    count: (hours) => store.count(hours),
    counted: (account, since) => store.counted(account, since),
    learn: (facts) => store.learn(facts),
    learned: (endpoint) => store.learned(endpoint),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Whether any process has shared a budget in this directory. */
export async function hasUsageFile(): Promise<boolean> {
  try {
    await Deno.stat(usageFile);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
