import assert from "node:assert/strict";
import fc from "fast-check";
import type { SourceUnit } from "../../../../runtime/component.ts";
import {
  type ScriptedBlock,
  ScriptedChain,
  shortMemory,
  word,
} from "./scripted_chain.ts";

const FEED = `0x${"0f".repeat(20)}`;
const OTHER = `0x${"0e".repeat(20)}`;

const written = {
  every: "10 blocks",
  contracts: { feed: FEED },
  read: { answer: "latestAnswer() returns (int256)" },
};

/** A contract that returns something of the block. */
function answering(value: (block: ScriptedBlock, to: string) => number) {
  return (to: string, _data: string, block: ScriptedBlock) => ({
    gas: 5000,
    data: word(value(block, to)),
  });
}

function unitsOf(read: readonly (SourceUnit | "fork")[]): SourceUnit[] {
  return read.filter((one) => one !== "fork");
}

function numbers(read: readonly (SourceUnit | "fork")[]): unknown[] {
  return read.map((one) => one === "fork" ? one : one.number);
}

function answers(read: readonly (SourceUnit | "fork")[]): unknown[] {
  return unitsOf(read).flatMap(({ rows }) =>
    (rows["rows"] ?? []).map((row) => [row["block_number"], row["answer"]])
  );
}

Deno.test("evm.state reads every tenth block, pinned to its hash", async () => {
  const chain = new ScriptedChain(answering(({ number }) => number * 2));
  chain.grow(36);
  const source = await chain.open({ ...written, start: 5 }, shortMemory());
  const read = await chain.units(source, { to: 35 });
  assert.deepEqual(numbers(read), [10, 20, 30]);
  const [first] = unitsOf(read);
  const block = chain.blocks[10]!;
  assert.deepEqual(first?.rows, {
    rows: [{
      contract: FEED,
      name: "feed",
      block_number: 10,
      block_hash: block.hash,
      block_timestamp: block.time * 1000,
      answer: 20n,
      error: null,
    }],
  });
  assert.equal(first?.id, block.hash);
  assert.equal(first?.time, block.time * 1000);
  assert.equal(chain.count("eth_call"), 3);
});

Deno.test("evm.state reads at the first block behind each instant", async () => {
  const steps = fc.array(fc.integer({ min: 1, max: 100 }), {
    minLength: 1,
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(59), async (steps, start) => {
      let time = 1_700_000_000;
      const times = steps.map((step) => time += step);
      const chain = new ScriptedChain(answering(() => 1));
      chain.grow(times.length, times);
      const source = await chain.open(
        { ...written, every: "30s", start },
        shortMemory(),
      );
      const read = await chain.units(source, { to: times.length - 1 });
      const slot = (index: number) => Math.floor((times[index] ?? 0) / 30);
      const wanted = times.map((_, index) => index).filter((index) =>
        index >= start && (index === 0 || slot(index) > slot(index - 1))
      );
      assert.deepEqual(numbers(read), wanted);
    }),
    { numRuns: 50 },
  );
});

Deno.test("evm.state reads at times of the clock", async () => {
  const chain = new ScriptedChain(answering(() => 1));
  const midnight = Date.UTC(2024, 0, 1) / 1000;
  chain.grow(400, Array.from({ length: 400 }, (_, at) => midnight + 60 * at));
  const source = await chain.open(
    { ...written, every: { cron: "30 */2 * * *" }, start: 1 },
    shortMemory(),
  );
  const read = await chain.units(source, { to: 399 });
  assert.deepEqual(numbers(read), [30, 150, 270, 390]);
});

