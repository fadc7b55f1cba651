/**
 * How processes divide a long window: each takes units for the next seconds
 * and brings back what it has not spent.
 *
 * What is taken counts as used, so that a process that is killed has spent
 * less than is counted, never more.
 *
 * @module
 */
import { Quota } from "./quota.ts";
import type { Window } from "./scheduler.ts";

/** A window that slides counts in parts of itself, which come back whole. */
const PARTS = 100;

/** As in `spending.ts`: the other side's clock may run a little fast. */
const GUARD_SHARE = 0.001;

/** Units by when they were spent: a part of the window, or a period. */
export type Units = Readonly<Record<string, number>>;

/** Now: on the ledger's clock, and by the calendar. */
export interface Now {
  /** Milliseconds that only grow. */
  readonly time: number;
  /** Milliseconds since 1970: a quota comes back at an instant. */
  readonly wall: number;
}

/** Units that a process may spend. */
export interface Held {
  /** On anything. */
  readonly common: number;
  /** On the head of the chain only. */
  readonly head: number;
  /** On calls that are under way. */
  readonly open: number;
}

/** Units that are spent, and when they come back, ms since 1970. */
export interface Refill {
  readonly at: number;
  readonly units: number;
}

/** What one process holds of a window. */
export interface Chunk extends Held {
  readonly window: Window;
  /** What it had told of its spending. */
  readonly reported: number;
}

/** What a process asks for of a window. */
export interface ChunkRequest {
  readonly window: Window;
  /** Units that all but the head may have spent. */
  readonly common: number;
  readonly holds: Held;
  /** What it would like to hold. */
  readonly wants: Pick<Held, "common" | "head">;
  /** All that it has ever spent. */
  readonly spent: number;
  /** Units of its dearest call. */
  readonly quantum: number;
}

/** What a process gets of a window. */
export interface ChunkGrant {
  /** What comes to what it holds. */
  readonly more: Pick<Held, "common" | "head">;
  /** Milliseconds until there is more; undefined: when others give back. */
  readonly backIn: {
    readonly common: number | undefined;
    readonly head: number | undefined;
  };
}

/** Who else there is. */
export interface ChunkContext {
  /** What it held before; undefined when it is new. */
  readonly mine: Chunk | undefined;
  readonly others: readonly Chunk[];
  /** What was spent before, by anybody. */
  readonly spent: Units;
  readonly now: Now;
}

/** Give a process its part of a window. */
export function allotChunk(
  { common, holds, quantum, wants, window, ...request }: ChunkRequest,
  { mine, now, others, ...context }: ChunkContext,
): {
  readonly holding: Chunk;
  readonly grant: ChunkGrant;
  readonly spent: Units;
} {
  const more = mine ? request.spent - mine.reported : 0;
  const spent = spend(context.spent, { window, now, units: more });
  const kept = mine ? holds : { common: 0, head: 0, open: 0 };
  const used = usedOf(spent, window, now);
  const held = [...others, kept].reduce((sum, one) => sum + heldBy(one), 0);
  const count = Math.min(
    window.count,
    ...others.map(({ window }) => window.count),
  );
  const free = { common: common - used - held, head: count - used - held };
  // The last units are for everybody.
  const part = (units: number) =>
    Math.max(
      Math.min(units, quantum),
      Math.floor(units / (others.length + 1)),
    );
  const give = (wanted: number, units: number) =>
    Math.max(0, Math.min(wanted, units, part(units)));
  const forAny = give(wants.common - kept.common, free.common);
  const forHead = give(wants.head - kept.head, free.head - forAny);
  const back = (limit: number) => {
    const need = Math.min(quantum, limit);
    const wait = backIn(spent, { window, now, need, count: limit });
    return wait > 0 ? wait : undefined;
  };
  return {
    spent,
    holding: {
      window,
      common: kept.common + forAny,
      head: kept.head + forHead,
      open: kept.open,
      reported: request.spent,
    },
    grant: {
      more: { common: forAny, head: forHead },
      backIn: { common: back(Math.min(common, count)), head: back(count) },
    },
  };
}

/** All that a process may still spend, or has spent and not told. */
export function heldBy({ common, head, open }: Held): number {
  return common + head + open;
}

/** Count units that were spent lately; what has come back is dropped. */
export function spend(
  spent: Units,
  { now, units, window }: {
    readonly window: Window;
    readonly now: Now;
    readonly units: number;
  },
): Units {
  if (window.reset) {
    const quota = quotaOf(spent, window);
    quota.spend(now.wall, units);
    return Object.fromEntries(quota.spent);
  }
  const { width } = sliding(window);
  const start = `${Math.floor(now.time / width) * width}`;
  const kept = Object.entries(spent)
    .filter(([start]) => backAt(start, window) > now.time);
  const all = Object.fromEntries(kept);
  return units > 0 ? { ...all, [start]: (all[start] ?? 0) + units } : all;
}

/** Units that are spent now, by when they come back. */
export function refillsOf(
  spent: Units,
  window: Window,
  now: Now,
): readonly Refill[] {
  if (window.reset) {
    const quota = quotaOf(spent, window);
    const units = quota.used(now.wall);
    return units > 0 ? [{ at: quota.resetsAt(now.wall), units }] : [];
  }
  return Object.entries(spent).flatMap(([start, units]) => {
    const left = backAt(start, window) - now.time;
    return left > 0 ? [{ at: now.wall + left, units }] : [];
  });
}

/** Units that are spent now. */
function usedOf(spent: Units, window: Window, now: Now): number {
  return refillsOf(spent, window, now)
    .reduce((sum, { units }) => sum + units, 0);
}

/** Milliseconds until so many units are free of `count`; 0: they are. */
function backIn(
  spent: Units,
  { count, need, now, window }: {
    readonly window: Window;
    readonly now: Now;
    readonly need: number;
    readonly count: number;
  },
): number {
  if (window.reset) {
    const quota = quotaOf(spent, window);
    return quota.admits(now.wall, need, count) - now.wall;
  }
  let missing = need - (count - usedOf(spent, window, now));
  if (missing <= 0) return 0;
  const backs = Object.entries(spent)
    .map(([start, units]) => ({ at: backAt(start, window), units }))
    .filter(({ at }) => at > now.time)
    .sort((a, b) => a.at - b.at);
  for (const { at, units } of backs) {
    missing -= units;
    if (missing <= 0) return at - now.time;
  }
  return 0;
}

/** Units of a window on another clock, as old as they were. */
export function shifted(spent: Units, by: number): Units {
  return Object.fromEntries(
    Object.entries(spent).map(([start, units]) => [Number(start) + by, units]),
  );
}

function quotaOf(spent: Units, window: Window): Quota {
  if (!window.reset) throw new TypeError("The window slides");
  const entries = Object.entries(spent)
    .map(([start, units]) => [Number(start), units] as const);
  return new Quota(window, window.reset, entries);
}

/** When the last unit of a part comes back. */
function backAt(start: string, window: Window): number {
  const { per, width } = sliding(window);
  return Number(start) + width + per;
}

function sliding({ per }: Window): { width: number; per: number } {
  return { width: Math.ceil(per / PARTS), per: per * (1 + GUARD_SHARE) };
}
