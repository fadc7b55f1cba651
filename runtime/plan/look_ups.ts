/**
 * What transforms ask of connections that their source does not use, such as
 * services that know ABIs: how often depends on what they meet.
 *
 * @module
 */
import type { AccountTariff, PlannedCall } from "../component.ts";
import { callsOn, sourcesOf } from "../spec/calls.ts";
import type { SourceStage, Spec, TransformStage } from "../spec/spec.ts";
import { type UsedBefore, usedBefore } from "./account_forecast.ts";
import { aligned, indented } from "./columns.ts";
import type { SpentTariff, Usage } from "./usage.ts";

/** Somebody who is asked. */
export interface ServicePlan {
  readonly name: string;
  /** What it can be asked for. */
  readonly methods: readonly string[];
  readonly accounts: number;
  /** Limits of each account: "5 requests/s". */
  readonly limits: readonly string[];
}

/** What a transform asks of a connection. */
export interface LookUpPlan {
  readonly connection: string;
  readonly calls: readonly PlannedCall[];
  readonly services: readonly ServicePlan[];
}

/** What may be asked of a service while a range is read. */
export interface LookUpForecast {
  readonly connection: string;
  readonly name: string;
  /** What its limits admit in that time; undefined: it has none. */
  readonly atMost: number | undefined;
  /** What was used of its limits before. */
  readonly before: readonly UsedBefore[];
}

/** What a transform asks of connections that are none of its sources'. */
export function lookUpsOf(
  stage: TransformStage,
  { connections, stages }: Spec,
): readonly LookUpPlan[] {
  const own = new Set(
    sourcesOf(stage, stages).map(({ connection }) => connection),
  );
  const others = new Set(Object.values(stage.connections));
  return [...others].filter((name) => !own.has(name)).flatMap((name) => {
    const { config, definition } = connections.get(name) ?? {};
    const tariffs = definition?.tariffs?.(config) ?? [];
    // An empty URL leaves a service out: then nobody is asked for some.
    const calls = callsOn(name, stage).filter(({ method }) =>
      tariffs.some(({ cost }) => cost(method) !== undefined)
    );
    if (calls.length === 0) return [];
    const services = tariffs.map((tariff) => serviceOf(tariff, calls));
    return [{ connection: name, calls, services }];
  });
}

function serviceOf(
  { accounts, cost, name, windows }: AccountTariff,
  calls: readonly PlannedCall[],
): ServicePlan {
  return {
    name,
    methods: calls.map(({ method }) => method)
      .filter((method) => cost(method) !== undefined),
    accounts,
    limits: windows.map(({ text }) => text),
  };
}

/** Lines about what a transform asks. */
export function lookUpLines(
  lookUps: readonly LookUpPlan[],
): readonly string[] {
  return lookUps.flatMap(({ calls, connection, services }) => [
    `asks connection ${connection}, how often depends on what is met`,
    ...indented(aligned(calls.map(({ because, method, perUnit }) => [
      method,
      perUnit > 0 ? `${perUnit} a unit: ${because}` : because,
    ]))),
    ...indented(aligned(services.map((service) => [
      service.name,
      service.methods.join(", ") || "nothing of that",
      limitsText(service),
    ]))),
  ]);
}

function limitsText({ accounts, limits }: ServicePlan): string {
  if (limits.length === 0) return "no limit";
  const text = limits.join(", ");
  return accounts === 1 ? text : `${accounts} keys with ${text} each`;
}

/** What the transforms behind sources may ask in so many seconds. */
export function lookUpsIn(
  sources: readonly SourceStage[],
  { seconds, spec, usage }: {
    readonly seconds: number | undefined;
    readonly spec: Spec;
    readonly usage: Usage | undefined;
  },
): {
  readonly lookUps: readonly LookUpForecast[];
  readonly assumptions: readonly string[];
} {
  const plans = spec.stages.flatMap((stage) =>
    stage.kind === "transform" &&
      sourcesOf(stage, spec.stages).some((one) => sources.includes(one))
      ? lookUpsOf(stage, spec)
      : []
  );
  const asked = new Map(plans.map((plan) => [plan.connection, plan]));
  return {
    assumptions: plans.flatMap(({ calls }) =>
      calls.flatMap(({ assumes }) => assumes ?? [])
    ),
    lookUps: [...asked.values()].flatMap(({ calls, connection }) => {
      const { config, definition } = spec.connections.get(connection) ?? {};
      const tariffs: readonly SpentTariff[] = usage?.tariffs.get(connection) ??
        definition?.tariffs?.(config) ?? [];
      const able = tariffs.filter(({ cost }) =>
        calls.some(({ method }) => cost(method) !== undefined)
      );
      const groups = Map.groupBy(able, ({ name }) => name);
      return Array.from(groups, ([name, group]) => ({
        connection,
        name,
        atMost: mostOf(group, seconds),
        before: usedBefore(group),
      }));
    }),
  };
}

/** Calls that accounts admit in so many seconds, whatever each costs. */
function mostOf(
  tariffs: readonly AccountTariff[],
  seconds: number | undefined,
): number | undefined {
  const limits = tariffs.map(({ accounts, windows }) =>
    accounts * Math.min(
      ...windows.map(({ count, per, reset }) => {
        const times = Math.floor((seconds ?? Infinity) * 1000 / per);
        // A quota that comes back at an instant may do so at once.
        return count * (times + (reset ? 2 : 1));
      }),
    )
  );
  const most = limits.reduce((sum, limit) => sum + limit, 0);
  return most === Infinity ? undefined : most;
}
