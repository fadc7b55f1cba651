/**
 * One key at one provider: its transport, its budget and how it is doing.
 *
 * @module
 */
import {
  type Budget,
  type Clock,
  type Counter,
  type Facts,
  type Logger,
  type Metrics,
} from "../../../runtime/component.ts";
import { Capabilities } from "./capabilities.ts";
import { RpcError } from "./errors.ts";
import { MalformedError, whole } from "../hex.ts";
import { Latencies } from "./latencies.ts";
import type { Tariff } from "./plan.ts";
import type { Call, Reply, Transport } from "./rpc.ts";

// Pauses of an endpoint that keeps failing or refusing, doubled each time.
const FIRST_PAUSE_MS = 250;
const FIRST_COOL_DOWN_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

// A refused key is asked this long after midnight: clocks differ.
const RESET_MARGIN_MS = 5000;

// A pause is worth a warning once in this time.
const QUIET_MS = 10_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What an endpoint is made of. */
export interface EndpointOptions {
  /** Shown to people: `alchemy#1`; never the key. */
  readonly name: string;
  /** For messages: the host of the URL and nothing else of it. */
  readonly host: string;
  /** The key's last characters, for the verb `keys`. */
  readonly key?: string;
  readonly transport: Transport;
  readonly budget: Budget;
  /** What its calls cost. */
  readonly tariff: Tariff;
  /** What is known of it already, and who is told more. */
  readonly facts?: Facts | undefined;
  /** Calls that may be under way at once. */
  readonly inFlight: number;
  /** Where it pushes heads, with its key; it is shown to nobody. */
  readonly socket?: string | undefined;
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
  /** Calls that may share one request; 1: no batches. */
  readonly batch: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** One key at one provider. */
export class Endpoint {
  readonly name: string;
  readonly host: string;
  /** The key's last characters. */
  readonly key: string;
  readonly budget: Budget;
  /** What its calls cost. */
  readonly tariff: Tariff;
  /** What it can do, as far as is known. */
  readonly can: Capabilities;
  /** Calls that may be under way at once. */
  readonly inFlight: number;
  /** The chain that it said it serves; undefined until it was asked. */
  chainId: number | undefined;
  /** How long its answers take. */
  readonly latencies = new Latencies();
  readonly #options: EndpointOptions;
  readonly #counters = new Map<string, Counter>();
  #closed: string | undefined;
  #asking: Promise<void> | undefined;
  #quietUntil = 0;
  /** Refusals and failures in a row, each at most once per pause. */
  #refusals = 0;
  #failures = 0;

  constructor(options: EndpointOptions) {
    this.name = options.name;
    this.host = options.host;
    this.key = options.key ?? "none";
    this.budget = options.budget;
    this.tariff = options.tariff;
    const { clock, facts, tariff } = options;
    this.can = new Capabilities(tariff, clock, facts);
    this.inFlight = options.inFlight;
    this.#options = options;
  }

  /** Why it is used no more; undefined while it is. */
  get closed(): string | undefined {
    return this.#closed;
  }

