/**
 * How a range gets through the budgets in time: they run, run out, and come
 * back. Between two such instants all is steady, so years are a few steps.
 *
 * @module
 */
import type { AccountTariff, PlannedCall, StandingCall } from "../component.ts";
import { Fund } from "./fund.ts";
import { type Pace, paceOf } from "./pace.ts";
import type { SpentTariff } from "./usage.ts";

// Steps that are followed one by one; what is left goes on as fast as so far.
const MOST_STEPS = 50_000;

// Below this nothing is left but rounding.
const EPSILON = 1e-9;

const DAY_MS = 86_400_000;

/** What is to be read, and who pays for it. */
export interface Work {
  readonly units: number;
  readonly calls: readonly PlannedCall[];
  readonly standing: readonly StandingCall[];
  readonly tariffs: readonly SpentTariff[];
  /** When it starts, milliseconds since 1970. */
  readonly start: number;
  /** Units a second that go before it: those of the head. */
  readonly head?: number;
}

/** What was spent at accounts of one plan. */
export interface Spent {
  calls: number;
  credits: number;
  /** Credits by day, UTC: "2026-11-21". */
  readonly days: Map<string, number>;
}

/** How it went. */
export interface Timeline {
  /** Milliseconds since 1970; infinite: it never ends. */
  readonly end: number;
  readonly spent: ReadonlyMap<SpentTariff, Spent>;
  /** Milliseconds that each limit made it wait. */
  readonly bound: ReadonlyMap<Bound, number>;
}

/** A limit of an account; without one only the answers take time. */
export interface Bound {
  readonly name: string;
  readonly limit: string | undefined;
}

/** Follow a range from its first call to its last. */
export function timelineOf(work: Work): Timeline {
  return new Course(work).run();
}

class Course {
  readonly #work: Work;
  readonly #funds: readonly Fund[];
  readonly #paces = new Map<string, Pace | undefined>();
  readonly #spent: Map<SpentTariff, Spent>;
  readonly #bound = new Map<Bound, number>();
  #now: number;
  #left: number;
  /** Milliseconds in which calls were made. */
  #busy = 0;

