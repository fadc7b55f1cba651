/**
 * One process runs a pipeline at a time.
 *
 * The store decides who that is, and refuses every write of anybody else. A
 * sink cannot ask it in the middle of a write, so a sink writes only while
 * the lease is certainly held by this process's own clocks: see `hold`.
 *
 * @module
 */
import { RetryableError } from "../errors.ts";
import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";
import type { StateStore } from "./state.ts";

/** How often the lease is renewed, ms: several chances before it ends. */
const renewEvery = 3_000;

/** How often a waiting process asks whether the lease is free, ms. */
const askEvery = 1_000;

/** How soon a renewal that failed is tried again, ms. */
const tryAgainAfter = 500;

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

/** A lease that this process holds and renews. */
export interface Lease extends AsyncDisposable {
  /**
   * Resolve when a write may leave: at once while the lease is certainly
   * held, after its renewal when this process or the store was away.
   *
   * @returns a signal that is aborted when the lease runs out.
   * @throws the reason of the stop, when another process has taken over.
   */
  hold(): Promise<AbortSignal>;
}

/**
 * Take a pipeline's lease and keep it; wait while another process has it.
 *
 * @returns undefined when the run was told to end while it waited.
 */
export async function holdLease(
  pipeline: string,
  options: LeaseOptions,
): Promise<Lease | undefined> {
  const { clock, drain, log, stop } = options;
  const ending = AbortSignal.any([drain, stop]);
  let told = false;
  let attempt = 0;
  while (true) {
    const owner = await ask(options, ++attempt);
    if (owner === undefined) break;
    if (owner !== "away") attempt = 0;
    if (owner !== "away" && !told) {
      log.warn(
        `Pipeline "${pipeline}" is run by process ${owner.pid} on ` +
          `${owner.host}; waits until that ends`,
        { since: new Date(owner.since).toISOString() },
      );
      told = true;
    }
    const pause = attempt > 0 ? backoff(attempt) : askEvery;
    await clock.sleep(pause, ending).catch(() => {});
    if (ending.aborted) return undefined;
  }
  if (told) log.info(`Has taken over pipeline "${pipeline}"`);
  return new RenewedLease(options);
}

async function ask({ log, state }: LeaseOptions, attempt: number) {
  try {
    return await state.acquire();
  } catch (error) {
    if (!(error instanceof RetryableError)) throw error;
    log[attempt === 1 ? "warn" : "debug"](
      "Cannot ask for the lease, tries again",
      { reason: error.message },
    );
    return "away";
  }
}

class RenewedLease implements Lease {
  readonly #options: LeaseOptions;
  readonly #end = new AbortController();
  readonly #working: Promise<unknown>;
  /** Aborted when the lease runs out; another one after its renewal. */
  #held = new AbortController();
  #renewed = Promise.withResolvers<void>();
  /** Cuts short the pause before the next renewal. */
  #hurry = new AbortController();

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#working = Promise.all([this.#renew(), this.#watch()]);
  }

  async hold(): Promise<AbortSignal> {
    const { state, stop } = this.#options;
    stop.throwIfAborted();
    while (state.lasts() <= 0) {
      this.#lapse();
      await aborted(this.#renewed.promise, stop);
      stop.throwIfAborted();
    }
    return this.#held.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#renewed.resolve();
    await this.#working;
  }

  async #renew(): Promise<void> {
    const { clock, failed, log, state } = this.#options;
    const end = this.#end.signal;
    let pause = renewEvery;
    let failures = 0;
    while (true) {
      await clock.sleep(pause, AbortSignal.any([end, this.#hurry.signal]))
        .catch(() => {});
      if (end.aborted) return;
      this.#hurry = new AbortController();
      try {
        await state.renew();
      } catch (error) {
        if (!(error instanceof RetryableError)) return failed(error);
        pause = tryAgainAfter;
        if (failures++ === 0) {
          log.warn("Cannot renew the lease, tries again", {
            reason: error.message,
            lasts_ms: Math.max(0, Math.round(state.lasts())),
          });
        }
        continue;
      }
      this.#regain(failures > 0);
      failures = 0;
      pause = renewEvery;
    }
  }

  /** See to it that the lease's signal is aborted when its time is over. */
  async #watch(): Promise<void> {
    const { clock, state, stop } = this.#options;
    const end = AbortSignal.any([this.#end.signal, stop]);
    while (!end.aborted) {
      const left = state.lasts();
      if (left > 0) await clock.sleep(Math.ceil(left), end).catch(() => {});
      else {
        this.#lapse();
        await aborted(this.#renewed.promise, end);
      }
    }
  }

  #lapse(): void {
    if (this.#held.signal.aborted) return;
    this.#options.log.warn(
      "The lease has run out; writes nothing until it is renewed",
    );
    this.#held.abort(
      new RetryableError("The lease ran out during the write"),
    );
    this.#hurry.abort();
  }

  #regain(failed: boolean): void {
    const { log, state } = this.#options;
    if (state.lasts() <= 0) return;
    const lapsed = this.#held.signal.aborted;
    if (lapsed || failed) log.info("The lease is renewed, goes on");
    if (lapsed) this.#held = new AbortController();
    this.#renewed.resolve();
    this.#renewed = Promise.withResolvers();
  }
}

/** Wait for a promise or a signal, whichever comes first. */
async function aborted(
  promise: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await Promise.race([promise, stopped]);
  signal.removeEventListener("abort", stop);
}
