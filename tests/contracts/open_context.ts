/**
 * What a component gets when it is opened, for tests of one component.
 *
 * @module
 */
import type { Logger, OpenContext } from "../../runtime/component.ts";
import { systemClock } from "../../runtime/run/clock.ts";
import { Metrics } from "../../runtime/run/metrics.ts";

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silent,
};

/** A context with a silent log, its own metrics and the machine's clock. */
export function openContext(given: Partial<OpenContext> = {}): OpenContext {
  return {
    name: "stage",
    pipeline: "test",
    folder: ".",
    signal: new AbortController().signal,
    log: silent,
    metrics: new Metrics(),
    clock: systemClock,
    ...given,
  };
}
