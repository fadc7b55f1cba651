/**
 * What can be said of the keys at look-up services.
 *
 * @module
 */
import type { KeyReport, Scheduler } from "../../../runtime/component.ts";
import { pauseText, usedOf } from "../rpc/keys.ts";
import type { LookupKey } from "./key.ts";
import { knowsAbis, type Meaning, methodOf, type Question } from "./service.ts";

// Any definite answer will do, also that there is none.
const NOBODY = `0x${"0".repeat(40)}`;
const TRANSFER = "0xa9059cbb";

/** What asking needs. */
export interface ReportOptions {
  readonly chainId: number;
  readonly scheduler: Scheduler;
  readonly timeout: number;
  readonly now: () => number;
  /** Ask once with each key. */
  readonly test: boolean;
  readonly signal: AbortSignal;
}

/** Report on every key; with `test`, ask with it. */
export function reportKeys(
  keys: readonly LookupKey[],
  options: ReportOptions,
): Promise<readonly KeyReport[]> {
  return Promise.all(keys.map(async (key): Promise<KeyReport> => {
    const { budget, masked, name } = key;
    const asked = options.test ? await testKey(key, options) : undefined;
    const used = await usedOf(budget, "requests");
    const works = asked && !("reason" in asked.meaning);
    return {
      name,
      key: masked,
      group: budget.group,
      plan: undefined,
      state: stateOf(key, { meaning: asked?.meaning, now: options.now() }),
      ...used,
      ...works && {
        test: { latency: asked.latency, head: undefined, chainId: undefined },
      },
    };
  }));
}

function stateOf(
  { budget }: LookupKey,
  { meaning, now }: {
    readonly meaning: Meaning | undefined;
    readonly now: number;
  },
): string {
  if (meaning?.kind === "refused") return `refused: ${meaning.reason}`;
  const pause = pauseText(budget.cooledUntil, now);
  if (pause !== undefined) return pause;
  if (meaning === undefined) return "not asked";
  return "reason" in meaning ? `fails: ${meaning.reason}` : "open";
}

async function testKey(
  key: LookupKey,
  { chainId, now, scheduler, signal, timeout }: ReportOptions,
): Promise<{ readonly meaning: Meaning; readonly latency: number }> {
  const { budget, dialect } = key;
  const question: Question = knowsAbis(dialect)
    ? { chain: chainId, address: NOBODY }
    : { hash: TRANSFER };
  using _admission = await scheduler.admit({
    method: methodOf(dialect),
    priority: "lookup",
    budgets: [budget],
    signal,
  });
  const left = now();
  const meaning = await key.ask(question, { timeout, signal });
  return { meaning, latency: now() - left };
}
