/**
 * A clock that runs faster than the machine's, so that a test does not wait
 * for back-off and polling.
 *
 * @module
 */
import { type Clock, systemClock } from "../../runtime/run/clock.ts";

/**
 * A clock on which `factor` milliseconds pass in one of the machine's.
 *
 * @param began What it shows at first; the machine's time when absent.
 */
export function quickClock(
  factor: number,
  began: number = systemClock.now(),
): Clock {
  const start = performance.now();
  return {
    now: () => Math.floor(began + (performance.now() - start) * factor),
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}