  constructor(work: Work) {
    const { calls, start, tariffs, units } = work;
    this.#work = work;
    const fastest = units * (paceOf(calls, { tariffs })?.seconds ?? 0);
    this.#funds = tariffs.map((tariff) => new Fund(tariff, fastest));
    this.#spent = new Map(
      tariffs.map((one) => [one, { calls: 0, credits: 0, days: new Map() }]),
    );
    this.#now = start;
    this.#left = calls.some(({ perUnit }) => perUnit > 0) ? units : 0;
  }

  run(): Timeline {
    this.#open();
    const { start, units } = this.#work;
    for (let step = 0; this.#left > EPSILON * units; step++) {
      if (!this.#step()) return this.#result(Infinity);
      if (step < MOST_STEPS) continue;
      const scale = units / (units - this.#left);
      for (const one of this.#spent.values()) {
        one.calls *= scale;
        one.credits *= scale;
      }
      return this.#result(start + (this.#now - start) * scale);
    }
    this.#stand();
    return this.#result(Math.max(start, this.#now));
  }

  #result(end: number): Timeline {
    return { end, spent: this.#spent, bound: this.#bound };
  }

  /** Go on until something changes; false: nothing ever will. */
  #step(): boolean {
    for (const fund of this.#funds) fund.renew(this.#now);
    const open = this.#funds.filter((fund) => fund.isOpen);
    const pace = this.#paceOf(open);
    const { head = 0 } = this.#work;
    const speed = pace ? 1 / pace.seconds - head : 0;
    const turn = Math.min(
      ...this.#funds.map((fund) => fund.turnsAt(this.#now)),
    );
    if (pace === undefined || speed <= 0) {
      if (turn === Infinity) return false;
      this.#wait(turn);
      return true;
    }
    const drained = Math.min(
      ...open.map((fund) => fund.lasts(pace.units(fund.tariff))),
    );
    const seconds = Math.min(
      this.#left / speed,
      drained,
      (turn - this.#now) / 1000,
    );
    this.#advance(pace, seconds);
    this.#left -= seconds * speed;
    return true;
  }

  /** Nothing can be called until some quota comes back. */
  #wait(until: number): void {
    const closed = this.#funds.flatMap((fund) => fund.spentWindow ?? []);
    this.#bind(closed, until - this.#now);
    this.#now = until;
  }

  #advance(pace: Pace, seconds: number): void {
    const ms = seconds * 1000;
    this.#bind(pace.binding, ms);
    for (const fund of this.#funds) {
      const { calls, credits } = pace.units(fund.tariff);
      this.#pay(fund.tariff, {
        calls: calls * seconds,
        credits: credits * seconds,
      }, ms);
      fund.spend(pace.units(fund.tariff), seconds, this.#now);
    }
    this.#now += ms;
    this.#busy += ms;
  }

  #paceOf(open: readonly Fund[]): Pace | undefined {
    const key = open.map((fund) => this.#funds.indexOf(fund)).join();
    if (!this.#paces.has(key)) {
      this.#paces.set(
        key,
        paceOf(this.#work.calls, {
          tariffs: open.map(({ tariff }) => tariff),
          steady: this.#funds[0]?.steady,
        }),
      );
    }
    return this.#paces.get(key);
  }

  /** What is called before the first unit, and the burst that starts it. */
  #open(): void {
    const pace = this.#paceOf(this.#funds);
    const { standing, tariffs } = this.#work;
    const taken = new Map<AccountTariff, number>();
    for (const tariff of tariffs) {
      for (const { method, times } of tariff.opening ?? []) {
        this.#charge(tariff, { method, times }, taken);
      }
    }
    for (const { method, times } of standing) {
      for (const [tariff, share] of this.#payersOf(method, pace)) {
        this.#charge(tariff, { method, times: times * share }, taken);
      }
    }
    if (pace === undefined) return;
    const delays = pace.binding.map(({ name }) =>
      Math.max(0, ...[...taken].map(([one, ms]) => one.name === name ? ms : 0))
    );
    this.#now += Math.min(...delays, Infinity) - pace.burst;
  }

  /** Calls that are repeated as time passes. */
  #stand(): void {
    const pace = this.#paceOf(this.#funds);
    for (const { every, method } of this.#work.standing) {
      if (every === undefined) continue;
      const times = Math.floor(this.#busy / every);
      for (const [tariff, share] of this.#payersOf(method, pace)) {
        this.#charge(tariff, { method, times: times * share }, new Map());
      }
    }
  }

  /** Who makes calls of a method, whether units need it or not. */
  #payersOf(
    method: string,
    pace: Pace | undefined,
  ): Iterable<readonly [AccountTariff, number]> {
    const payers = pace?.parts(method);
    if (payers?.size) return payers;
    const alone = [{ method, perUnit: 1, because: "" }];
    const { tariffs } = this.#work;
    return paceOf(alone, { tariffs })?.parts(method) ?? [];
  }

  #charge(
    tariff: AccountTariff,
    { method, times }: { readonly method: string; readonly times: number },
    taken: Map<AccountTariff, number>,
  ): void {
    const cost = tariff.cost(method);
    const fund = this.#funds.find((one) => one.tariff === tariff);
    if (cost === undefined || fund === undefined || times === 0) return;
    const calls = cost.calls * times;
    const credits = cost.credits * times;
    this.#pay(tariff, { calls, credits }, 0);
    const units = { calls, credits, weight: cost.weight * times };
    fund.spend(units, 1, this.#now);
    taken.set(tariff, (taken.get(tariff) ?? 0) + fund.delay(units));
  }

  #pay(
    tariff: AccountTariff,
    { calls, credits }: { readonly calls: number; readonly credits: number },
    ms: number,
  ): void {
    const spent = this.#spent.get(tariff);
    if (spent === undefined) return;
    spent.calls += calls;
    spent.credits += credits;
    for (const [day, share] of daysOf(this.#now, ms)) {
      spent.days.set(day, (spent.days.get(day) ?? 0) + share * credits);
    }
  }

  #bind(bounds: readonly Bound[], ms: number): void {
    for (const bound of bounds) {
      const known = [...this.#bound.keys()].find(({ limit, name }) =>
        limit === bound.limit && name === bound.name
      ) ?? bound;
      this.#bound.set(
        known,
        (this.#bound.get(known) ?? 0) + ms / bounds.length,
      );
    }
  }
}

/** The days that a stretch of time touches, and its share in each. */
function* daysOf(start: number, ms: number): Iterable<[string, number]> {
  let from = start;
  do {
    const turn = (Math.floor(from / DAY_MS) + 1) * DAY_MS;
    const to = Math.min(turn, start + ms);
    const day = new Date(from).toISOString().slice(0, 10);
    yield [day, ms === 0 ? 1 : (to - from) / ms];
    from = to;
  } while (from < start + ms);
}
