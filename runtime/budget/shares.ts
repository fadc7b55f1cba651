/**
 * How processes divide a short window: each holds a share of its units, and
 * paces its own calls within it.
 *
 * Shares are whole calls of the dearest kind in use, so that none lies idle
 * because it is a little too small. They follow demand. Nobody's share is
 * taken away: a process that should have less lowers its own limit first, and
 * tells when what it has spent under the old one has left the window.
 *
 * @module
 */
import type { Window } from "./scheduler.ts";

/**
 * Where there is not one call for everybody, each has a turn of so long, ms.
 * A turn that passes on leaves its units unused for about a second.
 */
const TURN_MS = 10_000;

/** What one process holds of a window. */
export interface Share {
  readonly window: Window;
  /** Units that it may spend in any `per` milliseconds. */
  readonly share: number;
  /** Units that it could spend. */
  readonly want: number;
  /** Units of its dearest call. */
  readonly quantum: number;
  /** Whether calls wait for a larger share. */
  readonly busy: boolean;
  /** Since when it has enough for a call, or waits for that. */
  readonly since: number;
}

/** What a process asks for of a window. */
export interface ShareRequest
  extends Pick<Share, "window" | "want" | "quantum" | "busy"> {
  /**
   * Its own limit, or what it has spent in the window where that is more: it
   * needs no more of its old share.
   */
  readonly keeps: number;
}

/** What a process gets of a window. */
export interface ShareGrant {
  /** The units of a window, of which no process may have other ideas. */
  readonly count: number;
  readonly share: number;
  /** Its limit from now on: below the share when somebody else needs it. */
  readonly limit: number;
}

/** Who else there is. */
export interface ShareContext {
  readonly id: string;
  /** What it held before; undefined when it is new. */
  readonly mine: Share | undefined;
  readonly others: ReadonlyMap<string, Share>;
  readonly time: number;
}

/** Give a process its share of a window. */
export function allotShare(
  { busy, keeps, quantum, want, window }: ShareRequest,
  { id, mine, others, time }: ShareContext,
): { readonly holding: Share; readonly grant: ShareGrant } {
  const counts = [...others.values()].map(({ window }) => window.count);
  const count = Math.min(window.count, ...counts);
  const held = sum([...others.values()].map(({ share }) => share));
  const kept = mine ? keeps : 0;
  const need = needOf({ quantum }, count);
  const same = mine && mine.share >= need === kept >= need;
  const asked: Share = {
    ...{ window, want, quantum, busy },
    share: kept,
    since: same ? mine.since : time,
  };
  const shares = new Map([...others, [id, asked]]);
  const targets = targetsOf(shares, { count, time });
  const target = targets.get(id) ?? 0;
  const more = Math.min(target - kept, count - held - kept);
  // Half a call is of no use to anybody.
  const share = more > 0 && kept + more >= need ? kept + more : kept;
  const lacking = sum(
    [...others].map(([other, part]) => {
      const wanted = targets.get(other) ?? 0;
      const least = part.busy ? wanted : Math.min(wanted, needOf(part, count));
      return Math.max(0, least - part.share);
    }),
  );
  const spare = Math.max(0, count - held - share);
  const limit = Math.min(share, Math.max(target, share - lacking + spare));
  const since = kept >= need === share >= need ? asked.since : time;
  return {
    holding: { ...asked, share, since },
    grant: { count, share, limit },
  };
}

/** What each should have of a window, all of them together `count`. */
export function targetsOf(
  shares: ReadonlyMap<string, Share>,
  { count, time }: { readonly count: number; readonly time: number },
): ReadonlyMap<string, number> {
  const targets = new Map<string, number>();
  let left = count;
  for (const [id, part] of inOrder(shares, { count, time })) {
    const need = needOf(part, count);
    // Nobody goes ahead of a dear call whose turn it is.
    if (need > left) break;
    targets.set(id, need);
    left -= need;
  }
  // Whoever has most already keeps an odd call: shares should not wander.
  const served = [...shares].filter(([id]) => targets.has(id)).sort(
    ([a, { share: first }], [b, { share: second }]) =>
      second - first || (a < b ? -1 : 1),
  );
  left = fill(served, { targets, count, left, aim: ({ want }) => want });
  left = fill(served, { targets, count, left, aim: () => count });
  const [first] = served[0] ?? [];
  if (first !== undefined) targets.set(first, (targets.get(first) ?? 0) + left);
  return targets;
}

/** Give what is left in equal parts of whole calls; what then is left. */
function fill(
  served: readonly (readonly [string, Share])[],
  { aim, count, targets, ...rest }: {
    readonly targets: Map<string, number>;
    readonly count: number;
    readonly left: number;
    aim(part: Share): number;
  },
): number {
  let { left } = rest;
  const has = (id: string) => targets.get(id) ?? 0;
  const give = (id: string, units: number) => {
    targets.set(id, has(id) + units);
    left -= units;
  };
  for (;;) {
    const open = served.map(([id, part]) => ({
      id,
      quantum: needOf(part, count),
      room: Math.min(count, aim(part)) - has(id),
    })).filter(({ room }) => room > 0);
    const each = left / open.length;
    const before = left;
    for (const { id, quantum, room } of open) {
      give(id, room <= each ? room : Math.floor(each / quantum) * quantum);
    }
    if (left > 0 && left < before) continue;
    for (const { id, quantum, room } of open) {
      const units = Math.min(quantum, room);
      if (units <= left) give(id, units);
    }
    return left;
  }
}

/**
 * Who is served first: whoever has its turn, then who waits longest, then
 * whose turn is over, and who has nothing to do.
 */
function inOrder(
  shares: ReadonlyMap<string, Share>,
  { count, time }: { readonly count: number; readonly time: number },
): readonly (readonly [string, Share])[] {
  const rank = (part: Share) => {
    if (!part.busy) return 3;
    if (part.share < needOf(part, count)) return 1;
    return time - part.since < TURN_MS ? 0 : 2;
  };
  return [...shares].sort(([a, first], [b, second]) =>
    rank(first) - rank(second) || first.since - second.since ||
    (a < b ? -1 : 1)
  );
}

/** The least that is of use; a call dearer than the window needs all of it. */
function needOf({ quantum }: Pick<Share, "quantum">, count: number): number {
  return Math.min(Math.max(1, quantum), count);
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}
