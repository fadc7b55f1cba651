/**
 * The client of a chain: makes calls, and steers round what fails.
 *
 * @module
 */
import {
  type Admission,
  type CallRequest,
  type Clock,
  type Connected,
  type Cost,
  type KeyReport,
  type Logger,
  type Recorded,
  type RecordOptions,
  type Scheduler,
} from "../../../runtime/component.ts";
import {
  type Answered,
  type CallOptions,
  check,
  flaw,
  type Outcome,
} from "./answer.ts";
import { type BlockRange, lastOfLogs } from "../chain/called_blocks.ts";
import type { Endpoint } from "./endpoint.ts";
import { isAnswer, RpcError } from "./errors.ts";
import { race, type Winner } from "./hedge.ts";
import { reportKeys } from "./keys.ts";
import type { Tariff } from "./plan.ts";
import type { Call } from "./rpc.ts";
import { Identity } from "./identity.ts";
import { FirstAnswer, reachAll, tellLost } from "./reach.ts";
import { Steering } from "./steering.ts";

export type { Answered, CallOptions } from "./answer.ts";
export type { BlockRange } from "../chain/called_blocks.ts";

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
  /** The blocks that there will ever be, of a recording. */
  readonly range: BlockRange | undefined;
}

/** The client of a chain. */
export class EvmClient implements Connected {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** Calls that may be under way at once. */
  readonly inFlight: number;
  /** The blocks that there will ever be; only a recording has a range. */
  readonly range: BlockRange | undefined;
  readonly #options: ClientOptions;
  readonly #identity: Identity;
  #first: FirstAnswer | undefined;

  constructor(options: ClientOptions) {
    this.name = options.name;
    this.endpoints = options.endpoints;
    this.inFlight = options.inFlight;
    this.range = options.range;
    this.#options = options;
    this.#identity = new Identity(options.name, options.chainId);
  }