  /** Calls that may share one request; 1: no batches. */
  get batch(): number {
    return Math.min(this.#options.batch, this.can.batch ?? Infinity);
  }

  /** Whether it can be asked to push heads. */
  get pushes(): boolean {
    return this.#options.socket !== undefined;
  }

  /** Whether it may be used, and has something left of every quota. */
  get canPay(): boolean {
    return this.#closed === undefined && this.budget.usage()
      .every(({ left, window }) => window.per < HOUR_MS || left > 0);
  }

  /** Open what it pushes heads through; the caller holds an admission. */
  subscribe<T>(open: (url: string) => T): T {
    this.#count("calls", "method", "eth_subscribe");
    return open(this.#options.socket ?? "");
  }

  /** A head was pushed, which is billed. */
  pushed(): void {
    this.#count("pushed");
    const { push } = this.tariff;
    if (push !== undefined) this.budget.charge(push);
  }

  /** Failures in a row, those before one pause counted once. */
  get failures(): number {
    return this.#failures;
  }

  /** When its pause ends; in the past when there is none. */
  get coolUntil(): number {
    return this.budget.cooledUntil;
  }

  /**
   * Make calls now; the caller holds an admission. What failed for one call
   * is among the results.
   *
   * @throws {RpcError} The request as a whole has failed.
   */
  async send(calls: readonly Call[], signal?: AbortSignal): Promise<Reply> {
    const { clock, timeout, transport } = this.#options;
    const left = clock.now();
    for (const { method } of calls) this.#count("calls", "method", method);
    const timed = () => {
      for (const { method } of calls) {
        this.latencies.observe(method, clock.now() - left);
      }
    };
    try {
      const reply = await transport.send(calls, { signal, timeout });
      timed();
      this.#count("bytes", "", "", reply.bytes);
      let failed = false;
      reply.results.forEach((result, index) => {
        const call = calls[index];
        if (result instanceof RpcError) {
          failed = true;
          this.#failed(result, { left, call });
        } else if (call !== undefined) this.can.succeeded(call, result);
      });
      if (!failed) this.#succeeded();
      return reply;
    } catch (error) {
      if (error instanceof RpcError) {
        const [call] = calls.length === 1 ? calls : [];
        this.#failed(error, { left, call });
        if (calls.length > 1) this.#refusedBatch(error, calls.length);
      } else timed(); // It was given up: so long it took at least.
      throw error;
    }
  }

  /**
   * Find out which chain it serves, with one call for all who ask at a time;
   * they hold admissions.
   *
   * @returns whether the caller's admission was used for it.
   * @throws {RpcError} It does not say.
   */
  async identify(signal?: AbortSignal): Promise<boolean> {
    if (this.#asking) {
      // Whoever asks may give up: then the next one asks.
      await this.#asking.catch(() => {});
      return false;
    }
    try {
      await (this.#asking = this.askChainId(signal));
      return true;
    } finally {
      this.#asking = undefined;
    }
  }

  /**
   * Ask which chain it serves; the caller holds an admission.
   *
   * @throws {RpcError} It does not say.
   */
  async askChainId(signal?: AbortSignal): Promise<void> {
    const call = { method: "eth_chainId", params: [] };
    const { results: [result] } = await this.send([call], signal);
    if (result instanceof RpcError) throw result;
    try {
      this.chainId = whole(result, "eth_chainId");
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      throw new RpcError("other", error.message);
    }
  }

  /** Use it no more, and say so loudly. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#options.log.error("Endpoint closed", {
      endpoint: this.name,
      host: this.host,
      reason,
    });
  }

  #succeeded(): void {
    if (this.#failures > 1) {
      this.#options.log.info("Endpoint answers again", {
        endpoint: this.name,
      });
    }
    this.#failures = 0;
    this.#refusals = 0;
  }

  #failed(
    error: RpcError,
    { call, left }: { left: number; call: Call | undefined },
  ): void {
    const { kind } = error;
    this.#count("errors", "kind", kind);
    if (call !== undefined) this.can.failed(call, error);
    if (error.unsupported && call !== undefined) return;
    if (kind === "auth") {
      this.close(error.message);
    } else if (kind === "rate") {
      this.#count("refused");
      this.#refused(error, left);
    } else if (kind === "quota") {
      this.#count("refused");
      this.#exhausted(error);
    } else if (error.transient) {
      this.#down(error, left);
    }
  }

  #refused(error: RpcError, left: number): void {
    // What left before the last refusal was known tells nothing new.
    if (left >= this.coolUntil) {
      this.#refusals++;
      this.budget.leaveRoom();
    }
    const step = pause(FIRST_COOL_DOWN_MS, this.#refusals);
    const { retryAfter } = error;
    const wait = retryAfter === undefined
      ? step
      : this.#refusals > 1
      ? Math.max(retryAfter, step / 2)
      : retryAfter;
    this.#cool(wait, "Rate limit", error.message);
  }

  /** Where neither plan nor provider says when a quota comes back, guess. */
  #exhausted(error: RpcError): void {
    const now = this.#options.clock.now();
    const period = /daily|day/i.test(error.message)
      ? "day"
      : /month/i.test(error.message)
      ? "month"
      : undefined;
    // A day or a month turns at 00:00 UTC everywhere we know of; of anything
    // else we know nothing, and one refused call an hour finds out.
    const turn = period === undefined ? HOUR_MS : DAY_MS;
    const guess = Math.ceil((now + 1) / turn) * turn + RESET_MARGIN_MS;
    const until = this.budget.resetAfter(period) ??
      (error.retryAfter === undefined ? guess : now + error.retryAfter);
    this.#cool(until - now, "Quota spent", error.message);
  }

  #down(error: RpcError, left: number): void {
    if (left >= this.coolUntil) this.#failures++;
    // One lost call is no outage: the next may leave at once.
    if (this.#failures < 2) return;
    const wait = pause(FIRST_PAUSE_MS, this.#failures - 1);
    this.#cool(Math.max(wait, error.retryAfter ?? 0), "Fails", error.message);
  }

  #cool(
    wait: number,
    what: "Rate limit" | "Quota spent" | "Fails",
    reason: string,
  ): void {
    const { budget, clock, log } = this.#options;
    const until = clock.now() + wait;
    // Of an account with many keys the first one says it for all.
    if (until <= this.coolUntil) return;
    if (what === "Fails") budget.coolUntil(until);
    else budget.coolGroupUntil(until);
    // A limit that is set too high is refused every second, for hours.
    const often = clock.now() < this.#quietUntil;
    if (!often) this.#quietUntil = clock.now() + QUIET_MS;
    log[often ? "debug" : "warn"](`${what}: endpoint pauses`, {
      endpoint: this.name,
      ...(budget.group === budget.name ? {} : { quota_group: budget.group }),
      reason,
      pause_ms: Math.round(wait),
      until: new Date(until).toISOString(),
    });
  }

  /** Some providers sell no batches: then each call goes alone. */
  #refusedBatch(
    { kind, message, transient }: RpcError,
    length: number,
  ): void {
    if (transient || (kind !== "other" && kind !== "size")) return;
    this.can.refusedBatch(length, message);
    const what = this.batch === 1 ? "no batches" : "smaller batches";
    this.#options.log.info(`Endpoint takes ${what}`, {
      endpoint: this.name,
      reason: message,
    });
  }

  #count(
    what: "calls" | "bytes" | "errors" | "refused" | "pushed",
    ...[label = "", value = "", amount = 1]: [string?, string?, number?]
  ): void {
    const key = `${what} ${value}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = this.#options.metrics.counter(`sluice_rpc_${what}_total`, {
        endpoint: this.budget.name,
        ...(label === "" ? {} : { [label]: value }),
      });
      this.#counters.set(key, counter);
    }
    counter.add(amount);
  }
}

/** The `times`th pause: doubled, with jitter so that clients spread out. */
function pause(first: number, times: number): number {
  const longest = Math.min(LONGEST_PAUSE_MS, first * 2 ** (times - 1));
  return longest * (0.75 + Math.random() / 2);
}
