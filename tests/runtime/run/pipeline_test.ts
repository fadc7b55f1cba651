import assert from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../../runtime/run/clock.ts";
import { createLogger } from "../../../runtime/run/log.ts";
import { Metrics } from "../../../runtime/run/metrics.ts";
import { runPipeline } from "../../../runtime/run/pipeline.ts";
import { openSqliteState } from "../../../runtime/run/sqlite_state.ts";
import { defineConnection, defineSource } from "../../../runtime/component.ts";
import { RetryableError, UserError } from "../../../runtime/errors.ts";
import type { Deliver } from "../../../runtime/spec/spec.ts";
import { settled } from "../../fixtures/fake_clock.ts";
import {
  Crash,
  ledger,
  MergeStore,
  netOf,
  sinkStage,
  ToyChain,
  toySource,
  toySpec,
} from "./toy.ts";
import { run, stateFile } from "./toy_run.ts";

Deno.test("runPipeline() delivers every unit and adds nothing when run again", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(200);
  const lines: string[] = [];
  const spec = toySpec(toySource(chain), [sinkStage("out", ledger(lines))]);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected());
  const before = lines.length;
  const [result] = await run(spec, file.path);
  assert.equal(lines.length, before);
  assert.equal(result?.rows, 0);
  assert.equal(result?.cursor.at?.number, 200);
});

Deno.test("runPipeline() retracts a reorg that happened while it was down", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(100);
  const lines: string[] = [];
  const store = new MergeStore();
  const spec = toySpec(toySource(chain), [
    sinkStage("out", ledger(lines)),
    sinkStage("merged", store.definition()),
  ]);
  await run(spec, file.path);
  chain.reorg(40, 30);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected());
  assert.deepEqual(store.net(), chain.expected());
  assert.deepEqual(store.netOfView(), chain.expected());
});

Deno.test("runPipeline() follows a reorg that begins below its first block", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(50);
  const lines: string[] = [];
  const store = new MergeStore();
  const spec = toySpec(toySource(chain), [
    sinkStage("out", ledger(lines)),
    sinkStage("merged", store.definition()),
  ]);
  await run(spec, file.path, { from: 48 });
  chain.reorg(10);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected(chain.head, 48));
  // And once more where nothing has come back yet: the sinks are empty.
  chain.reorg(10, 3);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), []);
  chain.extend(20);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected(chain.head, 48));
  assert.deepEqual(store.net(), chain.expected(chain.head, 48));
});

Deno.test("runPipeline() fills what the journal leaves out between two of its units", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(5);
  chain.finality = 10;
  const quick: string[] = [];
  const slow: string[] = [];
  const source = toySource(chain);
  const stages = [
    sinkStage("quick", ledger(quick)),
    sinkStage("slow", ledger(slow)),
  ];
  await run(toySpec(source, stages), file.path);
  // Units 6 to 15 are final when they come, 16 to 25 are journaled again.
  chain.extend(20);
  const crash = async () => {
    while (quick.length < chain.expected().length) await settled();
    throw new Crash();
  };
  const spec = toySpec(source, [
    sinkStage("quick", ledger(quick)),
    sinkStage("slow", ledger(slow, crash)),
  ]);
  await assert.rejects(run(spec, file.path), Crash);
  await run(toySpec(source, stages), file.path);
  assert.deepEqual(netOf(slow), chain.expected());
  assert.deepEqual(netOf(quick), chain.expected());
});

Deno.test("runPipeline() retracts nothing that a sink did not have", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(10);
  const lines: string[] = [];
  const spec = toySpec(toySource(chain), [
    sinkStage("final", ledger(lines), "finalized"),
    sinkStage("latest", ledger([])),
  ]);
  await run(spec, file.path);
  chain.reorg(10, 9).extend(61);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected(6));
  // The journal still has the retractions of the first 1 to 10.
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected(6));
});

Deno.test("runPipeline() stops at a reorg deeper than what is final", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(100);
  chain.finality = 10;
  const lines: string[] = [];
  const spec = toySpec(toySource(chain), [sinkStage("out", ledger(lines))]);
  await run(spec, file.path);
  const before = [...lines];
  chain.replace(30);
  await assert.rejects(run(spec, file.path), (error) => {
    assert(error instanceof UserError);
    assert.match(error.message, /Cannot follow the reorg .* was final/);
    return true;
  });
  assert.deepEqual(lines, before);
});

Deno.test("runPipeline() follows a reorg of 512 blocks where nothing is said to be final", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(700);
  chain.saysFinal = false;
  chain.finality = 600;
  const lines: string[] = [];
  const spec = toySpec(toySource(chain), [sinkStage("out", ledger(lines))]);
  await run(spec, file.path);
  chain.reorg(512);
  await run(spec, file.path);
  assert.deepEqual(netOf(lines), chain.expected());
});

for (
  const [deliver, limit] of [
    ["finalized", (chain: ToyChain) => chain.head - 64],
    ["safe", (chain: ToyChain) => chain.head - 32],
    [{ confirmations: 12 }, (chain: ToyChain) => chain.head - 12],
  ] as [Deliver, (chain: ToyChain) => number][]
) {
  Deno.test(`runPipeline() delivers ${JSON.stringify(deliver)} units only, also over restarts and reorgs`, async () => {
    await using file = await stateFile();
    const chain = new ToyChain().extend(100);
    const lines: string[] = [];
    const spec = toySpec(toySource(chain), [
      sinkStage("out", ledger(lines), deliver),
      sinkStage("all", ledger([])),
    ]);
    await run(spec, file.path);
    assert.deepEqual(netOf(lines), chain.expected(limit(chain)));
    chain.reorg(10, 30);
    await run(spec, file.path);
    assert.deepEqual(netOf(lines), chain.expected(limit(chain)));
    assert(
      lines.every((line) => line.startsWith("+")),
      "a reorg above the limit is not seen by the sink",
    );
  });
}

