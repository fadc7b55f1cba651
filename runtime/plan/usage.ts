/**
 * What is used of the accounts of a spec before a range begins.
 *
 * @module
 */
import type { AccountTariff } from "../component.ts";
import { busyProcesses, type SharedUsage, usageOf } from "../budget/book.ts";
import type { LedgerStore } from "../budget/ledger_store.ts";
import type { Spec } from "../spec/spec.ts";

/** What is spent of an account. */
export interface SpentBefore {
  /** The provider refuses all calls until then, ms since 1970; 0: it does not. */
  readonly closedUntil: number;
  readonly windows: readonly SharedUsage[];
  /** How many processes make calls on its rates now. */
  readonly processes: number;
}

/** Accounts that are alike also in what is spent of them. */
export interface SpentTariff extends AccountTariff {
  /** What is spent of the account, which is alone then; absent: nothing. */
  readonly before?: SpentBefore | undefined;
}

/** What is used of the accounts of a spec. */
export interface Usage {
  /** Where that is kept. */
  readonly from: string;
  /** Why nobody knows it; absent: it is known. */
  readonly unknown?: string;
  /** What has a limit, by connection. */
  readonly tariffs: ReadonlyMap<string, readonly SpentTariff[]>;
}

/**
 * Look up what is used of the accounts of every connection.
 *
 * @throws {RetryableError} when the store cannot be asked now.
 */
export async function usedTariffs(
  { connections }: Spec,
  store: LedgerStore,
): Promise<Usage["tariffs"]> {
  const found = new Map<string, readonly SpentTariff[]>();
  for (const { config, definition, name } of connections.values()) {
    const tariffs = definition.tariffs?.(config) ?? [];
    const spent = await Promise.all(tariffs.map((one) => spentOf(one, store)));
    found.set(name, spent.flat());
  }
  return found;
}

/** An account of its own for each of which something is spent. */
async function spentOf(
  tariff: AccountTariff,
  store: LedgerStore,
): Promise<readonly SpentTariff[]> {
  const { accounts, windows } = tariff;
  if (windows.length === 0) return [tariff];
  const states = await Promise.all(
    (await tariff.identities?.() ?? []).map(async (identity) => {
      const seen = await store.look(identity);
      const { book: { closedUntil } = { closedUntil: 0 }, wall } = seen;
      return {
        closedUntil: closedUntil > wall ? closedUntil : 0,
        windows: usageOf(seen, windows),
        processes: busyProcesses(seen),
      };
    }),
  );
  const used = states.filter(({ closedUntil, processes, windows }) =>
    closedUntil > 0 || processes > 0 || windows.some(({ used }) => used > 0)
  );
  return [
    ...accounts > used.length ? [someOf(tariff, accounts - used.length)] : [],
    ...used.map((before) => ({ ...someOf(tariff, 1), before })),
  ];
}

/** Some of the accounts of a tariff. */
export function someOf(tariff: AccountTariff, accounts: number): SpentTariff {
  const share = accounts / tariff.accounts;
  if (share === 1) return tariff;
  return {
    ...tariff,
    accounts,
    ...tariff.opening && {
      opening: tariff.opening.map((one) => ({
        ...one,
        times: one.times * share,
      })),
    },
  };
}
