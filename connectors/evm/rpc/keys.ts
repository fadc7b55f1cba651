/**
 * What can be said of the keys of a connection.
 *
 * @module
 */
import type {
  Budget,
  Clock,
  KeyReport,
  KeyTest,
} from "../../../runtime/component.ts";
import type { EvmClient } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import { whole } from "../hex.ts";
import { limitText } from "./limit.ts";
import type { Tariff } from "./plan.ts";

// Of a shorter key its end would be too much of it.
const SHOWN_OF = 12;

// Digits of a fingerprint: no two keys of anybody share it.
const FINGERPRINT = 16;

// A pause that is longer is no pause: the key is closed.
const CLOSED_MS = 30_000;

/** A key as it may be shown: its last characters. */
export function maskedKey(key: string): string {
  if (key === "") return "none";
  return key.length < SHOWN_OF ? "…" : `…${key.slice(-4)}`;
}

/**
 * Who a key is to other processes: nobody can tell the key from it. A URL
 * without a key is one itself.
 */
export async function fingerprint(url: string, key: string): Promise<string> {
  return await digest(key === "" ? url : `${URL.parse(url)?.host} ${key}`);
}

/**
 * Who an endpoint is in what is found out about it: an address with its key,
 * under a plan. What holds under one says nothing of another. Nobody can tell
 * the key from it.
 */
export async function endpointId(
  url: string,
  { terms }: Tariff,
): Promise<string> {
  return await digest(`${url} ${terms}`);
}

async function digest(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(hash).toHex().slice(0, FINGERPRINT);
}

/** Report on every key of a client; with `test`, ask with it. */
export function reportKeys(
  client: EvmClient,
  { clock, signal, test }: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly test: boolean;
  },
): Promise<readonly KeyReport[]> {
  return Promise.all(client.endpoints.map(async (endpoint) => {
    const asked = test
      ? await testKey(client, endpoint, { clock, signal })
      : undefined;
    const { budget, can, key, name, tariff: { plan, unit } } = endpoint;
    const { shortcomings } = can;
    const used = await usedOf(budget, unit);
    const state = asked instanceof RpcError
      ? stateOf(endpoint, clock.now()) ?? `fails: ${asked.message}`
      : stateOf(endpoint, clock.now()) ?? (test ? "open" : "not asked");
    return {
      name,
      key,
      group: budget.group,
      plan,
      state,
      ...used,
      ...shortcomings.length > 0 ? { shortcomings } : {},
      ...(asked === undefined || asked instanceof RpcError
        ? {}
        : { test: asked }),
    };
  }));
}

/** What is used of a budget, by all processes that share it. */
export async function usedOf(
  budget: Budget,
  unit: string,
): Promise<Pick<KeyReport, "limits" | "day">> {
  const shared = await budget.shared();
  if (shared && shared.closedUntil > 0) {
    budget.coolGroupUntil(shared.closedUntil);
  }
  const limits = budget.usage().map((own, index) => {
    const { window } = own;
    // Other processes do not know yet what this one has just used.
    const used = own.used + (shared?.windows[index]?.used ?? 0);
    return {
      limit: limitText(window, window.unit === "calls" ? "requests" : unit),
      used,
      left: window.count - used,
    };
  });
  return { limits, ...shared ? { day: shared.day } : {} };
}

function stateOf(
  { closed, coolUntil }: Endpoint,
  now: number,
): string | undefined {
  return closed === undefined
    ? pauseText(coolUntil, now)
    : `refused: ${closed}`;
}

/** Until when nothing is asked; undefined: something may be. */
export function pauseText(until: number, now: number): string | undefined {
  if (until <= now) return undefined;
  const kind = until - now > CLOSED_MS ? "closed" : "cooling";
  return `${kind} until ${new Date(until).toISOString()}`;
}

/** Two calls: which chain it is, and how far. */
async function testKey(
  client: EvmClient,
  endpoint: Endpoint,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<KeyTest | RpcError> {
  try {
    await client.askAlone(endpoint, "eth_chainId", signal);
    const left = clock.now();
    const head = await client.askAlone(endpoint, "eth_blockNumber", signal);
    return {
      latency: clock.now() - left,
      head: whole(head, "eth_blockNumber"),
      chainId: endpoint.chainId,
    };
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
}
