/**
 * The client of a chain: makes calls, and steers round what fails.
 *
 * @module
 */
import {
  type Admission,
  type Clock,
  type Connected,
  type Logger,
  type Priority,
  type Recorded,
  type RecordOptions,
  type Scheduler,
  UserError,
} from "../../runtime/component.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import { MalformedError, whole } from "./hex.ts";
import { recordRange } from "./record.ts";
import type { Call } from "./rpc.ts";
import { Steering } from "./steering.ts";

// Tries before an endpoint counts as out of reach at the start.
const HEALTH_TRIES = 3;

/** How a call is made. */
export interface CallOptions {
  /** "backfill" when absent. */
  readonly priority?: Priority;
  readonly signal?: AbortSignal | undefined;
  /**
   * Look at a result: what it returns, or throws as a {@linkcode
   * MalformedError}, says why the result cannot be right; another endpoint
   * is then asked, as if this one lacked the block.
   */
  readonly validate?: (result: unknown) => string | undefined;
  /** Milliseconds to ask again for what is missing. */
  readonly patience?: number;
  /** Whether `null` is a result. */
  readonly nullable?: boolean;
  /** An endpoint to ask last. */
  readonly avoid?: Endpoint | undefined;
}

/** A result and where it came from. */
export interface Answered {
  readonly result: unknown;
  /** Length of the answer's text. */
  readonly bytes: number;
  readonly endpoint: Endpoint;
}

/** What a client is made of. */
export interface ClientOptions {
  /** The connection's name. */
  readonly name: string;
  /** The preferred ones first. */
  readonly endpoints: readonly Endpoint[];
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly log: Logger;
  /** The chain's id, when the spec says it. */
  readonly chainId: number | undefined;
  /** Milliseconds to ask again for what is missing. */
  readonly missingTimeout: number;
  /** Calls that may be under way at once. */
  readonly inFlight: number;
  /** The last block that there will ever be: of a recording. */
  readonly ends: number | undefined;
}

/** The client of a chain. */
export class EvmClient implements Connected {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** Calls that may be under way at once. */
  readonly inFlight: number;
  /** The last block that there will ever be; only a recording has one. */
  readonly ends: number | undefined;
  readonly #options: ClientOptions;
  #chainId: number | undefined;

  constructor(options: ClientOptions) {
    this.name = options.name;
    this.endpoints = options.endpoints;
    this.inFlight = options.inFlight;
    this.ends = options.ends;
    this.#options = options;
    this.#chainId = options.chainId;
  }

  /** The id of the chain; known once an endpoint has answered. */
  get chainId(): number | undefined {
    return this.#chainId;
  }

  /**
   * Make a call and return its result.
   *
   * @throws {RpcError} It is missing everywhere, too large, unsupported or
   * wrong.
   * @throws {RetryableError} No endpoint answered.
   * @throws {UserError} No endpoint is left.
   */
  async call<T>(
    method: string,
    params: readonly unknown[],
    options: CallOptions = {},
  ): Promise<T> {
    const { result } = await this.ask({ method, params }, options);
    return result as T;
  }

