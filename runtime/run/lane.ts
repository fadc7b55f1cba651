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
      // It never left: the sinks need not hear of it.
      this.#held.pop();
      return;
    }
    const atOnce = this.deliver === "latest" || event.seq === 0 ||
      event.op === "retract";
    if (atOnce) await this.flow.process(event);
    else this.#held.push({ ...event, rows: event.stored });
  }

  /** Send on what the head has made safe enough. */
  async release(head: Head | undefined): Promise<void> {
    const limit = head ? safeUpTo(this.deliver, head) : -1;
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
