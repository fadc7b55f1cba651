/**
 * Ctrl-C for verbs that have nothing to drain: it ends them.
 *
 * @module
 */
import { listenToSignals } from "../run/signals.ts";
import { Exit } from "./verb.ts";

/** What a shell reports of a program that Ctrl-C has ended. */
const interrupted = 130;

/**
 * Do something that the first signal aborts.
 *
 * @throws {Exit} 130 when it was aborted.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using signals = listenToSignals({
    draining() {},
    // Something does not heed the first one.
    stopping: () => Deno.exit(interrupted),
  });
  try {
    return await work(signals.drain);
  } catch (error) {
    if (signals.drain.aborted) throw new Exit(interrupted);
    throw error;
  }
}
