/**
 * Whether the endpoints of a chain answer at all, before anything is read.
 *
 * @module
 */
import { type Logger, UserError } from "../../../runtime/component.ts";
import type { EvmClient } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";

// Tries before an endpoint counts as out of reach at the start.
const TRIES = 3;

/** An endpoint that does not answer, and why. */
export interface Lost {
  readonly endpoint: Endpoint;
  readonly reason: string;
}

/** Ask every endpoint for its chain id; those that do not say it. */
export async function reachAll(client: EvmClient): Promise<readonly Lost[]> {
  const reasons = await Promise.all(
    client.endpoints.map((endpoint) => reach(endpoint, client)),
  );
  return client.endpoints.flatMap((endpoint, index) => {
    const reason = reasons[index];
    return reason === undefined ? [] : [{ endpoint, reason }];
  });
}

/**
 * Say who is lost.
 *
 * @throws {UserError} It is all of them.
 */
export function tellLost(
  lost: readonly Lost[],
  { endpoints, log, name }: {
    readonly endpoints: readonly Endpoint[];
    readonly log: Logger;
    readonly name: string;
  },
): void {
  if (lost.length === endpoints.length) {
    throw unreachable(name, lost);
  }
  for (const { endpoint, reason } of lost) {
    log.warn("Endpoint out of reach; the others work", {
      endpoint: endpoint.name,
      host: endpoint.host,
      reason,
    });
  }
}

/**
 * The first answer of a client whose endpoints were not asked before: what
 * fails until then is hardly an outage, and somebody has to mend it.
 */
export class FirstAnswer {
  readonly #name: string;
  #tries = 0;
  #came = false;

  /** @param name The connection's. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Take note of what came of a call.
   *
   * @throws {UserError} Nothing comes.
   */
  observe(endpoint: Endpoint, outcome: unknown): void {
    if (this.#came) return;
    // A key that is spent for now is no reason not to start.
    this.#came = !(outcome instanceof RpcError) || outcome.unsupported ||
      ["missing", "quota", "rate", "size"].includes(outcome.kind);
    if (this.#came || !(outcome instanceof RpcError)) return;
    if (mayAnswer(outcome, ++this.#tries)) return;
    throw unreachable(this.#name, [{ endpoint, reason: outcome.message }]);
  }
}

/** What a user is told when no endpoint answers. */
function unreachable(name: string, lost: readonly Lost[]): UserError {
  const list = lost.map(({ endpoint, reason }) =>
    `${endpoint.name} (${endpoint.host}): ${reason}`
  );
  return new UserError(`Cannot reach "${name}": ${list.join("; ")}`);
}

/** Whether asking again may help one that has not answered yet. */
function mayAnswer(
  { kind, transient }: RpcError,
  tries: number,
): boolean {
  return tries < TRIES && (transient || kind === "rate");
}

/** Ask an endpoint for its chain id; return why that failed. */
async function reach(
  endpoint: Endpoint,
  client: EvmClient,
): Promise<string | undefined> {
  const { budget, tariff } = endpoint;
  // It is asked before its first use: that may be tomorrow.
  if (budget.isClosed(tariff.cost(["eth_chainId"]), "lookup")) return undefined;
  for (let tries = 1;; tries++) {
    try {
      await client.askAlone(endpoint, "eth_chainId");
      return undefined;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      // A key that is spent for now is no reason not to start.
      if (error.kind === "quota") return undefined;
      if (!mayAnswer(error, tries)) return error.message;
    }
  }
}
