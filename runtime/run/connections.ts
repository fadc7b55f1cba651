/**
 * Opens a spec's connections and checks that they answer.
 *
 * @module
 */
import type { Connected, OpenContext } from "../component.ts";
import { RetryableError } from "../errors.ts";
import { connectionsOf, type Spec } from "../spec/spec.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { Ledger } from "../budget/ledger.ts";
import type { LedgerStore } from "../budget/ledger_store.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { createScheduler } from "../budget/scheduler.ts";

/** Options of {@linkcode openConnections}. */
export interface ConnectionsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly context: (name: string) => OpenContext;
  /** Opens the budgets that processes share; absent: this one is alone. */
  readonly ledger?: (() => Promise<LedgerStore>) | undefined;
  /** Told whenever it changes what calls wait for. */
  readonly waits?: (cause: string | undefined) => void;
  readonly drain: AbortSignal;
  readonly stop: AbortSignal;
}

/** A spec's open clients by connection name. */
export interface Clients extends AsyncDisposable {
  get(name: string | undefined): unknown;
}

/**
 * Open every connection that a stage uses; all of them or none.
 *
 * @returns undefined when the run was told to end while one did not answer.
 */
export async function openConnections(
  spec: Spec,
  options: ConnectionsOptions,
): Promise<Clients | undefined> {
  const { clock, context, log, metrics, waits = () => {} } = options;
  await using opened = new AsyncDisposableStack();
  const ledger = options.ledger &&
    opened.use(new Ledger({ open: options.ledger, clock, log }));
  const scheduler = createScheduler({
    ...{ clock, log, metrics, waits },
    ...ledger ? { ledger } : {},
  });
  const clients = new Map<string, Connected>();
  const used = new Set(spec.stages.flatMap(connectionsOf));
  for (const { config, definition, name } of spec.connections.values()) {
    // What only the state uses is open already.
    if (!used.has(name)) continue;
    const client: Connected = await definition.open(config, {
      ...context(name),
      scheduler,
      ...ledger ? { facts: (endpoint) => ledger.facts(endpoint) } : {},
    });
    opened.defer(() => client[Symbol.asyncDispose]?.());
    clients.set(name, client);
    await ledger?.ready();
    if (!await healthy(name, client, options)) return undefined;
    await ledger?.recalled();
  }
  const kept = opened.move();
  return {
    get: (name) => name === undefined ? undefined : clients.get(name),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/**
 * Wait until a connection answers; what cannot get better is thrown.
 *
 * @returns whether it does; false when the run was told to end before.
 */
async function healthy(
  name: string,
  client: Connected,
  { clock, drain, log, stop }: ConnectionsOptions,
): Promise<boolean> {
  const ending = AbortSignal.any([drain, stop]);
  for (let attempt = 1; !ending.aborted; attempt++) {
    try {
      await client.health?.({ lazy: true });
      return true;
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      const pause = backoff(attempt, error.after);
      log.warn("Connection does not answer, tries again", {
        connection: name,
        reason: error.message,
        pause_ms: Math.round(pause),
      });
      await clock.sleep(pause, ending).catch(() => {});
    }
  }
  return false;
}
