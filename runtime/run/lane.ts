/**
 * Holds units back until they are as safe as the sinks of the lane ask.
 *
 * @module
 */
import type { Head } from "../component.ts";
import type { Deliver } from "../spec/spec.ts";
import type { UnitEvent } from "./events.ts";
import type { Flow } from "./flow.ts";

/** The sinks of one source that share one `deliver`. */
export class Lane {
  readonly deliver: Deliver;
  readonly flow: Flow;
  /**
   * Units that are not safe enough yet, oldest first. Only their places in
   * the journal: the rows are read from there when their time comes.
   */
  #held: UnitEvent[] = [];

  constructor(deliver: Deliver, flow: Flow) {
    this.deliver = deliver;
    this.flow = flow;
  }

  /** Take an event; it goes on at once or when {@linkcode release} says so. */
  async push(event: UnitEvent): Promise<void> {
    if (event.op === "retract" && this.#held.at(-1)?.id === event.id) {
      // It did not leave in this run, but a replay also holds what some of
      // the sinks have taken in an earlier one: those hear of it below.
      this.#held.pop();
    }
    // What comes before a final unit is final as well, and goes first.
    if (event.seq === 0) await this.#releaseTo(event.number);
    const atOnce = this.deliver === "latest" || event.seq === 0 ||
      event.op === "retract";
    if (atOnce) return await this.flow.process(event);

    await this.flow.repeat(event);
    this.#held.push({ ...event, rows: event.stored });
  }

  /** Send on what the head has made safe enough. */
  async release(head: Head | undefined): Promise<void> {
    if (head) await this.#releaseTo(safeUpTo(this.deliver, head));
  }

  async #releaseTo(limit: number): Promise<void> {
    while ((this.#held[0]?.number ?? Infinity) <= limit) {
      const event = this.#held.shift();
      if (event) await this.flow.process(event);
    }
  }
}

/** The highest number that may be delivered. */
function safeUpTo(deliver: Deliver, head: Head): number {
  if (deliver === "latest") return head.latest;
  if (deliver === "safe") return head.safe ?? head.finalized ?? -1;
  if (deliver === "finalized") return head.finalized ?? -1;
  return head.latest - deliver.confirmations;
}