Deno.test("evm.state passes changes alone, and remembers the last ones", async () => {
  const memory = shortMemory();
  const chain = new ScriptedChain(
    answering(({ number }, to) => to === FEED ? Math.floor(number / 4) : 7),
  );
  const open = () =>
    chain.open({
      ...written,
      every: "2 blocks",
      contracts: { feed: FEED, other: OTHER },
      only_changes: ["answer"],
    }, memory);
  chain.grow(20);
  const first = await chain.units(await open(), { to: 9 });
  assert.deepEqual(numbers(first), [0, 2, 4, 6, 8]);
  assert.deepEqual(answers(first), [[0, 0n], [0, 7n], [4, 1n], [8, 2n]]);
  // Another run, behind the last unit that some sink has.
  const { id, number } = unitsOf(first).at(-1)!;
  const next = await chain.units(await open(), {
    after: { id, number },
    to: 12,
  });
  assert.deepEqual(answers(next), [[12, 3n]]);
  // A sink that is further back gets the same rows again.
  const again = await chain.units(await open(), {
    after: { number: 2, id: chain.blocks[2]!.hash },
    to: 12,
  });
  assert.deepEqual(answers(again), [[4, 1n], [8, 2n], [12, 3n]]);
});

Deno.test("evm.state notices a reorg between two triggers and goes back", async () => {
  const memory = shortMemory();
  // The same value on both forks, but for block 10 of the abandoned one.
  const chain = new ScriptedChain(
    answering(({ hash, number }) =>
      number === 10 && hash.startsWith("0x00000000") ? 9 : 5
    ),
  );
  const source = await chain.open({
    ...written,
    every: "5 blocks",
    only_changes: ["answer"],
  }, memory);
  chain.grow(12);
  const events: (SourceUnit | "fork")[] = [];
  const stop = new AbortController();
  const reading = (async () => {
    const units = source.read({
      after: undefined,
      from: undefined,
      to: undefined,
      signal: stop.signal,
      onHead: () => {},
    });
    for await (const one of units) {
      events.push(one);
      if (events.length === 3) chain.reorg(4);
      if (one === "fork") break;
    }
  })();
  await chain.scripted.settle(reading);
  assert.deepEqual(numbers(events), [0, 5, 10, "fork"]);
  assert.deepEqual(answers(events), [[0, 5n], [10, 9n]]);
  const identified = source.identify?.(10) ?? Promise.resolve(undefined);
  assert.equal(
    await chain.scripted.settle(identified),
    chain.blocks[10]?.hash,
  );
  const rest = await chain.units(source, {
    after: { number: 9, id: "" },
    to: 12,
  });
  // The value of the abandoned block is no longer the last one.
  assert.deepEqual(numbers(rest), [10]);
  assert.deepEqual(answers(rest), []);
});

Deno.test("evm.state follows every block with its parent", async () => {
  const chain = new ScriptedChain(answering(({ number }) => number));
  chain.grow(5);
  const source = await chain.open(
    { ...written, every: "1 block", start: 2 },
    shortMemory(),
  );
  const read = unitsOf(await chain.units(source, { to: 4 }));
  assert.deepEqual(
    read.map(({ parent }) => parent),
    [undefined, chain.blocks[2]?.hash, chain.blocks[3]?.hash],
  );
});

Deno.test("evm.state keeps the rows of contracts that fail, with the reasons", async () => {
  const chain = new ScriptedChain((to, data) => {
    if (to === OTHER) return undefined;
    // decimals()
    return data === "0x313ce567"
      ? { gas: 100, revert: "0x" }
      : { gas: 100, data: word(3) };
  });
  chain.grow(1);
  const source = await chain.open({
    every: "1 block",
    contracts: [FEED, OTHER],
    read: {
      answer: "latestAnswer() returns (int256)",
      decimals: "decimals() returns (uint8)",
    },
  }, shortMemory());
  const [unit] = unitsOf(await chain.units(source, { to: 0 }));
  const rows = (unit?.rows["rows"] ?? []).map((row) => [
    row["contract"],
    row["answer"],
    row["decimals"],
    row["error"],
  ]);
  const none = "no answer: no contract here at this block, or one without " +
    "this function";
  assert.deepEqual(rows, [
    [FEED, 3n, null, "decimals: reverted without a reason"],
    [OTHER, null, null, `answer: ${none}; decimals: ${none}`],
  ]);
});
