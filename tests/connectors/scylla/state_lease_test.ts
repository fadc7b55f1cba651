/**
 * Many processes contend for one lease in a real Cassandra, with clocks that
 * are wrong and pauses that outlast the lease: two must never believe that
 * they hold it, and no write of an overtaken one may be seen.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openScyllaState } from "../../../connectors/scylla/state.ts";
import {
  type Clock,
  FencedError,
  RetryableError,
  type StateStore,
} from "../../../runtime/component.ts";
import { systemClock } from "../../../runtime/run/clock.ts";
import { Dice } from "../../fixtures/simulated/dice.ts";
import { cassandra, javaTest, uniqueName } from "../../services/mod.ts";
import { connect } from "./hot.ts";

const contenders = 6;

/** Whole seconds; a second of it is left of the margin. */
const leaseSeconds = 3;

/** The lease has to go from hand to hand so often. */
const takeovers = 8;

/** Longest time for that, ms. */
const patience = 120_000;

/** A clock that is minutes off, and is set again and again. */
class WrongClock implements Clock {
  #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  now(): number {
    return systemClock.now() + this.#offset;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  set(by: number): void {
    this.#offset += by;
  }
}

/** What all contenders did. */
class Record {
  taken = 0;
  fenced = 0;
  /** The last value that was stored. */
  stored = 0;
  readonly stores: StateStore[] = [];
  readonly end = performance.now() + patience;

  get over(): boolean {
    return this.taken >= takeovers || performance.now() > this.end;
  }

  /** What a sink asks before it writes. */
  check(): void {
    const holders = this.stores.filter((store) => store.lasts() > 0);
    assert.ok(holders.length <= 1, `${holders.length} hold the lease`);
  }
}

async function contend(
  state: StateStore,
  { clock, dice, record, value, seen }: {
    readonly clock: WrongClock;
    readonly dice: Dice;
    readonly record: Record;
    /** A value that is higher than all before. */
    value(): number;
    /** The value in the store. */
    seen(): Promise<number | undefined>;
  },
): Promise<void> {
  const pause = (ms: number) => systemClock.sleep(dice.below(ms));
  while (!record.over) {
    if (await state.acquire()) {
      await pause(150);
      continue;
    }
    record.taken++;
    record.check();
    try {
      let known = await seen() ?? 0;
      assert.ok(known >= record.stored, "a write was lost");
      while (!record.over) {
        const now = await seen() ?? 0;
        if (state.lasts() > 0) {
          assert.equal(now, known, "nobody else writes");
        }
        known = value();
        await state.saveOrigin("chain", known);
        record.stored = Math.max(record.stored, known);
        record.check();
        if (dice.chance(0.2)) clock.set(dice.below(600_000) - 300_000);
        // Now and then as long as a process that was stopped.
        await pause(dice.chance(0.25) ? 6_000 : 300);
      }
    } catch (error) {
      if (error instanceof FencedError) record.fenced++;
      else if (!(error instanceof RetryableError)) throw error;
    }
  }
}

javaTest(
  "ScyllaState has one holder at a time, whatever the clocks say",
  async () => {
    const client = await connect({
      hosts: [await cassandra()],
      keyspace: uniqueName("lease"),
    });
    await using _ = client;
    const pipeline = "contended";
    const record = new Record();
    const dice = new Dice(7);
    let values = 0;
    const seen = async () => {
      // One that has read nothing yet.
      await using looking = await openScyllaState(client, {
        ...{ clock: systemClock, pipeline, readOnly: true },
      });
      return await looking.origin("chain");
    };
    const watch = setInterval(() => record.check(), 3);
    try {
      await Promise.all(
        Array.from({ length: contenders }, async () => {
          const clock = new WrongClock(dice.below(600_000) - 300_000);
          const state = await openScyllaState(client, {
            ...{ clock, leaseSeconds, pipeline, readOnly: false },
          });
          record.stores.push(state);
          await contend(state, {
            ...{ clock, dice, record, seen },
            value: () => ++values,
          });
          await state[Symbol.asyncDispose]();
        }),
      );
    } finally {
      clearInterval(watch);
      await client.execute(`DROP KEYSPACE "${client.keyspace}"`, [], {
        prepare: false,
      });
    }
    assert.ok(record.taken >= takeovers, `taken ${record.taken} times`);
    assert.ok(record.fenced > 0, "some were overtaken");
  },
);
