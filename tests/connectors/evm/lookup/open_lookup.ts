/**
 * A client of look-up services on a clock that the test moves.
 *
 * @module
 */
import { AbiLookup } from "../../../../connectors/evm/lookup/client.ts";
import type { Dialect } from "../../../../connectors/evm/lookup/service.ts";
import { AbiStore } from "../../../../connectors/evm/lookup/store.ts";
import { LookupKey } from "../../../../connectors/evm/lookup/key.ts";
import { createLogger } from "../../../../runtime/run/log.ts";
import { createScheduler } from "../../../../runtime/budget/scheduler.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";

/** Milliseconds that an answer may take, by the machine's clock. */
const TIMEOUT_MS = 300;

/** How the client is made. */
export interface OpenLookupOptions {
  readonly services: readonly {
    readonly url: string;
    readonly dialect?: Dialect;
    readonly name?: string;
  }[];
  readonly store?: AbiStore;
  readonly clock?: FakeClock;
  /** Gets what is logged. */
  say?(line: string): void;
}

/** Open a client. */
export function openLookup(
  { clock = new FakeClock(), say = () => {}, services, store }:
    OpenLookupOptions,
) {
  const log = createLogger({
    level: "debug",
    secrets: [],
    write: (entry) => say(JSON.stringify(entry)),
  });
  const context = openContext({ clock, log });
  const scheduler = createScheduler({ clock, metrics: context.metrics });
  const lookup = new AbiLookup({
    keys: services.map(({ dialect = "etherscan", name = "service", url }) =>
      new LookupKey({
        name,
        dialect,
        url,
        key: "secret",
        budget: scheduler.budget({
          name: `lookup/${name}`,
          windows: [],
          inFlight: 4,
        }),
        context,
      })
    ),
    store: store ?? new AbiStore(":memory:"),
    chainId: 1,
    noneFor: 7 * 86_400_000,
    timeout: TIMEOUT_MS,
    context: { ...context, scheduler },
  });
  return { clock, lookup, metrics: context.metrics };
}

/** Move the clock on, and let the network work, until work is done. */
export async function settle<T>(
  clock: FakeClock,
  work: Promise<T>,
): Promise<T> {
  let done = false;
  const watched = work.finally(() => done = true);
  watched.catch(() => {});
  while (!done) {
    await clock.advance(20_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await watched;
}
