/**
 * A client whose endpoints answer what a test says, on a clock that the test
 * moves: nothing is sent anywhere.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Facts, Window } from "../../../../runtime/component.ts";
import { createScheduler } from "../../../../runtime/budget/scheduler.ts";
import { EvmClient } from "../../../../connectors/evm/rpc/client.ts";
import { Endpoint } from "../../../../connectors/evm/rpc/endpoint.ts";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import {
  type PriceSettings,
  Tariff,
} from "../../../../connectors/evm/rpc/plan.ts";
import type {
  Call,
  Reply,
  Transport,
} from "../../../../connectors/evm/rpc/rpc.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";

/** Answers a call; what it throws is a failure of the whole request. */
export type Script = (call: Call, times: number) => unknown;

/** A call that was made. */
export interface Made {
  readonly endpoint: string;
  readonly method: string;
  readonly params: readonly unknown[];
  readonly at: number;
  /** Calls in the same request. */
  readonly together: number;
}

/** How an endpoint is made. */
export interface ScriptedEndpoint {
  readonly script: Script;
  readonly windows?: readonly Window[];
  /** Prices and limits; `windows` come on top. */
  readonly prices?: PriceSettings;
  readonly group?: string;
  /** What `eth_chainId` gives; 0x1 when absent. */
  readonly chainId?: unknown;
  readonly batch?: number;
  /** Milliseconds that an answer takes; 1 when absent. */
  readonly takes?: () => number;
  /** Where it pushes heads. */
  readonly socket?: string;
  /** What is known of it already. */
  readonly facts?: Facts;
}

/** A line of the log. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A client, its clock and what it did. */
export class ScriptedClient {
  readonly clock = new FakeClock();
  readonly made: Made[] = [];
  readonly lines: Line[] = [];
  readonly metrics;
  readonly log;
  readonly client: EvmClient;

  constructor(
    endpoints: Readonly<Record<string, Script | ScriptedEndpoint>>,
    options: { chainId?: number; missingTimeout?: number } = {},
  ) {
    const context = openContext({ clock: this.clock, log: this.#logger() });
    const { clock, log, metrics } = context;
    this.metrics = metrics;
    this.log = log;
    const scheduler = createScheduler({ clock, metrics });
    const made = Object.entries(endpoints).map(([name, given]) => {
      const one = typeof given === "function" ? { script: given } : given;
      const tariff = new Tariff(one.prices ?? {});
      return new Endpoint({
        name,
        host: `${name}.example`,
        transport: this.#transport(name, one),
        budget: scheduler.budget({
          name,
          windows: [...one.windows ?? [], ...tariff.windows],
          inFlight: 16,
          group: one.group,
        }),
        tariff,
        inFlight: 16,
        timeout: 30_000,
        batch: one.batch ?? 1,
        socket: one.socket,
        facts: one.facts,
        clock,
        log,
        metrics,
      });
    });
    this.client = new EvmClient({
      name: "eth",
      endpoints: made,
      scheduler,
      clock,
      log,
      chainId: options.chainId,
      missingTimeout: options.missingTimeout ?? 30_000,
      inFlight: 16,
      range: undefined,
    });
  }

  /** Calls made, chain ids left out: `a eth_call`. */
  get order(): string[] {
    return this.made.filter(({ method }) => method !== "eth_chainId")
      .map(({ endpoint, method }) => `${endpoint} ${method}`);
  }

  /** Move the clock on until the promise is settled; at most `limit` ms. */
  async settle<T>(promise: Promise<T>, limit = 120_000): Promise<T> {
    let done = false;
    const watched = promise.finally(() => {
      done = true;
    });
    watched.catch(() => {});
    const end = this.clock.now() + limit;
    const step = Math.max(10, limit / 12_000);
    while (!done && this.clock.now() < end) {
      await this.clock.advance(step);
      // What does not wait for the clock, such as a module, takes its turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!done) throw new Error(`Not settled after ${limit} ms`);
    return await watched;
  }

  /** The error that a call ends with. */
  failure(promise: Promise<unknown>): Promise<RpcError> {
    return this.settle(promise.then(
      () => {
        throw new Error("It did not fail");
      },
      (error) => error,
    ));
  }

  #transport(name: string, endpoint: ScriptedEndpoint): Transport {
    const times = new Map<string, number>();
    return {
      send: async (calls, { signal }): Promise<Reply> => {
        await this.clock.sleep(endpoint.takes?.() ?? 1, signal);
        const results = calls.map((call) => {
          const { method, params } = call;
          this.made.push({
            endpoint: name,
            method,
            params,
            at: this.clock.now(),
            together: calls.length,
          });
          if (method === "eth_chainId") {
            return endpoint.chainId ?? "0x1";
          }
          const count = (times.get(method) ?? 0) + 1;
          times.set(method, count);
          return endpoint.script(call, count);
        });
        return { results, bytes: 100 };
      },
    };
  }

  #logger() {
    const at = (level: string) =>
    (
      message: string,
      fields: Readonly<Record<string, unknown>> = {},
    ) => {
      this.lines.push({ level, message, fields });
    };
    const logger = {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: () => logger,
    };
    return logger;
  }
}

/** A script that fails so many times, then answers. */
export function failing(
  error: () => RpcError,
  { answer = "0xok", times = Infinity }: { answer?: unknown; times?: number } =
    {},
): Script {
  return (_call, count) => count <= times ? error() : answer;
}