Deno.test("runPipeline() drains while its source cannot say where a fork began", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(20);
  const lines: string[] = [];
  const sinks = [sinkStage("out", ledger(lines))];
  await run(toySpec(toySource(chain), sinks), file.path);
  const drain = new AbortController();
  let asked = 0;
  const source = defineSource({
    ...toySource(chain),
    open: () => ({
      ...chain.source(),
      identify() {
        if (++asked === 2) drain.abort();
        return Promise.reject(new RetryableError("The node is gone"));
      },
    }),
  });
  await run(toySpec(source, sinks), file.path, { drain: drain.signal });
  assert.equal(asked, 2);
  assert.deepEqual(netOf(lines), chain.expected());
});

Deno.test("runPipeline() drains while a connection does not answer", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(20);
  const drain = new AbortController();
  const definition = defineConnection({
    type: "gone",
    summary: "A server that is not there",
    fields: {},
    example: "",
    open: () => ({
      health() {
        drain.abort();
        return Promise.reject(new RetryableError("Cannot reach it"));
      },
    }),
  });
  const sink = { ...sinkStage("out", ledger([])), connection: "gone" };
  const spec = {
    ...toySpec(toySource(chain), [sink]),
    connections: new Map([["gone", {
      name: "gone",
      definition,
      config: {},
      written: {},
    }]]),
  };
  assert.deepEqual(await run(spec, file.path, { drain: drain.signal }), []);
});

Deno.test("runPipeline() lets only one process run a pipeline", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(20);
  const spec = toySpec(toySource(chain), [sinkStage("out", ledger([]))]);
  await using state = openSqliteState(file.path, { clock: systemClock });
  assert.equal(await state.acquire(), undefined);
  const drain = new AbortController();
  const warned = Promise.withResolvers<string>();
  await using second = openSqliteState(file.path, { clock: systemClock });
  const waiting = runPipeline(spec, {
    state: second,
    clock: systemClock,
    log: createLogger({
      level: "warn",
      secrets: [],
      write: ({ message }) => warned.resolve(message),
    }),
    metrics: new Metrics(),
    drain: drain.signal,
  });
  assert.match(await warned.promise, /is run by process \d+ on/);
  drain.abort();
  assert.deepEqual(await waiting, []);
});

/** What happens between and during runs. */
type Step =
  | { readonly extend: number }
  | { readonly reorg: number; readonly length: number }
  | { readonly crash: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ extend: fc.integer({ min: 1, max: 30 }) }),
    fc.record({
      reorg: fc.integer({ min: 1, max: 64 }),
      length: fc.integer({ min: 1, max: 70 }),
    }),
    fc.record({ crash: fc.integer({ min: 0, max: 60 }) }),
  ),
  { minLength: 1, maxLength: 12 },
);

Deno.test("runPipeline() keeps every sink equal to the chain through random forks, crashes and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (script, saysFinal) => {
      await using file = await stateFile();
      const chain = new ToyChain().extend(80);
      chain.saysFinal = saysFinal;
      const lines: string[] = [];
      const store = new MergeStore();
      const held: string[] = [];
      for (const step of script) {
        // A crash may strike before or after any write, or between units;
        // changes of the chain strike between units of a run as well.
        let fuse = "crash" in step ? step.crash : Infinity;
        const spark = () => {
          if (fuse-- <= 0) throw new Crash();
        };
        let units = 0;
        const onUnit = () => {
          spark();
          if (++units !== 3) return;
          if ("extend" in step) chain.extend(step.extend);
          if ("reorg" in step) chain.reorg(step.reorg, step.length);
        };
        if ("crash" in step) chain.extend(10);
        const spec = toySpec(toySource(chain, { onUnit }), [
          sinkStage("lines", ledger(lines, spark)),
          sinkStage("merged", store.definition(spark)),
          sinkStage("held", ledger(held, spark), { confirmations: 3 }),
        ]);
        try {
          await run(spec, file.path);
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
        }
      }
      const spec = toySpec(toySource(chain), [
        sinkStage("lines", ledger(lines)),
        sinkStage("merged", store.definition()),
        sinkStage("held", ledger(held), { confirmations: 3 }),
      ]);
      await run(spec, file.path);
      assert.deepEqual(netOf(lines), chain.expected());
      assert.deepEqual(store.net(), chain.expected());
      assert.deepEqual(store.netOfView(), chain.expected());
    }),
    {
      numRuns: 100,
      // Who is stuck is not waited for.
      timeout: 30_000,
      // Crashes while a write of an earlier run is repeated.
      examples: [
        [[{ crash: 22 }, { crash: 1 }, { crash: 0 }], true],
        [[{ crash: 46 }, { crash: 1 }], true],
        [
          [{ crash: 21 }, { crash: 5 }, { crash: 1 }, { reorg: 1, length: 1 }],
          true,
        ],
      ],
    },
  );
});
