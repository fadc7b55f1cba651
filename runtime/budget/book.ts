/**
 * The book of an account: what each process that shares it may spend, and
 * what all of them have spent.
 *
 * One pure function changes it, whatever the store: the processes that it
 * names as living hold what their entries say, and never more than the
 * account's windows together.
 *
 * @module
 */
import {
  allotChunk,
  type Chunk,
  type ChunkGrant,
  type ChunkRequest,
  heldBy,
  type Now,
  type Refill,
  refillsOf,
  shifted,
  spend,
  type Units,
} from "./chunks.ts";
import type { Window, WindowUsage } from "./scheduler.ts";
import {
  allotShare,
  type Share,
  type ShareGrant,
  type ShareRequest,
} from "./shares.ts";

/**
 * Shorter windows are divided into shares: what was spent in one is over
 * before the lease of a process that died.
 */
export const LONGEST_SHARE_MS = 10_000;

/** Clocks of a store's machines may differ so much, ms. */
const CLOCKS_MS = 2000;

/** No lease lasts longer after the last change of a book, ms. */
const LONGEST_LEASE_MS = 60_000;

/** What a process holds of each window, by the window's key. */
export type Holder = Readonly<Record<string, Share | Chunk>>;

/** What is known of an account, and when it was changed last. */
export interface Book extends Now {
  /** Until when the provider refuses all calls, ms since 1970; 0: it does not. */
  readonly closedUntil: number;
  /** What was spent of each long window, by the window's key. */
  readonly spent: Readonly<Record<string, Units>>;
  /** By process. */
  readonly holders: Readonly<Record<string, Holder>>;
}

/** A book as a store shows it. */
export interface Seen extends Now {
  /** Undefined: the account is new. */
  readonly book: Book | undefined;
  /** Processes whose leases are not over. */
  readonly live: ReadonlySet<string>;
}

/** What a process asks of an account, for each of its windows. */
export interface AccountRequest {
  /** The process; another one after its lease was over. */
  readonly id: string;
  readonly windows: readonly (ShareRequest | ChunkRequest)[];
  /** The provider refuses all calls until then; 0: not that is known. */
  readonly closedUntil: number;
}

/** What a process gets. */
export interface AccountGrant {
  /** It is new, or its lease was over: what it held is gone. */
  readonly isNew: boolean;
  /** Nobody else is there. */
  readonly isAlone: boolean;
  /** In the order of the windows that it asked for. */
  readonly windows: readonly (ShareGrant | ChunkGrant)[];
  readonly closedUntil: number;
}

/** Whether a window is divided into shares; else its units are taken. */
export function isShared({ per, reset }: Window): boolean {
  return per <= LONGEST_SHARE_MS && reset === undefined;
}

/** What tells a window from the others of an account, whatever its count. */
export function keyOf({ per, reset, unit = "credits" }: Window): string {
  if (!reset) return `${unit} ${per}`;
  const { day, every, minute, zone } = reset;
  return `${unit} ${every} ${day} ${minute} ${zone}`;
}

/** Give a process what is its part of an account. */
export function allot(
  seen: Seen,
  request: AccountRequest,
): { readonly book: Book; readonly grant: AccountGrant } {
  const { live } = seen;
  const { book, now } = upToDate(seen);
  const { closed, holders, spent } = withoutDead(book, { live, now });
  const mine = holders[request.id];
  const others = Object.entries(holders)
    .filter(([id]) => id !== request.id);
  const holder: Record<string, Share | Chunk> = {};
  const windows = request.windows.map((asked) => {
    const key = keyOf(asked.window);
    const before = mine?.[key];
    const held = others.flatMap(([id, holder]) => {
      const holding = holder[key];
      return holding ? [[id, holding] as const] : [];
    });
    if ("keeps" in asked) {
      const { grant, holding } = allotShare(asked, {
        id: request.id,
        mine: before && isShare(before) ? before : undefined,
        others: new Map(
          held.flatMap(([id, one]) => isShare(one) ? [[id, one]] : []),
        ),
        time: now.time,
      });
      holder[key] = holding;
      return grant;
    }
    const { grant, holding, spent: all } = allotChunk(asked, {
      mine: before && !isShare(before) ? before : undefined,
      others: held.flatMap(([, one]) => isShare(one) ? [] : [one]),
      spent: spent[key] ?? {},
      now,
    });
    holder[key] = holding;
    spent[key] = all;
    return grant;
  });
  const told = request.closedUntil > now.wall ? request.closedUntil : 0;
  const closedUntil = Math.max(closed, told);
  return {
    book: {
      ...now,
      closedUntil,
      spent,
      holders: { ...Object.fromEntries(others), [request.id]: holder },
    },
    grant: {
      isNew: mine === undefined,
      isAlone: others.length === 0,
      windows,
      closedUntil,
    },
  };
}

