/**
 * What every state store has to do, as tests that a store passes by being
 * opened.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import fc from "fast-check";
import {
  FencedError,
  prunable,
  type StateStore,
} from "../../runtime/component.ts";
import {
  cursorOf,
  everyValue,
  insert,
  journalOf,
  plain,
  reading,
  retract,
} from "./state_samples.ts";

/** A fresh place for one test. */
export interface StateBench extends AsyncDisposable {
  /** What another process would open; nothing has run there before. */
  open(options?: { readonly readOnly?: boolean }): Promise<StateStore>;
  /** Let a store take the lease of one that renews no longer. */
  takeOver(next: StateStore): Promise<void>;
  /** So much of a lease's time passes that it has to be renewed. */
  pass(store: StateStore): Promise<void>;
  /** The lease's time has passed, and nobody has taken it. */
  lapse(store: StateStore): Promise<void>;
}

/** A store and how to try it. */
export interface StateCase {
  /** What the tests are called. */
  readonly name: string;
  arrange(): Promise<StateBench>;
  /** Registers a test; by default Deno's. */
  test?(name: string, run: () => Promise<void>): void;
  /** Random journals to prune; fewer where each costs round trips. */
  readonly journals: number;
}

/** Register the tests of a store. */
export function stateContract(options: StateCase): void {
  const { name, test = Deno.test } = options;

  /** A test with a store that holds the lease. */
  const held = (
    title: string,
    run: (state: StateStore, bench: StateBench) => Promise<void>,
  ) =>
    test(`${name} state: ${title}`, async () => {
      await using bench = await options.arrange();
      await using state = await bench.open();
      assert.equal(await state.acquire(), undefined);
      await run(state, bench);
    });

  test(`${name} state: it is empty before the first run`, async () => {
    await using bench = await options.arrange();
    await using looking = await bench.open({ readOnly: true });
    assert.deepEqual(await looking.cursors(), []);
    assert.ok(looking.lasts() <= 0);
  });

  held(
    "it gives back cursors as they were saved last",
    async (state, bench) => {
      assert.deepEqual(await state.cursors(), []);
      const first = cursorOf("out");
      const pending = {
        number: 9,
        id: "0xab",
        op: "retract",
        seq: 12,
      } as const;
      const later = cursorOf("out", {
        at: { number: 8, id: "0xaa" },
        seq: Date.UTC(2026, 0, 1),
        state: { bytes: 2 ** 40, files: ["a", "ä"] },
        pending,
      });
      await state.saveCursor(first);
      assert.deepEqual(plain(await state.cursors()), plain([first]));
      await state.saveCursor(later);
      await state.saveCursor(cursorOf("also", { source: "other" }));
      const wanted = plain([cursorOf("also", { source: "other" }), later]);
      assert.deepEqual(plain(await state.cursors()), wanted);
      await using looking = await bench.open({ readOnly: true });
      assert.deepEqual(plain(await looking.cursors()), wanted);
    },
  );

  held("it saves the cursors of many sinks at once", async (state) => {
    const sinks = Array.from({ length: 40 }, (_, index) => `sink${index}`);
    for (let seq = 1; seq <= 3; seq++) {
      await Promise.all(
        sinks.map((sink) => state.saveCursor(cursorOf(sink, { seq }))),
      );
    }
    const saved = await state.cursors();
    assert.deepEqual(saved.map(({ sink }) => sink), sinks.toSorted());
    assert.ok(saved.every(({ seq }) => seq === 3));
  });

  held("it keeps where each source began", async (state) => {
    assert.equal(await state.origin("chain"), undefined);
    await state.saveOrigin("chain", 19_000_000);
    await state.saveOrigin("other", 0);
    assert.equal(await state.origin("chain"), 19_000_000);
    assert.equal(await state.origin("other"), 0);
  });

  held("it keeps what rows were made for", async (state) => {
    assert.equal(await state.reading("chain"), undefined);
    await state.saveReading("chain", reading);
    await state.saveOrigin("chain", 1);
    assert.deepEqual(await state.reading("chain"), reading);
    await state.saveReading("chain", { ...reading, stages: {} });
    assert.deepEqual((await state.reading("chain"))?.stages, {});
    assert.equal(await state.reading("other"), undefined);
  });

  held(
    "it gives back journaled rows with every kind of value",
    async (state) => {
      await state.append("chain", insert(5, 10), everyValue);
      await state.append("chain", retract(6, insert(5, 10)));
      await state.append("other", insert(5, 1), { logs: [] });
      assert.deepEqual(await state.rows("chain", 5), everyValue);
      assert.deepEqual(await state.rows("other", 5), { logs: [] });
      assert.deepEqual(await state.journal("chain"), [
        insert(5, 10),
        retract(6, insert(5, 10)),
      ]);
      await assert.rejects(state.rows("chain", 4), /has no rows of event 4/);
      assert.deepEqual(await state.journal("never"), []);
    },
  );

  held("it journals a unit of several megabytes", async (state) => {
    // Random, so that it stays as large when it is packed.
    const rows = Array.from({ length: 40 }, (_, index) => ({
      index,
      input: `0x${randomBytes(64 * 1024).toString("hex")}`,
    }));
    await state.append("chain", insert(1, 1), { transactions: rows });
    assert.deepEqual(await state.rows("chain", 1), { transactions: rows });
  });

  held("it takes an event again that it may have", async (state) => {
    await state.append("chain", insert(1, 10), everyValue);
    await state.append("chain", insert(1, 10), everyValue);
    assert.deepEqual(await state.journal("chain"), [insert(1, 10)]);
    assert.deepEqual(await state.rows("chain", 1), everyValue);
  });

  held("it gives events in the order of their sequences", async (state) => {
    for (const seq of [2, 10, 9, 100, 1]) {
      await state.append("chain", insert(seq, seq), {});
    }
    const events = await state.journal("chain");
    assert.deepEqual(events.map(({ seq }) => seq), [1, 2, 9, 10, 100]);
  });

  held(
    "prune() drops final events that are acknowledged, and retracted pairs only together",
    async (state) => {
      const events = [
        insert(1, 10),
        insert(2, 11),
        retract(3, insert(2, 11)),
        insert(4, 11),
        insert(5, 12),
        retract(6, insert(5, 12)),
      ];
      for (const event of events) {
        await state.append(
          "chain",
          event,
          event.op === "insert" ? everyValue : undefined,
        );
      }
      const left = async () =>
        (await state.journal("chain")).map(({ seq }) => seq);

      await state.prune("chain", { seq: 2, number: 11 });
      assert.deepEqual(await left(), [2, 3, 4, 5, 6], "2 is retracted later");
      await state.prune("chain", { seq: 5, number: 9 });
      assert.deepEqual(await left(), [4, 5, 6], "the pair 2, 3 is done");
      await state.prune("other", { seq: 9, number: 99 });
      assert.deepEqual(await state.rows("chain", 4), everyValue);
      await state.prune("chain", { seq: 6, number: 9 });
      assert.deepEqual(await left(), [4], "behind what stays");
      await state.append("chain", insert(7, 13), everyValue);
      await state.append("chain", retract(8, insert(7, 13)));
      assert.deepEqual(await left(), [4, 7, 8]);
      await state.prune("chain", { seq: 8, number: 11 });
      assert.deepEqual(await left(), []);
      await state.append("chain", insert(9, 14), everyValue);
      assert.deepEqual(await left(), [9]);
      assert.deepEqual(await state.rows("chain", 9), everyValue);
      // As after a reset on a machine whose clock is behind.
      await state.append("chain", insert(2, 1), everyValue);
      assert.deepEqual(await left(), [2, 9]);
      assert.deepEqual(await state.rows("chain", 2), everyValue);
    },
  );

  held("prune() keeps exactly what any journal still needs", async (state) => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }),
        fc.array(fc.tuple(fc.nat(14), fc.nat(10)), {
          minLength: 1,
          maxLength: 3,
        }),
        async (steps, prunings) => {
          const source = `chain${run++}`;
          let events = journalOf(steps);
          for (const event of events) await state.append(source, event);
          for (const [seq, number] of prunings) {
            await state.prune(source, { seq, number });
            const gone = new Set(prunable(events, { seq, number }));
            events = events.filter((event) => !gone.has(event));
            assert.deepEqual(await state.journal(source), events);
          }
        },
      ),
      { numRuns: options.journals },
    );
  });

  held("rename() takes cursors, origin and journal along", async (state) => {
    await state.saveCursor(cursorOf("out", { at: { number: 1, id: "a" } }));
    await state.saveCursor(cursorOf("else", { source: "other" }));
    await state.saveOrigin("chain", 7);
    await state.saveReading("chain", reading);
    await state.append("chain", insert(1, 8), everyValue);
    await state.append("chain", retract(2, insert(1, 8)));
    // Each run renames again what has its new name already.
    for (let run = 0; run < 2; run++) {
      await state.rename("source", "chain", "mainnet");
      await state.rename("sink", "out", "rows");
      const cursors = await state.cursors();
      assert.deepEqual(
        cursors.map(({ sink, source }) => [sink, source]),
        [["else", "other"], ["rows", "mainnet"]],
      );
      assert.equal(await state.origin("mainnet"), 7);
      assert.equal(await state.origin("chain"), undefined);
      assert.deepEqual(await state.reading("mainnet"), reading);
      assert.equal(await state.reading("chain"), undefined);
      assert.deepEqual(await state.journal("chain"), []);
      assert.deepEqual(await state.journal("mainnet"), [
        insert(1, 8),
        retract(2, insert(1, 8)),
      ]);
      assert.deepEqual(await state.rows("mainnet", 1), everyValue);
    }
    await state.append("mainnet", insert(3, 8), everyValue);
    await state.prune("mainnet", { seq: 3, number: 7 });
    const left = await state.journal("mainnet");
    assert.deepEqual(left.map(({ seq }) => seq), [3]);
  });

  held("reset() forgets what it is asked to", async (state) => {
    for (
      const [sink, source] of [["a", "x"], ["b", "x"], ["c", "y"]] as const
    ) {
      await state.saveCursor(cursorOf(sink, { source }));
      await state.saveOrigin(source, 1);
      await state.saveReading(source, reading);
    }
    await state.append("x", insert(1, 1), everyValue);
    await state.append("y", insert(1, 1), everyValue);
    const sinks = async () => (await state.cursors()).map(({ sink }) => sink);
    await state.reset({ sink: "a" });
    assert.deepEqual(await sinks(), ["b", "c"]);
    assert.equal((await state.journal("x")).length, 1);
    await state.reset({ source: "x" });
    assert.deepEqual(await sinks(), ["c"]);
    assert.equal(await state.origin("x"), undefined);
    assert.equal(await state.reading("x"), undefined);
    assert.deepEqual(await state.journal("x"), []);
    assert.equal(await state.origin("y"), 1);
    assert.deepEqual(await state.reading("y"), reading);
    assert.deepEqual(await state.rows("y", 1), everyValue);
    await state.append("x", insert(1, 5), everyValue);
    assert.deepEqual(await state.journal("x"), [insert(1, 5)]);
    await state.reset();
    assert.deepEqual(await sinks(), []);
    assert.equal(await state.origin("y"), undefined);
    assert.deepEqual(await state.journal("x"), []);
    assert.deepEqual(await state.journal("y"), []);
  });

  held("one process holds the lease, until it ends", async (state, bench) => {
    await using next = await bench.open();
    assert.ok(state.lasts() > 0);
    const owner = await next.acquire();
    assert.equal(owner?.pid, Deno.pid);
    assert.equal(owner?.host, hostname());
    assert.ok(Number.isSafeInteger(owner?.since));
    assert.ok(next.lasts() <= 0);
    await state[Symbol.asyncDispose]();
    // The answer to the first question after the end.
    assert.equal(await next.acquire(), undefined);
    assert.ok(next.lasts() > 0);
  });

  held("a lease that is renewed is not free", async (state, bench) => {
    await using next = await bench.open();
    for (let renewal = 0; renewal < 4; renewal++) {
      await bench.pass(state);
      await state.renew();
      assert.ok(state.lasts() > 0);
      assert.equal((await next.acquire())?.pid, Deno.pid);
    }
    await state.saveOrigin("chain", 1);
  });

  held(
    "every write of a process that lost its lease is refused",
    async (paused, bench) => {
      await paused.saveCursor(cursorOf("out", { seq: 1 }));
      await paused.saveOrigin("chain", 7);
      await paused.append("chain", insert(1, 8), everyValue);
      await using next = await bench.open();
      await bench.takeOver(next);
      assert.ok(next.lasts() > 0);
      const refused: readonly (() => Promise<unknown>)[] = [
        () => paused.renew(),
        () => paused.saveCursor(cursorOf("out", { seq: 2 })),
        () => paused.saveCursor(cursorOf("new")),
        () => paused.saveOrigin("chain", 8),
        () => paused.append("chain", insert(2, 9), everyValue),
        () => paused.append("never", insert(2, 9), everyValue),
        () => paused.prune("chain", { seq: 9, number: 9 }),
        () => paused.rename("sink", "out", "rows"),
        () => paused.rename("source", "chain", "mainnet"),
        () => paused.reset({ sink: "out" }),
        () => paused.reset({ source: "chain" }),
        () => paused.reset(),
      ];
      for (const write of refused) {
        await assert.rejects(write(), (error) => {
          assert.ok(error instanceof FencedError, `${write}: ${error}`);
          assert.match(
            error.message,
            /^Cannot write state: process \d+ on .* has taken over/,
          );
          return true;
        });
        assert.ok(paused.lasts() <= 0);
      }
      const cursors = await next.cursors();
      assert.deepEqual(cursors.map(({ sink, seq }) => [sink, seq]), [[
        "out",
        1,
      ]]);
      assert.equal(await next.origin("chain"), 7);
      assert.deepEqual(await next.journal("chain"), [insert(1, 8)]);
      assert.deepEqual(await next.rows("chain", 1), everyValue);
      await next.append("chain", insert(2, 9), { logs: [] });
      assert.deepEqual(await next.rows("chain", 2), { logs: [] });
      // Its end must not end the lease of its successor.
      await paused[Symbol.asyncDispose]();
      await next.saveCursor(cursorOf("out", { seq: 2 }));
      await using third = await bench.open();
      assert.equal((await third.acquire())?.pid, Deno.pid);
    },
  );

  held("a fence outlives the process that raised it", async (paused, bench) => {
    await using next = await bench.open();
    await bench.takeOver(next);
    await next[Symbol.asyncDispose]();
    await assert.rejects(paused.saveOrigin("chain", 1), FencedError);
    await assert.rejects(paused.renew(), FencedError);
  });

  held(
    "a lease that ran out and that nobody took can be renewed",
    async (state, bench) => {
      await state.saveOrigin("chain", 1);
      await bench.lapse(state);
      assert.ok(state.lasts() <= 0, "by its own clock, without asking");
      await state.renew();
      assert.ok(state.lasts() > 0);
      await state.saveOrigin("chain", 2);
      assert.equal(await state.origin("chain"), 2);
    },
  );
}
