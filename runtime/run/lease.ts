/**
 * One process runs a pipeline at a time.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";
import type { StateStore } from "./state.ts";

/** How often the lease is renewed, ms: four chances before it ends. */
const renewEvery = 3_000;

/** How often a waiting process asks whether the lease is free, ms. */
const askEvery = 1_000;

/** Options of {@linkcode holdLease}. */
export interface LeaseOptions {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly drain: AbortSignal;
  readonly stop: AbortSignal;
  /** The lease is lost: nothing may be written any more. */
  failed(error: unknown): void;
}

/**
 * Take a pipeline's lease and keep it; wait while another process has it.
 *
 * @returns undefined when the run was told to end while it waited.
 */
export async function holdLease(
  pipeline: string,
  options: LeaseOptions,
): Promise<AsyncDisposable | undefined> {
  const { clock, drain, log, state, stop } = options;
  const ending = AbortSignal.any([drain, stop]);
  let told = false;
  for (;;) {
    const owner = await state.acquire();
    if (!owner) break;
    if (!told) {
      log.warn(
        `Pipeline "${pipeline}" is run by process ${owner.pid} on ` +
          `${owner.host}; waits until that ends`,
        { since: new Date(owner.since).toISOString() },
      );
      told = true;
    }
    await clock.sleep(askEvery, ending).catch(() => {});
    if (ending.aborted) return undefined;
  }
  const end = new AbortController();
  const renewing = renew(options, end.signal);
  return {
    async [Symbol.asyncDispose]() {
      end.abort();
      await renewing;
    },
  };
}

async function renew(
  { clock, failed, state }: LeaseOptions,
  end: AbortSignal,
): Promise<void> {
  while (!end.aborted) {
    await clock.sleep(renewEvery, end).catch(() => {});
    if (end.aborted) return;
    try {
      await state.renew();
    } catch (error) {
      return failed(error);
    }
  }
}
