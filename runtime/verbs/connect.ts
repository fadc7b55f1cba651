/**
 * Opens one connection for a verb that talks to it.
 *
 * @module
 */
import type { Connected } from "../component.ts";
import { systemClock } from "../run/clock.ts";
import type { Ledger } from "../budget/ledger.ts";
import { Metrics } from "../run/metrics.ts";
import { createScheduler } from "../budget/scheduler.ts";
import type { Connection } from "../spec/spec.ts";
import { type Terminal, terminalLogger } from "./terminal.ts";

/** A connection whose config has been read. */
export type ReadConnection = Pick<
  Connection,
  "name" | "definition" | "config"
>;

/** What opening a connection needs. */
export interface ConnectOptions {
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Folder of the spec file. */
  readonly folder: string;
  readonly secrets: readonly string[];
  readonly terminal: Terminal;
  /** Aborted when the client is not wanted any more. */
  readonly signal: AbortSignal;
  /** What other processes use of its accounts. */
  readonly ledger?: Ledger | undefined;
}

/** An open client; disposing it closes the client. */
export interface OpenConnection extends AsyncDisposable {
  readonly client: Connected;
}

/** Open a connection; nothing is sent yet. */
export async function openConnection(
  connection: ReadConnection,
  options: ConnectOptions,
): Promise<OpenConnection> {
  const { folder, ledger, pipeline, secrets, signal, terminal } = options;
  const { config, definition, name } = connection;
  const metrics = new Metrics();
  const client: Connected = await definition.open(config, {
    name,
    pipeline,
    folder,
    signal,
    log: terminalLogger(terminal, { level: "warn", secrets }),
    metrics,
    clock: systemClock,
    scheduler: createScheduler({
      clock: systemClock,
      metrics,
      ...ledger ? { ledger } : {},
    }),
    ...ledger ? { facts: (endpoint) => ledger.facts(endpoint) } : {},
  });
  await ledger?.recalled();
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]?.();
    },
  };
}
