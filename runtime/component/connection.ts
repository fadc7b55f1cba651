/**
 * A connection: anything with credentials, a limit or a health check.
 *
 * @module
 */
import type { Facts } from "../budget/facts.ts";
import type { Cost, Scheduler, Window } from "../budget/scheduler.ts";
import type { Config, Fields } from "../spec/field.ts";
import type { Connected, Offer } from "./connected.ts";
import type { CheckContext, Definition, OpenContext } from "./definition.ts";
import type { PlannedCall, StandingCall } from "./source.ts";

/** A connection: anything with credentials, a limit or a health check. */
export interface ConnectionDefinition<F extends Fields, C extends Connected>
  extends Definition<F> {
  readonly kind: "connection";
  /**
   * Which of these methods its clients have: a verb opens only the
   * connection that it needs.
   */
  readonly offers?: readonly Offer[];
  check?(context: CheckContext<F>): void;
  /** Warn of calls that a spec will make; `check` has found no mistake. */
  advise?(
    context: CheckContext<F> & { readonly calls: readonly PlannedCall[] },
  ): void;
  /** Who pays for its calls, and with what, for `plan`. */
  tariffs?(config: Config<F>): readonly AccountTariff[];
  /** Units that the other side makes in a day, as far as is known. */
  unitsPerDay?(config: Config<F>): number | undefined;
  /**
   * Whether a unit is so old at an instant (ms since 1970) that it stays for
   * ever, as its number tells; absent or false: nobody knows.
   */
  isSettled?(
    config: Config<F>,
    unit: { readonly number: number; readonly now: number },
  ): boolean;
  /** Open the client. Nothing is sent before `health` or the first use. */
  open(config: Config<F>, context: ConnectionContext): Promise<C> | C;
}

/** A connection of any type. */
// deno-lint-ignore no-explicit-any -- as in the registry
export type AnyConnection = ConnectionDefinition<any, any>;

/** Accounts at one provider with the same prices and limits. */
export interface AccountTariff {
  /** As logs and metrics have it: the endpoint's name. */
  readonly name: string;
  /** The price table. */
  readonly plan: string | undefined;
  /** How many accounts there are. */
  readonly accounts: number;
  /** What prices are in: "credits". */
  readonly unit: string;
  /** Limits of each account, with the words for them. */
  readonly windows: readonly (Window & { readonly text: string })[];
  /** Whether prices decide where a call goes, not the order of the accounts. */
  readonly priced?: boolean;
  /** Share of each quota, 0 to 1, that only the head may spend. */
  readonly reserve?: number;
  /** Calls that a run makes with its keys before it reads anything. */
  readonly opening?: readonly StandingCall[];
  /** What a pushed event costs; undefined: it pushes none. */
  readonly push?: Cost | undefined;
  /**
   * Who each account is to all processes that share it: its quota group, or a
   * fingerprint of its key. Absent: nobody keeps count.
   */
  identities?(): Promise<readonly string[]>;
  /** What a call costs; undefined when the plan lacks the method. */
  cost(method: string): Cost | undefined;
  /** Most units that one call of a method covers; undefined: nobody says. */
  span?(method: string): number | undefined;
  /** The same accounts on the provider's other plans. */
  alternatives?(): readonly AccountTariff[];
}

/** What an opening connection gets. */
export interface ConnectionContext extends OpenContext {
  readonly scheduler: Scheduler;
  /**
   * Shares what is found out about an endpoint with other processes and later
   * runs; absent: nobody keeps it. The name must not give away a key.
   */
  readonly facts?: (endpoint: string) => Facts;
}

/** Define a connection. */
export function defineConnection<F extends Fields, C extends Connected>(
  definition: Omit<ConnectionDefinition<F, C>, "kind">,
): ConnectionDefinition<F, C> {
  return { kind: "connection", ...definition };
}