  /** The id of the chain; known once an endpoint has answered. */
  get chainId(): number | undefined {
    return this.#identity.chainId;
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
      call,
      endpoints: this.endpoints,
      clock,
      patience: options.patience ?? missingTimeout,
      avoid: options.avoid,
    });
    for (;;) {
      const candidates = steering.candidates();
      const { endpoint, outcome } = await this.#attempt(
        [call],
        candidates,
        options,
      );
      const checked = outcome && check(outcome, options);
      this.#first?.observe(endpoint, checked);
      if (checked === undefined) continue;
      if (!(checked instanceof RpcError)) return { ...checked, endpoint };
      const pause = steering.after(checked, endpoint);
      if (pause > 0) await clock.sleep(pause, options.signal);
    }
  }

  /**
   * Ask every endpoint for its chain id.
   *
   * @param options `lazy`: of a single endpoint the first call shows whether
   * it answers, and its first block which chain it serves.
   * @throws {UserError} One serves another chain, or none answers.
   */
  async health({ lazy = false } = {}): Promise<void> {
    if (lazy && this.endpoints.length === 1) {
      this.#first = new FirstAnswer(this.name);
      return;
    }
    const lost = await reachAll(this);
    this.#identity.compare(this.endpoints);
    tellLost(lost, this.#options);
  }

  /** Report on every key, for the verb `keys`. */
  keys(
    options: { readonly test: boolean; readonly signal: AbortSignal },
  ): Promise<readonly KeyReport[]> {
    return reportKeys(this, { ...options, clock: this.#options.clock });
  }

  /**
   * Ask one endpoint, once, and no other.
   *
   * @throws {RpcError} It does not answer.
   */
  async askAlone(
    endpoint: Endpoint,
    method: "eth_chainId" | "eth_blockNumber",
    signal?: AbortSignal,
  ): Promise<unknown> {
    const call = { method, params: [] };
    using _admission = await this.#admit([call], [endpoint], {
      priority: "lookup",
      signal,
    });
    if (method === "eth_chainId") return await endpoint.askChainId(signal);
    const { results: [result] } = await endpoint.send([call], signal);
    if (result instanceof RpcError) throw result;
    return result;
  }

  /** Open a subscription; what `open` gets holds a key. */
  async openFeed<T>(
    endpoint: Endpoint,
    { open, signal }: {
      readonly open: (url: string) => T;
      readonly signal: AbortSignal;
    },
  ): Promise<T> {
    const call = { method: "eth_subscribe", params: ["newHeads"] };
    using _admission = await this.#admit([call], [endpoint], {
      priority: "head",
      signal,
    });
    return endpoint.subscribe(open);
  }

  /** Save the blocks of a range with their receipts as a recording. */
  async record(
    options: RecordOptions,
  ): Promise<Recorded & { readonly file: string }> {
    const { recordRange } = await import("../recording/record.ts");
    return await recordRange(this, options);
  }

  /**
   * Make many calls, in as few requests as the endpoints' batches allow.
   *
   * @throws as `ask`.
   */
  async askMany(
    calls: readonly (readonly [Call, CallOptions])[],
    options: CallOptions,
  ): Promise<readonly Answered[]> {
    const open = this.endpoints.filter(({ closed }) => closed === undefined);
    const most = Math.max(1, Math.min(...open.map(({ batch }) => batch), 100));
    const answers: Answered[] = [];
    // A wave at a time: thousands that wait make every wait slower.
    for (let next = 0; next < calls.length; next += most * this.inFlight) {
      const wave = calls.slice(next, next + most * this.inFlight);
      const requests = Array.from(
        { length: Math.ceil(wave.length / most) },
        (_, index) => wave.slice(index * most, (index + 1) * most),
      );
      const made = await Promise.all(requests.map(async (request) => {
        const together = request.length > 1
          ? await this.askTogether(request, options)
          : [];
        return await Promise.all(
          request.map(([call, own], index) =>
            together[index] ?? this.ask(call, own)
          ),
        );
      }));
      answers.push(...made.flat());
    }
    return answers;
  }

  /**
   * Make calls in one request where the endpoints take so many; an answer
   * that is undefined must be asked for on its own.
   */
  async askTogether(
    calls: readonly (readonly [Call, CallOptions])[],
    options: CallOptions,
  ): Promise<readonly (Answered | undefined)[]> {
    const now = this.#options.clock.now();
    const able = this.endpoints.filter((endpoint) =>
      endpoint.closed === undefined && endpoint.coolUntil <= now &&
      endpoint !== options.avoid &&
      calls.every(([call]) => endpoint.can.inability(call) === undefined)
    );
    // Where only some take batches, single calls go to whoever is free first.
    const together = able.every(({ batch }) => batch >= calls.length);
    if (able.length === 0 || !together) return calls.map(() => undefined);
    const { endpoint, outcome } = await this.#attempt(
      calls.map(([call]) => call),
      able,
      options,
    );
    if (!Array.isArray(outcome)) return calls.map(() => undefined);
    return calls.map(([, { validate }], index) => {
      const answer = outcome[index];
      if (answer === undefined || answer.result instanceof RpcError) {
        return undefined;
      }
      const wrong = flaw(answer.result, validate ? { validate } : {});
      return wrong === undefined ? { ...answer, endpoint } : undefined;
    });
  }

  /**
   * One try. Undefined: the endpoint had to be asked for its chain or its
   * head first.
   * An error is one of the whole request.
   */
  async #attempt(
    calls: readonly Call[],
    candidates: readonly Endpoint[],
    options: CallOptions,
  ): Promise<{ endpoint: Endpoint; outcome: Outcome }> {
    const { clock } = this.#options;
    using admission = await this.#admit(calls, candidates, options);
    const endpoint = candidates.find(({ budget }) =>
      budget === admission.budget
    );
    if (endpoint === undefined) throw new Error("Admitted to a strange budget");
    try {
      if (this.#identity.isAskedFor(endpoint, calls)) {
        const asked = await endpoint.identify(options.signal);
        const fits = this.#identity.admits(endpoint);
        if (asked || !fits || endpoint.chainId === undefined) {
          return { endpoint, outcome: undefined };
        }
      }
      if (endpoint.can.head < lastOfLogs(calls)) {
        return {
          endpoint,
          outcome: await this.#askHead(endpoint, calls, options),
        };
      }
      const left = clock.now();
      const { endpoint: answered, reply } = await this.#send(endpoint, {
        ...{ calls, candidates, options },
      });
      const took = clock.now() - left;
      if (answered !== endpoint) admission.lose();
      const { bytes, results } = reply;
      if (!this.#identity.accepts(answered, results[0])) {
        return { endpoint: answered, outcome: undefined };
      }
      const share = bytes / results.length;
      return {
        endpoint: answered,
        outcome: results.map((result) => ({ result, bytes: share, took })),
      };
    } catch (error) {
      if (!isAnswer(error)) admission.lose();
      if (error instanceof RpcError) return { endpoint, outcome: error };
      throw error;
    }
  }

  /**
   * Ask for the head first: of blocks that it lacks a node gives no logs, and
   * does not say so. Undefined: it has them all.
   */
  async #askHead(
    endpoint: Endpoint,
    calls: readonly Call[],
    { signal }: CallOptions,
  ): Promise<RpcError | undefined> {
    const ask = { method: "eth_blockNumber", params: [] };
    const { results: [result] } = await endpoint.send([ask], signal);
    if (result instanceof RpcError) return result;
    const { head } = endpoint.can;
    if (head >= lastOfLogs(calls)) return undefined;
    return new RpcError("missing", `its head is block ${head}`);
  }

  /** Send calls; those for the head also elsewhere when they are late. */
  async #send(
    endpoint: Endpoint,
    { calls, candidates, options }: {
      readonly calls: readonly Call[];
      readonly candidates: readonly Endpoint[];
      readonly options: CallOptions;
    },
  ): Promise<Winner> {
    const { signal } = options;
    if (options.priority !== "head") {
      return { endpoint, reply: await endpoint.send(calls, signal) };
    }
    const { clock, scheduler } = this.#options;
    const second = () => {
      const others = candidates.filter((one) =>
        one !== endpoint && one.chainId !== undefined &&
        one.coolUntil <= clock.now()
      );
      const admission = scheduler.spare(this.#request(calls, others, options));
      const other = others.find(({ budget }) => budget === admission?.budget);
      return admission && other && { admission, endpoint: other };
    };
    return await race(endpoint, { calls, clock, second, signal });
  }

  #admit(
    calls: readonly Call[],
    candidates: readonly Endpoint[],
    options: CallOptions,
  ): Promise<Admission> {
    const request = this.#request(calls, candidates, options);
    return this.#options.scheduler.admit(request);
  }

  #request(
    calls: readonly Call[],
    candidates: readonly Endpoint[],
    { priority = "backfill", signal }: CallOptions,
  ): CallRequest {
    const methods = calls.map(({ method }) => method);
    const tariffs = new Map(
      candidates.map(({ budget, tariff }) => [budget, tariff]),
    );
    const priced = this.endpoints.some(({ tariff }) => tariff.isPriced);
    return {
      method: methods.join("+"),
      // Providers count the calls of a batch one by one.
      price: calls.length,
      // Without prices the order of the endpoints decides.
      ...(priced
        ? { cost: (budget) => costOf(tariffs.get(budget), methods) }
        : {}),
      priority,
      budgets: candidates.map(({ budget }) => budget),
      ...(signal ? { signal } : {}),
    };
  }
}

function costOf(tariff: Tariff | undefined, methods: readonly string[]): Cost {
  if (tariff !== undefined) return tariff.cost(methods);
  const count = methods.length;
  return { calls: count, credits: count, weight: count };
}
