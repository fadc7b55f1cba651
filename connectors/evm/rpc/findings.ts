/**
 * What was found out about an endpoint: each finding until it is tried again,
 * shared with other processes and with later runs.
 *
 * @module
 */
import type { Clock, Fact, Facts } from "../../../runtime/component.ts";

/**
 * What was found out is tried again after so long: that is one call in vain
 * an hour, whereas a node that was upgraded, or an account with a new plan,
 * is held back for as long, and a small range of logs costs a thousand times
 * the calls.
 */
const REMEMBER_MS = 3_600_000;

/** What a finding tells of a method, or of all. */
export type FindingKind =
  /** How often it was refused as unknown. */
  | "lacks"
  /** The oldest block that it answers about. */
  | "oldest"
  /** Most blocks of one call. */
  | "range"
  /** Most results of one call. */
  | "results"
  /** Most calls of one request. */
  | "batch";

/** Something that was found out. */
export interface Finding {
  readonly value: number;
  /** When it is tried again, ms since 1970. */
  readonly until: number;
  /** Whether this process has found it out itself. */
  readonly isOwn: boolean;
}

/** What was found out about one endpoint. */
export class Findings {
  readonly #clock: Clock;
  readonly #facts: Facts | undefined;
  readonly #found = new Map<string, Finding>();

  /** @param facts Shares it; undefined: this process keeps it to itself. */
  constructor(clock: Clock, facts?: Facts) {
    this.#clock = clock;
    this.#facts = facts;
    facts?.known.then((known) => this.#recall(known));
  }

  /** What is known, unless it is to be tried again. */
  get(kind: FindingKind, method = ""): number | undefined {
    // Asked for every call: as a rule nothing was found at all.
    if (this.#found.size === 0) return undefined;
    const found = this.#found.get(nameOf(kind, method));
    return found && this.#holds(found) ? found.value : undefined;
  }

  /** Take note of a finding. */
  set(kind: FindingKind, method: string, value: number): void {
    const name = nameOf(kind, method);
    const until = this.#clock.now() + REMEMBER_MS;
    this.#found.set(name, { value, until, isOwn: true });
    this.#facts?.learn({ name, value, until });
  }

  /** It is not so: forget it, also for others. */
  delete(kind: FindingKind, method: string): void {
    if (this.#found.size === 0) return;
    const name = nameOf(kind, method);
    if (!this.#found.delete(name)) return;
    this.#facts?.learn({ name, value: 0, until: 0 });
  }

  /** Try again now what this process knows from others only. */
  doubt(kind: FindingKind, method: string): boolean {
    const name = nameOf(kind, method);
    const found = this.#found.get(name);
    if (!found || found.isOwn || !this.#holds(found)) return false;
    this.#found.set(name, { ...found, until: 0 });
    return true;
  }

  /** Whether something was found that is to be tried again now. */
  isDue(kind: FindingKind, method: string): boolean {
    if (this.#found.size === 0) return false;
    const found = this.#found.get(nameOf(kind, method));
    return found !== undefined && !this.#holds(found);
  }

  /** All that holds now, by what it tells of which method. */
  *all(): Iterable<
    { readonly kind: string; readonly method: string } & Finding
  > {
    for (const [name, found] of this.#found) {
      const [kind = "", method = ""] = name.split(" ");
      if (this.#holds(found)) yield { ...found, kind, method };
    }
  }

  #recall(known: readonly Fact[]): void {
    // A clock that was wrong must not keep a finding for ever.
    const last = this.#clock.now() + REMEMBER_MS;
    for (const { name, until, value } of known) {
      if (this.#found.has(name)) continue;
      const found = { value, until: Math.min(until, last), isOwn: false };
      this.#found.set(name, found);
    }
  }

  #holds({ until }: Finding): boolean {
    return this.#clock.now() < until;
  }
}

function nameOf(kind: FindingKind, method: string): string {
  return method === "" ? kind : `${kind} ${method}`;
}
