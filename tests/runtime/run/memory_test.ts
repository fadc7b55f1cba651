import assert from "node:assert/strict";
import fc from "fast-check";
import { SourceMemory } from "../../../runtime/run/memory.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import { FakeClock } from "../../fixtures/fake_clock.ts";

async function opened() {
  const clock = new FakeClock();
  const state = openSqliteState(":memory:", { clock });
  await state.acquire();
  return {
    state,
    memory: () => new SourceMemory("feeds", { clock, state }),
    [Symbol.asyncDispose]: () => state[Symbol.asyncDispose](),
  };
}

function unit(number: number, after: number, id = `0x${number}`) {
  return { number, id, after, time: number };
}

const map = (values: Record<string, string>) => new Map(Object.entries(values));

Deno.test("SourceMemory knows the last entries as of any unit, in the next run too", async () => {
  await using bench = await opened();
  const memory = bench.memory();
  await memory.remember(unit(10, 0), map({ a: "1", b: "1" }));
  await memory.remember(unit(20, 10), map({ a: "2" }));
  await memory.remember(unit(30, 20), map({ c: "3" }));
  for (const one of [memory, bench.memory()]) {
    assert.deepEqual(await one.recall(9), map({}));
    assert.deepEqual(await one.recall(10), map({ a: "1", b: "1" }));
    assert.deepEqual(await one.recall(29), map({ a: "2", b: "1" }));
    assert.deepEqual(await one.recall(99), map({ a: "2", b: "1", c: "3" }));
  }
});

Deno.test("SourceMemory forgets the units of an abandoned fork", async () => {
  await using bench = await opened();
  const memory = bench.memory();
  await memory.remember(unit(10, 0), map({ a: "1" }));
  await memory.remember(unit(20, 10), map({ a: "2" }));
  await memory.remember(unit(30, 20), map({ a: "3" }));
  // Back to 15: 25 takes the place of 20.
  await memory.remember(unit(25, 15, "0xother"), map({ b: "9" }));
  for (const one of [memory, bench.memory()]) {
    assert.deepEqual(await one.recall(25), map({ a: "1", b: "9" }));
  }
});

Deno.test("SourceMemory remembers a unit that is read again once", async () => {
  await using bench = await opened();
  const memory = bench.memory();
  for (let times = 0; times < 3; times++) {
    await memory.remember(unit(10, 0), map({ a: "1" }));
    await memory.remember(unit(20, 10), map({ a: "2" }));
  }
  assert.equal((await bench.state.journal("feeds/memory")).length, 2);
});

Deno.test("SourceMemory merges what no sink goes back to", async () => {
  await using bench = await opened();
  const memory = bench.memory();
  for (let number = 1; number <= 200; number++) {
    await memory.remember(
      unit(number, number - 1),
      map({ [`key ${number % 7}`]: `${number}` }),
    );
  }
  const before = [await memory.recall(150), await memory.recall(200)];
  await memory.compact(140);
  assert.equal((await bench.state.journal("feeds/memory")).length, 61);
  for (const one of [memory, bench.memory()]) {
    assert.deepEqual(
      [await one.recall(150), await one.recall(200)],
      before,
    );
  }
});

Deno.test("SourceMemory is right after any walk over forks", async () => {
  const step = fc.record({
    back: fc.nat(4),
    gap: fc.integer({ min: 1, max: 3 }),
    key: fc.constantFrom("a", "b", "c"),
    compact: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using bench = await opened();
      let memory = bench.memory();
      let chain: { number: number; key: string; value: string }[] = [];
      for (const [index, { back, compact, gap, key }] of steps.entries()) {
        chain = chain.slice(0, Math.max(0, chain.length - back));
        const after = chain.at(-1)?.number ?? 0;
        const number = after + gap;
        const value = `${index}`;
        await memory.remember(
          unit(number, after, value),
          map({ [key]: value }),
        );
        chain.push({ number, key, value });
        // Nothing goes back further than four units.
        if (compact) await memory.compact((chain.at(-5)?.number ?? 1) - 1);
        if (index % 5 === 0) memory = bench.memory();
      }
      const wanted = map({});
      for (const { key, value } of chain) wanted.set(key, value);
      const last = chain.at(-1)?.number ?? 0;
      assert.deepEqual(await memory.recall(last), wanted);
    }),
    { numRuns: 50 },
  );
});