/**
 * Take leave of an account. What the last calls have spent of a short window
 * stays taken until the process's entry is over; all else is free.
 */
export function leave(seen: Seen, request: AccountRequest): Book {
  const idle = request.windows.map((asked) =>
    "keeps" in asked
      ? { ...asked, busy: false, want: 0 }
      : { ...asked, wants: { common: 0, head: 0 } }
  );
  const { book } = allot(seen, { ...request, windows: idle });
  const holder = { ...book.holders[request.id] };
  for (const asked of request.windows) {
    const key = keyOf(asked.window);
    const holding = holder[key];
    if (!holding) continue;
    holder[key] = "keeps" in asked
      ? { ...holding, share: asked.keeps, want: 0, busy: false }
      : { ...holding, common: 0, head: 0, open: 0 };
  }
  return { ...book, holders: { ...book.holders, [request.id]: holder } };
}

/** How much of a window is used by all processes together. */
export interface SharedUsage extends WindowUsage {
  /** When it comes back, in parts. */
  readonly refills: readonly Refill[];
}

/** How much of an account's windows is used, by all processes together. */
export function usageOf(
  seen: Seen,
  windows: readonly Window[],
): readonly SharedUsage[] {
  const { book, now } = upToDate(seen);
  const { holders, spent } = withoutDead(book, { live: seen.live, now });
  return windows.map((window) => {
    const key = keyOf(window);
    const held = Object.values(holders).flatMap((holder) => {
      const holding = holder[key];
      return holding && !isShare(holding) ? [heldBy(holding)] : [];
    });
    // What is held may be spent at any moment.
    const units = sumOf(held);
    const all = spend(spent[key] ?? {}, { window, now, units });
    const refills = refillsOf(all, window, now);
    const used = sumOf(refills.map(({ units }) => units));
    const left = window.count - used;
    return { window, used, left, refills, resetsAt: undefined };
  });
}

/** How many processes make calls on an account's rates now. */
export function busyProcesses({ book, live }: Seen): number {
  return Object.entries(book?.holders ?? {}).filter(([id, holder]) =>
    live.has(id) &&
    Object.values(holder).some((holding) => isShare(holding) && holding.busy)
  ).length;
}

function sumOf(units: readonly number[]): number {
  return units.reduce((sum, one) => sum + one, 0);
}

function isShare(holding: Share | Chunk): holding is Share {
  return "share" in holding;
}

/** The book on the store's clock, which only grows while anybody is there. */
function upToDate(
  { book, time, wall }: Seen,
): { readonly book: Book; readonly now: Now } {
  if (!book) {
    const empty = { time, wall, closedUntil: 0, spent: {}, holders: {} };
    return { book: empty, now: { time, wall } };
  }
  const behind = book.time - time;
  if (behind <= CLOCKS_MS) {
    return { book, now: { time: Math.max(time, book.time), wall } };
  }
  // The clock was wrong and has been set: everything is as old as it was.
  const spent = Object.entries(book.spent).map(([key, units]) =>
    [key, isSliding(key) ? shifted(units, -behind) : units] as const
  );
  return {
    book: { ...book, time, spent: Object.fromEntries(spent) },
    now: { time, wall },
  };
}

function isSliding(key: string): boolean {
  return /^\w+ \d+$/.test(key);
}

/** What the dead held of a long window may all have been spent. */
function withoutDead(
  book: Book,
  { live, now }: { readonly live: ReadonlySet<string>; readonly now: Now },
): {
  readonly holders: Record<string, Holder>;
  readonly spent: Record<string, Units>;
  readonly closed: number;
} {
  const spent = { ...book.spent };
  const holders: Record<string, Holder> = {};
  // It may be long ago that the last process died, and nobody was there.
  const over = {
    time: Math.min(now.time, book.time + LONGEST_LEASE_MS),
    wall: Math.min(now.wall, book.wall + LONGEST_LEASE_MS),
  };
  for (const [id, holder] of Object.entries(book.holders)) {
    if (live.has(id)) {
      holders[id] = holder;
      continue;
    }
    for (const [key, holding] of Object.entries(holder)) {
      if (isShare(holding)) continue;
      const units = heldBy(holding);
      const { window } = holding;
      spent[key] = spend(spent[key] ?? {}, {
        ...{ window, units },
        now: over,
      });
    }
  }
  const closed = book.closedUntil > now.wall ? book.closedUntil : 0;
  return { holders, spent, closed };
}
