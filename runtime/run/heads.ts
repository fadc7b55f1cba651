/**
 * Tells of the head's moves between two events: on a chain that stands still
 * what is held back would wait for the next block otherwise.
 *
 * @module
 */
import type { EventOptions, UnitEvent } from "./events.ts";
import type { Reader } from "./reader.ts";

/** A reader's events, and "head" when the head has moved without one. */
export async function* eventsAndHeads(
  reader: Reader,
  options: EventOptions,
): AsyncGenerator<UnitEvent | "head"> {
  const events = reader.events(options);
  let moved = false;
  let wake = () => {};
  reader.onHead = () => {
    moved = true;
    wake();
  };
  let waiting = true;
  try {
    for (;;) {
      waiting = true;
      const next = events.next();
      let step: IteratorResult<UnitEvent> | undefined;
      while (step === undefined) {
        // A promise of its own each time: one that lives long would collect
        // the reactions of a million events.
        const { promise, resolve } = Promise.withResolvers<undefined>();
        wake = () => resolve(undefined);
        if (!moved) step = await Promise.race([next, promise]);
        if (step !== undefined) break;
        moved = false;
        yield "head";
      }
      waiting = false;
      moved = false;
      if (step.done) return yield "head";
      yield step.value;
    }
  } finally {
    const ended = events.return(undefined);
    // An event that is waited for may be long in coming, and nobody wants it:
    // the reader ends when its signal is aborted.
    if (waiting) ended.catch(() => {});
    else await ended;
  }
}
