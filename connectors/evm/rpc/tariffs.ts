/**
 * What the endpoints of a connection cost, for `plan`.
 *
 * @module
 */
import {
  type AccountTariff,
  groupIdentity,
  type Place,
  type PlannedCall,
} from "../../../runtime/component.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  type EndpointsConfig,
  type EndpointSettings,
  endpointsOf,
  keysOf,
  RECORDING,
  urlFor,
} from "./endpoint_fields.ts";
import { PUSH } from "../chain/following.ts";
import { limitText } from "./limit.ts";
import { Tariff } from "./plan.ts";

// A window at least this long is a quota: nobody waits for it to come back
// while there is another way.
const QUOTA_MS = 3_600_000;

// An endpoint that pauses longer than this is out for the moment.
const LONG_PAUSE_MS = 30_000;

/** Accounts with their prices; keys of one quota group are one account. */
export function tariffsOf(config: EndpointsConfig): readonly AccountTariff[] {
  const accounts = new Map<string, EndpointSettings[]>();
  for (const one of endpointsOf(config, "endpoint")) {
    if (one.url === "") continue;
    const name = one.quota_group ?? one.name;
    accounts.set(name, [...accounts.get(name) ?? [], one]);
  }
  return Array.from(
    accounts,
    ([name, [first, ...others]]) =>
      first ? [tariffOf(first, { name, others })] : [],
  ).flat();
}

/** The accounts of an endpoint, and of others of the same quota group. */
function tariffOf(
  one: EndpointSettings,
  { name, others }: {
    readonly name: string;
    readonly others: readonly EndpointSettings[];
  },
): AccountTariff {
  if (one.url.startsWith(RECORDING)) return recorded(name);
  const tariff = new Tariff(one);
  const { plan, unit, windows } = tariff;
  const { quota_group: group } = one;
  const keys = [one, ...others].flatMap(keysOf).length;
  return {
    name,
    plan,
    accounts: group === undefined ? keys : 1,
    unit,
    windows: windows.map((window) => ({
      ...window,
      text: limitText(window, window.unit === "calls" ? "requests" : unit),
    })),
    priced: tariff.isPriced,
    reserve: one.reserve ?? 0,
    identities: async () =>
      group === undefined ? await fingerprintsOf(one) : [groupIdentity(group)],
    opening: [{ method: "eth_chainId", times: keys }],
    push: one.ws_url ? tariff.push : undefined,
    cost: (method) =>
      method === PUSH
        ? tariff.push
        : tariff.includes(method)
        ? tariff.cost([method])
        : undefined,
    span: (method) => method === "eth_getLogs" ? tariff.logs.range : undefined,
    alternatives: () =>
      one.plan?.others().map((plan) =>
        tariffOf({ ...one, plan, rate: undefined, quota: undefined }, {
          ...{ name, others },
        })
      ) ?? [],
  };
}

/** Who the accounts of an endpoint's keys are. */
async function fingerprintsOf(
  endpoint: EndpointSettings,
): Promise<readonly string[]> {
  const { fingerprint } = await import("./keys.ts");
  return await Promise.all(
    keysOf(endpoint).map((key) => fingerprint(urlFor(key, endpoint.url), key)),
  );
}

/** A recording costs nothing, and cannot be searched. */
function recorded(name: string): AccountTariff {
  const free = new Tariff({ lacks: ["eth_getLogs"] });
  return {
    name,
    plan: undefined,
    accounts: 1,
    unit: free.unit,
    windows: [],
    cost: (method) => free.includes(method) ? free.cost([method]) : undefined,
  };
}

/** Whether a day or a month has no room for another call. */
function isSpent({ budget, tariff }: Endpoint): boolean {
  const least = tariff.cost(["eth_getBlockByNumber"]);
  return budget.usage().some(({ left, window: { per, unit = "credits" } }) =>
    per >= QUOTA_MS && left < least[unit]
  );
}

/** The accounts behind endpoints that are open, as they are now. */
export function openTariffs(
  endpoints: readonly Endpoint[],
  now: number,
): readonly AccountTariff[] {
  const groups = new Set<string>();
  return endpoints.flatMap((endpoint): AccountTariff[] => {
    const { budget, can, closed, coolUntil, tariff } = endpoint;
    const spent = coolUntil - now > LONG_PAUSE_MS || isSpent(endpoint);
    if (closed !== undefined || spent || groups.has(budget.group)) return [];
    groups.add(budget.group);
    const { plan, unit, windows } = tariff;
    return [{
      name: budget.group,
      plan,
      accounts: 1,
      unit,
      windows: windows.map((window) => ({ ...window, text: "" })),
      cost: (method) => can.offers(method) ? tariff.cost([method]) : undefined,
      span: (method) => method === "eth_getLogs" ? can.logs.range : undefined,
    }];
  });
}

/** Warn of calls that cost more, wherever they are made, than a limit holds. */
export function adviseOnDear(
  config: EndpointsConfig,
  { calls, place }: {
    readonly calls: readonly PlannedCall[];
    readonly place: Place;
  },
): void {
  const endpoints = endpointsOf(config, "endpoint");
  for (const { method } of calls) {
    const dear = endpoints.flatMap((one, index) => {
      const tariff = new Tariff(one);
      if (one.url === "" || !tariff.includes(method)) return [];
      const cost = tariff.cost([method]);
      const limit = tariff.windows.find(({ count, unit = "credits" }) =>
        cost[unit] > count
      );
      return [{ index, one, limit, tariff, cost }];
    });
    // Where it is cheap somewhere, that is where it is made.
    if (dear.some(({ limit }) => limit === undefined)) continue;
    for (const { cost, index, limit, one, tariff } of dear) {
      if (limit === undefined) continue;
      const at = config.endpoints === undefined
        ? place
        : place.at("endpoints").at(index);
      const { unit = "credits" } = limit;
      const seconds = limit.per * cost[unit] / limit.count / 1000;
      at.at(one.rate ? "rate" : one.plan ? "plan" : "quota").report(
        `A call of ${method} counts ${cost[unit]}, more than a limit of ` +
          `${limitText(limit, unit === "calls" ? "requests" : tariff.unit)}`,
        `it is made on credit, one in ${seconds} s, and the provider may ` +
          "refuse it; read nothing that needs it, or add an endpoint where " +
          "it is cheaper",
        { severity: "warning" },
      );
    }
  }
}
