/**
 * Ctrl-C and SIGTERM: the first drains, the second stops at once.
 *
 * @module
 */

/**
 * A repeat within this time is the same Ctrl-C: through `deno task` the
 * terminal and the task runner both deliver it.
 */
const repeatWithin = 300;

/** Signals of a run; disposing it stops listening. */
export interface Signals extends Disposable {
  /** Aborted by the first signal. */
  readonly drain: AbortSignal;
}

/** Options of {@linkcode listenToSignals}. */
export interface SignalOptions {
  /** Called when the first signal asks to drain. */
  draining(): void;
  /** Called when the second one asks to stop at once. */
  stopping(): void;
}

/** Listen to SIGINT and SIGTERM. */
export function listenToSignals(options: SignalOptions): Signals {
  const drain = new AbortController();
  let first = 0;
  const names: Deno.Signal[] = ["SIGINT", "SIGTERM"];
  const handlers = names.map((name) => {
    const handler = () => {
      const now = performance.now();
      if (!drain.signal.aborted) {
        first = now;
        options.draining();
        drain.abort(new DOMException(`Stopped by ${name}`, "AbortError"));
      } else if (now - first > repeatWithin) {
        options.stopping();
      }
    };
    Deno.addSignalListener(name, handler);
    return [name, handler] as const;
  });
  return {
    drain: drain.signal,
    [Symbol.dispose]() {
      for (const [name, handler] of handlers) {
        Deno.removeSignalListener(name, handler);
      }
    },
  };
}
