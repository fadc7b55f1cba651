/**
 * One key at one service: its budget and how it is doing.
 *
 * @module
 */
import type { Budget, OpenContext } from "../../../runtime/component.ts";
import { maskedKey } from "../rpc/keys.ts";
import {
  type Dialect,
  type Meaning,
  meaningOf,
  type Question,
  questionUrl,
} from "./service.ts";

// Pauses of a service that keeps failing or refusing, doubled each time.
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

// A spent quota without a known reset is tried again once an hour.
const QUOTA_PAUSE_MS = 3_600_000;

// No ABI comes near it: the largest known has half a megabyte.
const MOST_BYTES = 8 << 20;

/** What a key is made of. */
export interface LookupKeyOptions {
  /** Its host, and its number where there are several; never the key. */
  readonly name: string;
  readonly dialect: Dialect;
  readonly url: string;
  readonly key: string;
  readonly budget: Budget;
  readonly context: OpenContext;
}

/** One key; see the module. */
export class LookupKey {
  readonly name: string;
  readonly dialect: Dialect;
  readonly budget: Budget;
  readonly #options: LookupKeyOptions;
  #troubles = 0;
  #closed = false;

  constructor(options: LookupKeyOptions) {
    this.name = options.name;
    this.dialect = options.dialect;
    this.budget = options.budget;
    this.#options = options;
  }

  /** The key as it may be shown. */
  get masked(): string {
    return maskedKey(this.#options.key);
  }

  /** Whether it is used no more: its key or plan is refused. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ask once; the caller holds an admission. It never throws. */
  async ask(
    question: Question,
    options: { readonly timeout: number; readonly signal: AbortSignal },
  ): Promise<Meaning> {
    const { context: { metrics } } = this.#options;
    const labels = { service: this.budget.name };
    metrics.counter("sluice_lookup_calls_total", labels).add();
    const meaning = await this.#fetch(question, options);
    if (options.signal.aborted) return meaning;
    this.#note(meaning);
    return meaning;
  }

  async #fetch(
    question: Question,
    { signal, timeout }: {
      readonly timeout: number;
      readonly signal: AbortSignal;
    },
  ): Promise<Meaning> {
    const { dialect } = this;
    try {
      const response = await fetch(questionUrl(this.#options, question), {
        headers: { accept: "application/json" },
        // A service that has moved is no answer, and a key goes nowhere else.
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      });
      const text = await limitedText(response);
      return meaningOf(dialect, question, { status: response.status, text });
    } catch (error) {
      // Its own message may show the URL, and with it the key.
      const late = error instanceof DOMException &&
        error.name === "TimeoutError";
      const reason = late
        ? `no answer within ${timeout / 1000} s`
        : error instanceof RangeError
        ? error.message
        : "connection failed";
      return { kind: "failed", reason };
    }
  }

  #note(meaning: Meaning): void {
    const { budget, context: { clock, log, metrics } } = this.#options;
    const { kind } = meaning;
    if (!("reason" in meaning)) {
      if (this.#troubles > 1) log.info("Look-ups work again", this.#label());
      this.#troubles = 0;
      return;
    }
    metrics.counter("sluice_lookup_errors_total", {
      service: budget.name,
      kind,
    }).add();
    const { reason } = meaning;
    if (kind === "refused") {
      this.#closed = true;
      log.error("Look-ups are refused", { ...this.#label(), reason });
      return;
    }
    const now = clock.now();
    // What left before the pause was known tells nothing new.
    if (now < budget.cooledUntil) return;
    this.#troubles++;
    if (kind === "rate") budget.leaveRoom();
    const pause = Math.min(
      LONGEST_PAUSE_MS,
      FIRST_PAUSE_MS * 2 ** (this.#troubles - 1),
    );
    const until = kind === "quota"
      ? budget.resetAfter(undefined) ?? now + QUOTA_PAUSE_MS
      : now + pause;
    budget.coolUntil(until);
    // An outage of an hour is one line, not a hundred.
    log[this.#troubles === 1 ? "warn" : "debug"]("Look-ups pause", {
      ...this.#label(),
      reason,
      pause_ms: Math.round(until - now),
    });
  }

  #label() {
    return { service: this.name };
  }
}

/** Read an answer that is no longer than any ABI. */
async function limitedText(response: Response): Promise<string> {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const part of response.body) {
    bytes += part.length;
    if (bytes > MOST_BYTES) {
      throw new RangeError(`the answer has more than ${MOST_BYTES} bytes`);
    }
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}
