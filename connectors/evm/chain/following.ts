/**
 * Which way of following the head has the smallest bill: heads that are
 * pushed, or asking for the latest block.
 *
 * @module
 */
import type {
  AccountTariff,
  Cost,
  FollowPlan,
  StandingCall,
  Window,
} from "../../../runtime/component.ts";
import type { Endpoint } from "../rpc/endpoint.ts";

/**
 * Polls until a new block is found, the one that finds it included: what
 * `cadence.ts` needs on mainnet. That one brings the block.
 */
export const POLLS = 1.7;

/** Finality moves once in so many blocks: an epoch of the beacon chain. */
export const EPOCH = 32;

/** What a head that is pushed is called in price tables. */
export const PUSH = "newHeads";

/** While history is read, the head is looked at this often. */
export const STALE_MS = 60_000;

/** The call that a poll makes. */
export const POLL = "eth_getBlockByNumber";

/** What a range calls beside its blocks: the head, and what is final. */
export const headCalls: readonly StandingCall[] = [
  { method: POLL, times: 3 },
  { method: POLL, times: 0, every: STALE_MS },
];

/** How the head is followed with one account alone. */
export function planFollowing(
  { cost, push, windows }: AccountTariff,
): FollowPlan {
  const block = cost(POLL);
  const pushed = block && isPushCheaper({ block, push, windows });
  return {
    how: pushed ? "pushed" : "polled",
    calls: [
      pushed
        ? { method: PUSH, perUnit: 1, because: "heads are pushed" }
        : { method: POLL, perUnit: POLLS - 1, because: "polls in vain" },
      { method: POLL, perUnit: 2 / EPOCH, because: "what is final" },
    ],
  };
}

/** Whoever may follow the head. */
interface Follower {
  readonly windows: readonly Window[];
  /** What a pushed head costs; undefined: it pushes none. */
  readonly push: Cost | undefined;
  readonly block: Cost;
}

/** Whether pushed heads cost no more than the polls that they save. */
export function isPushCheaper({ block, push, windows }: Follower): boolean {
  return push !== undefined &&
    scarcity(windows, push) <= (POLLS - 1) * scarcity(windows, block);
}

/** The endpoint whose subscription is the cheapest; undefined: polls are. */
export function cheapestFeed(
  endpoints: readonly Endpoint[],
  now: number,
): Endpoint | undefined {
  const able = endpoints.filter(({ canPay, coolUntil }) =>
    canPay && coolUntil <= now
  );
  const polls = Math.min(
    ...able.map(({ tariff }) => scarcity(tariff.windows, tariff.cost([POLL]))),
  );
  const feeds = able.flatMap((endpoint) => {
    const { tariff } = endpoint;
    const push = endpoint.pushes ? tariff.push : undefined;
    if (push === undefined) return [];
    return [{ endpoint, share: scarcity(tariff.windows, push) }];
  });
  const [best] = feeds.sort((a, b) => a.share - b.share);
  if (best === undefined || best.share > (POLLS - 1) * polls) return undefined;
  return best.endpoint;
}

/** Milliseconds of its scarcest window that a call takes. */
function scarcity(windows: readonly Window[], cost: Cost): number {
  return Math.max(
    0,
    ...windows.map(({ count, per, unit = "credits" }) =>
      cost[unit] * per / count
    ),
  );
}
