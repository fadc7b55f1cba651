/**
 * How fast work goes while the same accounts are open, and who pays for it.
 *
 * @module
 */
import type { AccountTariff, Cost, PlannedCall } from "../component.ts";
import { unitsOf } from "../budget/account.ts";
import { leastPerUnit } from "../budget/division.ts";
import { divide, UNLIMITED_S } from "../budget/routing.ts";
import { SPREAD_MS } from "./fund.ts";
import type { Bound } from "./timeline.ts";

// A unit comes back when its window has passed since the call has surely
// arrived: as the scheduler has it.
const GUARD = 1.001;
const ARRIVAL_MS = 26;

// The first calls of a range find all windows empty, and the scheduler
// spreads those of a short window over this share of it.
const SPREAD = 0.8;

// Limits that are this near to the one that binds bind as well.
const NEAR = 0.98;

type LimitWindow = AccountTariff["windows"][number];

const nothing: Cost = { calls: 0, credits: 0, weight: 0 };

/** How fast work goes. */
export interface Pace {
  /** Of a unit. */
  readonly seconds: number;
  /** Milliseconds that the first window saves, because it is empty. */
  readonly burst: number;
  /** The limits that decide. */
  readonly binding: readonly Bound[];
  /** What a payer spends in a second. */
  units(tariff: AccountTariff): Cost;
  /** Who makes the calls of a method, by shares. */
  parts(method: string): ReadonlyMap<AccountTariff, number>;
}

/** What paces depend on. */
export interface PaceOptions {
  /** The accounts that are open. */
  readonly tariffs: readonly AccountTariff[];
  /** Windows up to this length, ms, limit the speed. */
  readonly steady?: number | undefined;
}

/** The pace of work; undefined while nobody makes some of its calls. */
export function paceOf(
  calls: readonly PlannedCall[],
  { steady = SPREAD_MS, tariffs }: PaceOptions,
): Pace | undefined {
  const methods = byMethod(calls);
  const able = (method: string) =>
    tariffs.filter((one) =>
      one.cost(method) !== undefined &&
      leastPerUnit(one, method) <= (methods.get(method) ?? 0)
    );
  for (const method of methods.keys()) {
    if (able(method).length === 0) return undefined;
  }
  // Whom a call belongs to depends on all limits, how fast it then goes only
  // on those that are no store.
  const routes = tariffs.some(({ priced }) => priced)
    ? divided(methods, { able, counts: () => true }).routes
    : new Map(Array.from(methods.keys(), (method) =>
      [
        method,
        new Map(able(method).map((one) => [one, 1])),
      ] as const));
  const parts = partsOf(methods, { routes, steady });
  const loads = tariffs.map((tariff) =>
    loadOf(tariff, { methods, parts, steady })
  );
  const limits = loads.flatMap(({ limits }) => limits);
  const seconds = Math.max(...limits.map(({ seconds }) => seconds));
  const binding = limits.filter((one) => one.seconds >= NEAR * seconds);
  return {
    seconds,
    binding: binding.map(({ bound }) => bound),
    burst: Math.min(...binding.map(({ burst }) => burst)),
    parts: (method) => parts.get(method) ?? new Map(),
    units: (tariff) => {
      const load = loads.find((one) => one.tariff === tariff);
      return scaled(load?.unit ?? nothing, 1 / seconds);
    },
  };
}

function byMethod(calls: readonly PlannedCall[]): ReadonlyMap<string, number> {
  const methods = new Map<string, number>();
  for (const { method, perUnit } of calls) {
    // Made at the head only, or where a node says too little.
    if (perUnit === 0) continue;
    methods.set(method, (methods.get(method) ?? 0) + perUnit);
  }
  return methods;
}

/** Divide the calls of a unit; what stands for an account is the tariff. */
function divided(
  methods: ReadonlyMap<string, number>,
  { able, counts }: {
    able(method: string): readonly AccountTariff[];
    counts(window: LimitWindow): boolean;
  },
) {
  const payers = new Map<AccountTariff, {
    readonly tariff: AccountTariff;
    readonly windows: readonly LimitWindow[];
  }>();
  const payerOf = (tariff: AccountTariff) => {
    const { accounts, windows } = tariff;
    const payer = payers.get(tariff) ?? {
      tariff,
      windows: windows.filter(counts).map((window) => ({
        ...window,
        count: window.count * accounts,
        per: realLength(window),
      })),
    };
    payers.set(tariff, payer);
    return payer;
  };
  const { parts, routes } = divide(
    Array.from(methods, ([method, share]) => ({
      method,
      share,
      costs: new Map(
        able(method).flatMap((tariff) => {
          const cost = tariff.cost(method);
          return cost ? [[payerOf(tariff), cost] as const] : [];
        }),
      ),
    })),
  );
  return { parts: ofTariffs(parts), routes: ofTariffs(routes) };
}

/**
 * Who makes which share of each method's calls: whoever is dear makes what the
 * route allows, the others the rest as fast as they can.
 */
