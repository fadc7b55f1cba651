/**
 * Which chain an endpoint serves, as the transactions of a block say: those
 * of every type but the oldest are signed for one chain.
 *
 * @module
 */
import { UserError } from "../../../runtime/component.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import { MalformedError, whole } from "../hex.ts";
import type { Call } from "./rpc.ts";

/** Which chain it is, and that all endpoints serve it. */
export class Identity {
  readonly #name: string;
  #chainId: number | undefined;
  /** Endpoints whose blocks do not say of which chain they are. */
  readonly #silent = new Set<Endpoint>();

  /**
   * @param name The connection's.
   * @param chainId As the spec says; undefined: as the first endpoint does.
   */
  constructor(name: string, chainId: number | undefined) {
    this.#name = name;
    this.#chainId = chainId;
  }

  /** The id of the chain; known once an endpoint has answered. */
  get chainId(): number | undefined {
    return this.#chainId;
  }

  /** Whether the endpoint has to be asked before it gets these calls. */
  isAskedFor(endpoint: Endpoint, calls: readonly Call[]): boolean {
    if (endpoint.chainId !== undefined) return false;
    return this.#silent.has(endpoint) || !showsChain(calls);
  }

  /** Close an endpoint that serves another chain; whether it does not. */
  admits(endpoint: Endpoint): boolean {
    const wrong = this.#mismatch(endpoint);
    if (wrong !== undefined) endpoint.close(wrong);
    return wrong === undefined;
  }

  /** Whether what an endpoint has answered is of the chain. */
  accepts(endpoint: Endpoint, result: unknown): boolean {
    const isNone = result instanceof RpcError || result === null;
    if (endpoint.chainId !== undefined || isNone) return true;
    endpoint.chainId = chainIdOf(result);
    if (endpoint.chainId !== undefined) return this.admits(endpoint);
    this.#silent.add(endpoint);
    return false;
  }

  /**
   * Hold all endpoints against each other.
   *
   * @throws {UserError} One serves another chain.
   */
  compare(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const wrong = this.#mismatch(endpoint);
      if (wrong !== undefined) throw new UserError(wrong);
    }
  }

  #mismatch({ chainId, host, name }: Endpoint): string | undefined {
    if (chainId === undefined) return undefined;
    this.#chainId ??= chainId;
    if (chainId === this.#chainId) return undefined;
    return `Endpoint "${name}" of "${this.#name}" (${host}) serves chain ` +
      `${chainId}, expected ${this.#chainId}`;
  }
}

/** Whether the answer says as a rule of which chain it is. */
function showsChain(calls: readonly Call[]): boolean {
  const [call, other] = calls;
  return other === undefined && call?.method === "eth_getBlockByNumber" &&
    call.params[1] === true;
}

/** The chain that a block's transactions were signed for, if they say so. */
function chainIdOf(block: unknown): number | undefined {
  const { transactions } = (block ?? {}) as { readonly transactions?: unknown };
  if (!Array.isArray(transactions)) return undefined;
  for (const transaction of transactions) {
    const { chainId } = (transaction ?? {}) as { readonly chainId?: unknown };
    // Some nodes write 0 where none was signed for.
    if (typeof chainId !== "string" || Number(chainId) === 0) continue;
    try {
      return whole(chainId, "chainId");
    } catch (error) {
      if (error instanceof MalformedError) return undefined;
      throw error;
    }
  }
  return undefined;
}
