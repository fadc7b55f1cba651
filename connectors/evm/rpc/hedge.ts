/**
 * A call that must not be late: when its answer is, the same call is made
 * elsewhere, and the first answer counts. Both are paid.
 *
 * @module
 */
import type { Admission, Clock } from "../../../runtime/component.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import type { Call, Reply } from "./rpc.ts";

// On a local node an answer after 2 ms instead of 1 is not late.
const SOONEST_MS = 50;

/** Aborts the call whose answer is not needed any more. */
const LOST = new DOMException("Another endpoint was faster", "AbortError");

/** An endpoint with leave to make a call. */
export interface Second {
  readonly endpoint: Endpoint;
  readonly admission: Admission;
}

/** What a race works with. */
export interface RaceOptions {
  readonly calls: readonly Call[];
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Where else the calls may be made, if budgets allow. */
  second(): Second | undefined;
}

/** An answer and who gave it. */
export interface Winner {
  readonly endpoint: Endpoint;
  readonly reply: Reply;
}

/**
 * Send calls, and again elsewhere when the answer is late.
 *
 * @throws {RpcError} The request as a whole has failed.
 */
export async function race(
  first: Endpoint,
  options: RaceOptions,
): Promise<Winner> {
  const { calls, clock, second, signal } = options;
  const [{ method } = { method: "" }] = calls;
  const late = first.latencies.slow(method);
  if (late === undefined) {
    return { endpoint: first, reply: await first.send(calls, signal) };
  }
  const [one, two] = [new AbortController(), new AbortController()];
  const either = (own: AbortSignal) =>
    signal ? AbortSignal.any([signal, own]) : own;
  let hedged = false;
  const hedge = async (): Promise<Winner> => {
    await clock.sleep(Math.max(SOONEST_MS, late), either(two.signal));
    const other = second();
    if (other === undefined) throw LOST;
    hedged = true;
    using admission = other.admission;
    const given = either(two.signal);
    given.addEventListener("abort", () => admission.lose());
    const reply = await other.endpoint.send(calls, given);
    const failed = reply.results.find((one) =>
      one instanceof RpcError || one === null
    );
    if (failed !== undefined) throw failed;
    return { endpoint: other.endpoint, reply };
  };
  const main = first.send(calls, either(one.signal))
    .then((reply): Winner => ({ endpoint: first, reply }));
  main.catch(() => {
    // It failed before it was late: that is not what a hedge is for.
    if (!hedged) two.abort(LOST);
  });
  try {
    return await Promise.any([main, hedge()]);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    one.abort(LOST);
    two.abort(LOST);
  }
}