function partsOf(
  methods: ReadonlyMap<string, number>,
  { routes, steady }: {
    readonly routes: ReadonlyMap<string, ReadonlyMap<AccountTariff, number>>;
    readonly steady: number;
  },
): ReadonlyMap<string, ReadonlyMap<AccountTariff, number>> {
  const held = new Map(Array.from(routes, ([method, route]) => {
    const some = [...route].filter(([, most]) => most < 1);
    return [method, some.length < route.size ? new Map(some) : new Map()];
  }));
  const rest = (method: string) =>
    1 - sum([...held.get(method)?.values() ?? []]);
  const { parts } = divided(
    new Map(
      Array.from(
        methods,
        ([method, perUnit]) => [method, perUnit * rest(method)] as const,
      ),
    ),
    {
      able: (method) =>
        [...routes.get(method)?.keys() ?? []]
          .filter((one) => !held.get(method)?.has(one)),
      counts: ({ per }) => per <= steady,
    },
  );
  return new Map(Array.from(parts, ([method, of]) => {
    const others = Array.from(
      of,
      ([one, share]) => [one, share * rest(method)] as const,
    );
    return [method, new Map([...others, ...held.get(method) ?? []])];
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function ofTariffs(
  shares: ReadonlyMap<
    string,
    ReadonlyMap<{ readonly tariff: AccountTariff }, number>
  >,
) {
  return new Map(
    Array.from(shares, ([method, of]) =>
      [
        method,
        new Map(
          Array.from(of, ([{ tariff }, share]) => [tariff, share] as const),
        ),
      ] as const),
  );
}

/** What a payer does for a unit. */
interface Load {
  readonly tariff: AccountTariff;
  readonly unit: Cost;
  /** How long each of its limits takes. */
  readonly limits: readonly {
    readonly bound: Bound;
    readonly seconds: number;
    readonly burst: number;
  }[];
}

/** What a payer does for a unit, and how long each of its limits takes. */
function loadOf(
  tariff: AccountTariff,
  { methods, parts, steady }: {
    readonly methods: ReadonlyMap<string, number>;
    readonly parts: ReadonlyMap<string, ReadonlyMap<AccountTariff, number>>;
    readonly steady: number;
  },
): Load {
  const { accounts, name, windows } = tariff;
  const made = Array.from(methods, ([method, perUnit]) => ({
    cost: tariff.cost(method) ?? nothing,
    times: perUnit * (parts.get(method)?.get(tariff) ?? 0),
  }));
  const unit = made.reduce(
    (sum, { cost, times }) => added(sum, scaled(cost, times)),
    nothing,
  );
  const limits = windows.filter(({ per }) => per <= steady).map((window) => {
    const { count, per, text } = window;
    const real = realLength(window);
    const units = unitsOf(window, unit);
    const full = count - wasted(window, made);
    const seconds = (units / full * real + emptied(window, made)) /
      accounts / 1000;
    return {
      bound: { name, limit: text },
      seconds,
      burst: per <= SPREAD_MS ? real - SPREAD * per : 0,
    };
  });
  const alone = { bound: { name, limit: undefined }, burst: 0 };
  return {
    tariff,
    unit,
    limits: limits.length > 0
      ? limits
      : [{ ...alone, seconds: UNLIMITED_S * unit.calls }],
  };
}

type Made = readonly { readonly cost: Cost; readonly times: number }[];

/**
 * Units of a window that stay unused, because the next call does not fit in:
 * the rest of calls that all cost the same, or half a call.
 */
function wasted(window: LimitWindow, made: Made): number {
  const costs = made
    .map(({ cost, times }) => ({ cost: unitsOf(window, cost), times }))
    .filter(({ cost, times }) => cost * times > 0);
  const [first] = costs;
  const dear = costs.some(({ cost }) => cost > window.count);
  if (first === undefined || dear) return 0;
  if (costs.every(({ cost }) => cost === first.cost)) {
    return window.count % first.cost;
  }
  const units = costs.reduce((sum, { cost, times }) => sum + cost * times, 0);
  const squares = costs.reduce(
    (sum, { cost, times }) => sum + cost * cost * times,
    0,
  );
  return Math.min(squares / units / 2, window.count / 2);
}

/**
 * Milliseconds that calls wait for an empty window, because they cost more
 * than a whole one: what others have put in must come back first.
 */
function emptied(
  window: LimitWindow,
  made: Made,
): number {
  const { count } = window;
  let [dear, others, units] = [0, 0, 0];
  for (const { cost, times } of made) {
    if (unitsOf(window, cost) > count) dear += times;
    else {
      others += times;
      units += times * unitsOf(window, cost);
    }
  }
  if (dear === 0) return 0;
  const gaps = Math.min(dear, others);
  return Math.max(0, gaps - units / count) * realLength(window);
}

/** Milliseconds until a unit of a window is back. */
function realLength({ per }: LimitWindow): number {
  return per * GUARD + ARRIVAL_MS;
}

function scaled({ calls, credits, weight }: Cost, times: number): Cost {
  return {
    calls: calls * times,
    credits: credits * times,
    weight: weight * times,
  };
}

function added(a: Cost, b: Cost): Cost {
  return {
    calls: a.calls + b.calls,
    credits: a.credits + b.credits,
    weight: a.weight + b.weight,
  };
}
