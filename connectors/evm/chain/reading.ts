/**
 * What every reader of a chain does: it ends when nobody wants more, and tells
 * of the head when that is certain.
 *
 * @module
 */
import type { ReadOptions, SourceUnit } from "../../../runtime/component.ts";
import { outward } from "../rpc/errors.ts";
import type { Sighting } from "./head.ts";

/** Units as a source yields them. */
export type Units = AsyncGenerator<SourceUnit | "fork">;

/** Read until nobody wants more; calls under way are then given up. */
export async function* untilStopped(
  options: ReadOptions,
  read: (options: ReadOptions) => Units,
): Units {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    yield* read({ ...options, signal });
  } catch (error) {
    // Nobody wants more units: that is an end, not a failure.
    if (!options.signal.aborted) throw outward(error);
  } finally {
    stop.abort();
  }
}

/**
 * Tell of each head once, in order. What is yielded is on the chain of a poll
 * then: so is what was final.
 */
export function teller(
  { onHead }: ReadOptions,
): (sighting: Sighting) => void {
  let told = 0;
  return ({ head, poll }) => {
    if (poll <= told) return;
    told = poll;
    onHead(head);
  };
}
