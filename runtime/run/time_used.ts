/**
 * Where the time of a run goes, so that it can say what would make it
 * faster: a budget, the network, this process's own work, a sink, or nothing,
 * because it is at the head.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import type { Counter, Metrics } from "./metrics.ts";

/** This process's own work. */
const WORK = "decode and transforms";

/** Calls are under way. */
export const NETWORK = "network";

// Smaller shares of the time are not worth a word, nor a fourth one.
const LEAST_SHARE = 0.01;
const MOST_WORDS = 4;

// To ask how long the processor has worked takes up to 20 µs, and a source
// may wait for a moment thousands of times a second: a shorter wait is work,
// and what is known is good for so long while there is work.
const SHORTEST_WAIT_MS = 1;
const KNOWN_MS = 5;

/** Milliseconds by what they were spent on. */
export type TimeUsed = ReadonlyMap<string, number>;

/** What the clocks of a run are. */
export interface TimeOptions {
  readonly metrics: Metrics;
  /** Milliseconds that never jump; for tests. */
  readonly elapsed?: () => number;
  /** Milliseconds that the processor has worked for us; for tests. */
  readonly worked?: () => number;
}

/** Time of the sources of a run. */
export class TimeKeeper {
  readonly #options: TimeOptions;
  readonly #sources: SourceTime[] = [];
  /** What calls wait for; undefined: there are none. */
  #cause: string | undefined;

  constructor(options: TimeOptions) {
    this.#options = options;
  }

  /** Take note of what calls wait for from now on. */
  calls(cause: string | undefined): void {
    if (cause === this.#cause) return;
    for (const source of this.#sources) source.settle();
    this.#cause = cause;
    for (const source of this.#sources) source.resume();
  }

  /**
   * The time of a source from now on.
   *
   * @param atHead Whether it has seen the other side's end.
   */
  source(name: string, atHead: () => boolean): SourceTime {
    const idle = () => atHead() ? "idle at head" : `source ${name}`;
    const source = new SourceTime(name, {
      ...this.#options,
      cause: () => this.#cause ?? idle(),
    });
    this.#sources.push(source);
    return source;
  }
}

/** Time of one source and what it feeds. */
export class SourceTime {
  readonly #name: string;
  readonly #options: TimeOptions & { readonly cause: () => string };
  readonly #used = new Map<string, number>();
  readonly #counters = new Map<string, Counter>();
  readonly #elapsed: () => number;
  readonly #worked: () => number;
  /** What it does; undefined: it waits for its source. */
  #activity: string | undefined;
  #since: number;
  #workedBefore = 0;
  /** When the processor was asked last, and what it said. */
  #askedAt = 0;
  #answer = 0;

  constructor(
    name: string,
    options: TimeOptions & { readonly cause: () => string },
  ) {
    this.#name = name;
    this.#options = options;
    this.#elapsed = options.elapsed ?? (() => performance.now());
    this.#worked = options.worked ?? processorTime;
    this.#since = this.#elapsed();
    this.#ask();
  }

  /** The time before this does not count. */
  starts(): void {
    this.#since = this.#elapsed();
    this.#ask();
  }

  /** It waits for its source from now on. */
  reads(): void {
    this.#enter(undefined);
  }

  /** It works on a unit from now on. */
  works(): void {
    this.#enter(WORK);
  }

  /** It waits for a sink from now on. */
  waitsFor(sink: string): void {
    this.#enter(`sink ${sink}`);
  }

  /** Milliseconds so far. */
  get used(): TimeUsed {
    this.settle();
    return this.#used;
  }

  /** Count the time until now. */
  settle(): void {
    const now = this.#elapsed();
    const ms = now - this.#since;
    this.#since = now;
    if (this.#on !== NETWORK) return this.#add(this.#on, ms);
    if (ms < SHORTEST_WAIT_MS) return this.#add(WORK, ms);
    // While answers arrive, what the processor does is to read them.
    const before = this.#workedBefore;
    this.#ask();
    const busy = Math.min(ms, Math.max(0, this.#workedBefore - before));
    this.#add(WORK, busy);
    this.#add(NETWORK, ms - busy);
  }

  /** Something else takes the time from now on. */
  resume(): void {
    if (this.#on !== NETWORK) return;
    const past = this.#since - this.#askedAt;
    if (past < KNOWN_MS) this.#workedBefore = this.#answer + past;
    else this.#ask();
  }

  #ask(): void {
    this.#askedAt = this.#since;
    this.#workedBefore = this.#answer = this.#worked();
  }

  get #on(): string {
    return this.#activity ?? this.#options.cause();
  }

  #enter(activity: string | undefined): void {
    if (activity === this.#activity) return;
    this.settle();
    this.#activity = activity;
    this.resume();
  }

  #add(on: string, ms: number): void {
    if (ms <= 0) return;
    this.#used.set(on, (this.#used.get(on) ?? 0) + ms);
    let counter = this.#counters.get(on);
    if (counter === undefined) {
      const labels = { source: this.#name, on };
      counter = this.#options.metrics.counter("sluice_time_ms_total", labels);
      this.#counters.set(on, counter);
    }
    counter.add(ms);
  }
}

function processorTime(): number {
  const { system, user } = cpuUsage();
  return (system + user) / 1000;
}

/** Where the time went, the most first: `budget of infura 71 %, network 9 %`. */
export function timeText(used: TimeUsed): string {
  const all = [...used.values()].reduce((sum, ms) => sum + ms, 0);
  return [...used].filter(([, ms]) => ms >= LEAST_SHARE * all && ms > 0)
    .sort(([, a], [, b]) => b - a).slice(0, MOST_WORDS)
    .map(([on, ms]) => `${on} ${Math.round(100 * ms / all)} %`).join(", ");
}

/** The sum of times, or what has come since earlier ones. */
export function sumOf(
  times: readonly TimeUsed[],
  before: TimeUsed = new Map(),
): TimeUsed {
  const sum = new Map<string, number>();
  for (const [on, ms] of times.flatMap((used) => [...used])) {
    sum.set(on, (sum.get(on) ?? 0) + ms);
  }
  for (const [on, ms] of before) sum.set(on, (sum.get(on) ?? 0) - ms);
  return sum;
}
