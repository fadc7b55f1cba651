/**
 * Where a call goes next after it has failed, and after what pause.
 *
 * @module
 */
import {
  type Clock,
  RetryableError,
  UserError,
} from "../../../runtime/component.ts";
import { calledBlocks } from "../chain/called_blocks.ts";
import type { Inability } from "./capabilities.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import type { Call } from "./rpc.ts";

// Tries of a call that fails for no reason of its own, and for one that is
// not known. A second node may know better; a third hardly ever does.
const TRANSIENT_TRIES = 6;
const OTHER_TRIES = 3;

// Pauses before a block that all nodes lack is asked for again.
const FIRST_MISSING_PAUSE_MS = 150;
const LONGEST_MISSING_PAUSE_MS = 2000;

// An endpoint that pauses longer than this is out for the moment: waiting
// for it is worse than asking the one that has just failed.
const LONG_PAUSE_MS = 30_000;

/** What steering needs to know. */
export interface SteeringOptions {
  /** The connection's name. */
  readonly name: string;
  readonly call: Call;
  readonly endpoints: readonly Endpoint[];
  readonly clock: Clock;
  /** Milliseconds to ask again for what is missing. */
  readonly patience: number;
  /** An endpoint to ask last. */
  readonly avoid: Endpoint | undefined;
}

/** The state of one call between its tries. */
export class Steering {
  readonly #options: SteeringOptions;
  readonly #failed = new Map<Endpoint, RpcError>();
  readonly #tried = new Set<Endpoint>();
  #last: Endpoint | undefined;
  #tries = 0;
  #missingSince: number | undefined;
  #missingPause = FIRST_MISSING_PAUSE_MS;

  constructor(options: SteeringOptions) {
    this.#options = options;
    if (options.avoid) this.#tried.add(options.avoid);
  }

  /**
   * Endpoints that may be asked next: never the one that has just failed
   * while another one exists.
   *
   * @throws {UserError} None is left.
   * @throws {RpcError} None offers the method.
   */
  candidates(): readonly Endpoint[] {
    const usable = this.#usable();
    const fresh = usable.filter((endpoint) => !this.#tried.has(endpoint));
    if (fresh.length > 0) return fresh;
    this.#tried.clear();
    const others = usable.filter((endpoint) => endpoint !== this.#last);
    return others.length > 0 ? others : usable;
  }

  /**
   * Take note of a failure and return the pause before the next try, ms.
   *
   * @throws {RpcError} Trying again is no use.
   * @throws {RetryableError} It may be of use later.
   */
  after(error: RpcError, endpoint: Endpoint): number {
    this.#last = endpoint;
    this.#tried.add(endpoint);
    this.#failed.set(endpoint, error);
    const { kind } = error;
    // The endpoint itself pauses, or is out of the candidates.
    if (kind === "rate" || kind === "quota" || kind === "auth") return 0;
    if (error.unsupported) return 0;
    if (error.certain) throw this.#final(error);
    if (kind === "missing") return this.#missing(error);

    this.#tries++;
    if (kind === "size") {
      if (this.#untried() === 0) throw this.#final(error);
    } else if (error.transient) {
      // After a pause one call tries for all: what it meets, all would.
      const down = this.#usable().every(({ failures }) =>
        failures >= TRANSIENT_TRIES
      );
      if (down || this.#tries >= TRANSIENT_TRIES) {
        throw new RetryableError(this.#message(), {
          cause: error,
          ...(error.retryAfter ? { after: error.retryAfter } : {}),
        });
      }
    } else if (this.#tries >= OTHER_TRIES && this.#untried() === 0) {
      throw this.#final(error);
    }
    return 0;
  }

  #missing(error: RpcError): number {
    const { clock, patience } = this.#options;
    const now = clock.now();
    this.#missingSince ??= now;
    if (this.#untried() > 0) return 0;
    if (now - this.#missingSince >= patience) throw this.#final(error);
    const pause = this.#missingPause;
    this.#missingPause = Math.min(pause * 1.6, LONGEST_MISSING_PAUSE_MS);
    return pause * (0.75 + Math.random() / 2);
  }

  #untried(): number {
    return this.#usable().filter((one) => !this.#tried.has(one)).length;
  }

  #usable(): readonly Endpoint[] {
    const { call, clock, endpoints, name } = this.#options;
    const open = endpoints.filter(({ closed }) => closed === undefined);
    if (open.length === 0) {
      const reasons = endpoints.map(({ closed, host, name }) =>
        `${name} (${host}): ${closed}`
      );
      throw new UserError(
        `No endpoint of "${name}" is left: ${reasons.join("; ")}`,
      );
    }
    const why = (reason: Inability | undefined) =>
      open.filter(({ can }) => can.inability(call) === reason);
    const ready = why(undefined);
    // One that lags is asked where no other can be.
    const known = ready.length > 0 ? ready : why("behind");
    // What others have found may be over: before nobody is asked, see.
    const able = known.length > 0
      ? known
      : open.filter(({ can }) => can.doubt(call));
    if (able.length === 0) throw this.#unable(open);
    const now = clock.now();
    const soon = able.filter(({ coolUntil }) =>
      coolUntil - now <= LONG_PAUSE_MS
    );
    return soon.length > 0 ? soon : able;
  }

  /** Why none of the endpoints is any use for the call. */
  #unable(open: readonly Endpoint[]): RpcError {
    const { call, name } = this.#options;
    const reasons = open.map(({ can }) => can.inability(call));
    if (reasons.every((reason) => reason === "method")) {
      const message = `No endpoint of "${name}" offers ${call.method}`;
      return new RpcError("other", message, { unsupported: true });
    }
    const failed = this.#failed.size > 0 ? `; ${this.#message()}` : "";
    // A smaller question may do.
    if (reasons.includes("size")) {
      const message = `No endpoint of "${name}" takes so much${failed}`;
      return new RpcError("size", message);
    }
    const { from } = calledBlocks(call) ?? {};
    const message = `No endpoint of "${name}" has block ${from} for ` +
      `${call.method}: add one that keeps history${failed}`;
    return new RpcError("missing", message, { certain: true });
  }

  #final(error: RpcError): RpcError {
    const { certain, reason, retryAfter, transient, unsupported } = error;
    return new RpcError(error.kind, this.#message(), {
      certain,
      reason,
      retryAfter,
      transient,
      unsupported,
    });
  }

  #message(): string {
    const { call: { method }, name } = this.#options;
    const reasons = Array.from(
      this.#failed,
      ([{ host, name }, { message }]) => `${name} (${host}): ${message}`,
    );
    return `${method} failed at "${name}": ${reasons.join("; ")}`;
  }
}