  /** Make a call; as `call`, with where the result came from. */
  async ask(call: Call, options: CallOptions = {}): Promise<Answered> {
    const { clock, missingTimeout, name } = this.#options;
    const steering = new Steering({
      name,
      method: call.method,
      endpoints: this.endpoints,
      clock,
      patience: options.patience ?? missingTimeout,
      avoid: options.avoid,
    });
    for (;;) {
      const candidates = steering.candidates();
      const { endpoint, outcome } = await this.#attempt(
        call,
        candidates,
        options,
      );
      if (outcome instanceof RpcError) {
        const pause = steering.after(outcome, endpoint);
        if (pause > 0) await clock.sleep(pause, options.signal);
      } else if (outcome !== undefined) return { ...outcome, endpoint };
    }
  }

  /**
   * Ask every endpoint for its chain id.
   *
   * @throws {UserError} One serves another chain, or none answers.
   */
  async health(): Promise<void> {
    const { log, name } = this.#options;
    const reasons = await Promise.all(
      this.endpoints.map((endpoint) => this.#reach(endpoint)),
    );
    const problems = this.endpoints.flatMap((endpoint, index) => {
      const reason = reasons[index];
      return reason === undefined
        ? []
        : [`${endpoint.name} (${endpoint.host}): ${reason}`];
    });
    this.#chainId ??= this.endpoints
      .find(({ chainId }) => chainId !== undefined)?.chainId;
    for (const endpoint of this.endpoints) {
      const wrong = this.#mismatch(endpoint);
      if (wrong !== undefined) throw new UserError(wrong);
    }
    if (problems.length === this.endpoints.length) {
      throw new UserError(
        `Cannot reach "${name}": ${problems.join("; ")}`,
      );
    }
    for (const problem of problems) {
      log.warn("Endpoint out of reach; the others work", {
        endpoint: problem,
      });
    }
  }

  /** Save the blocks of a range with their receipts as a recording. */
  record(
    options: RecordOptions,
  ): Promise<Recorded & { readonly file: string }> {
    return recordRange(this, options);
  }

  /** One try; undefined: the endpoint had to be asked for its chain first. */
  async #attempt(
    call: Call,
    candidates: readonly Endpoint[],
    options: CallOptions,
  ): Promise<
    {
      endpoint: Endpoint;
      outcome: Omit<Answered, "endpoint"> | RpcError | undefined;
    }
  > {
    using admission = await this.#admit(call, candidates, options);
    const endpoint = candidates.find(({ budget }) =>
      budget === admission.budget
    );
    if (endpoint === undefined) throw new Error("Admitted to a strange budget");
    try {
      if (endpoint.chainId === undefined) {
        await this.#identify(endpoint, options.signal);
        const wrong = this.#mismatch(endpoint);
        if (wrong !== undefined) endpoint.close(wrong);
        return { endpoint, outcome: undefined };
      }
      const { bytes, results: [result] } = await endpoint.send(
        [call],
        options.signal,
      );
      if (result instanceof RpcError) return { endpoint, outcome: result };
      const problem = flaw(result, options);
      return {
        endpoint,
        outcome: problem === undefined
          ? { result, bytes }
          : new RpcError("missing", problem),
      };
    } catch (error) {
      if (error instanceof RpcError) return { endpoint, outcome: error };
      throw error;
    }
  }

  #admit(
    { method }: Call,
    candidates: readonly Endpoint[],
    { priority = "backfill", signal }: CallOptions,
  ): Promise<Admission> {
    return this.#options.scheduler.admit({
      method,
      priority,
      budgets: candidates.map(({ budget }) => budget),
      ...(signal ? { signal } : {}),
    });
  }

  /** Ask an endpoint for its chain id; return why that failed. */
  async #reach(endpoint: Endpoint): Promise<string | undefined> {
    for (let tries = 1;; tries++) {
      try {
        using _admission = await this.#admit(
          { method: "eth_chainId", params: [] },
          [endpoint],
          { priority: "lookup" },
        );
        await this.#identify(endpoint, undefined);
        return undefined;
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        const again = error.transient || error.kind === "rate";
        if (!again || tries >= HEALTH_TRIES) return error.message;
      }
    }
  }

  async #identify(
    endpoint: Endpoint,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const call = { method: "eth_chainId", params: [] };
    const { results: [result] } = await endpoint.send([call], signal);
    if (result instanceof RpcError) throw result;
    try {
      endpoint.chainId = whole(result, "eth_chainId");
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      throw new RpcError("other", error.message);
    }
  }

  #mismatch(endpoint: Endpoint): string | undefined {
    const { chainId, host, name } = endpoint;
    if (chainId === undefined) return undefined;
    this.#chainId ??= chainId;
    if (chainId === this.#chainId) return undefined;
    return `Endpoint "${name}" of "${this.name}" (${host}) serves chain ` +
      `${chainId}, expected ${this.#chainId}`;
  }
}

function flaw(
  result: unknown,
  { nullable = false, validate }: CallOptions,
): string | undefined {
  if (result === null || result === undefined) {
    return nullable ? undefined : "the result is null";
  }
  try {
    return validate?.(result);
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}
