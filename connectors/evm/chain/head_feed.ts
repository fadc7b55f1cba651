/**
 * Keeps a subscription to new heads: on the endpoint where that is cheapest,
 * again after it broke, and not at all while its budget is spent.
 *
 * @module
 */
import type { Clock, Logger } from "../../../runtime/component.ts";
import type { EvmClient } from "../rpc/client.ts";
import type { Endpoint } from "../rpc/endpoint.ts";
import { cheapestFeed } from "./following.ts";
import { type PushedHead, Subscription } from "./subscription.ts";

// Pauses before a subscription is tried again, doubled each time.
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;

/** What a feed works with. */
export interface FeedOptions {
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Heads that an endpoint pushes. */
export class HeadFeed implements Disposable {
  readonly #options: FeedOptions;
  #subscription: Subscription | undefined;
  #endpoint: Endpoint | undefined;
  #opening = false;
  readonly #stop = new AbortController();
  #failures = 0;
  #againAt = -Infinity;
  /** The last head that nobody has taken yet. */
  #head: PushedHead | undefined;
  #wake = () => {};

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Whether heads are pushed now; if not, that is tried before long. */
  get isOpen(): boolean {
    if (this.#subscription === undefined) this.#start();
    return this.#subscription?.isOpen ?? false;
  }

  /**
   * The latest head that was pushed since the last question; undefined when
   * none came in time, or none will.
   *
   * @throws the signal's reason when it is aborted first.
   */
  async next(
    patience: number,
    signal: AbortSignal,
  ): Promise<PushedHead | undefined> {
    const timer = new AbortController();
    const pushed = new Promise<void>((resolve) => this.#wake = resolve);
    const late = this.#options.clock.sleep(
      patience,
      AbortSignal.any([signal, timer.signal]),
    );
    try {
      const nothing = this.#head === undefined && this.isOpen;
      if (nothing) await Promise.race([pushed, late]);
    } finally {
      timer.abort("A head came");
      late.catch(() => {});
    }
    const head = this.#head;
    this.#head = undefined;
    return head;
  }

  /** The chain goes on and it says nothing: it is dead. */
  drop(reason: string): void {
    this.#subscription?.[Symbol.dispose]();
    this.#ended(reason);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
  }

  #start(): void {
    const { client, clock } = this.#options;
    const { signal } = this.#stop;
    if (signal.aborted || this.#opening || clock.now() < this.#againAt) return;
    const endpoint = cheapestFeed(client.endpoints, clock.now());
    if (endpoint === undefined) return;
    this.#endpoint = endpoint;
    this.#open(endpoint);
  }

  async #open(endpoint: Endpoint): Promise<void> {
    const { client, log } = this.#options;
    const { signal } = this.#stop;
    const { name } = endpoint;
    const open = (url: string) =>
      new Subscription({
        url,
        onOpen: () => log.info("Heads are pushed", { endpoint: name }),
        onHead: (head) => this.#pushed(head),
        onEnd: (reason) => this.#ended(reason),
      });
    this.#opening = true;
    try {
      const opened = await client.openFeed(endpoint, { open, signal });
      if (signal.aborted) opened[Symbol.dispose]();
      else this.#subscription = opened;
    } catch {
      // What was thrown may show the address.
      if (!signal.aborted) this.#ended("it cannot be opened");
    } finally {
      this.#opening = false;
    }
  }

  #pushed(head: PushedHead): void {
    const endpoint = this.#endpoint;
    this.#failures = 0;
    this.#head = head;
    endpoint?.pushed();
    this.#wake();
    if (endpoint?.canPay === false) {
      this.drop("its budget is spent");
    }
  }

  #ended(reason: string): void {
    const { clock, log } = this.#options;
    const pause = Math.min(
      LONGEST_PAUSE_MS,
      FIRST_PAUSE_MS * 2 ** this.#failures,
    );
    this.#againAt = clock.now() + pause;
    this.#subscription = undefined;
    // A socket that breaks all day is a line, not a thousand.
    log[this.#failures++ === 0 ? "warn" : "debug"](
      "No heads are pushed: polls instead",
      { endpoint: this.#endpoint?.name, reason, again_in_ms: pause },
    );
    this.#wake();
  }
}
