/**
 * Sinks that wait for confirmations or finality, over restarts.
 *
 * @module
 */
import assert from "node:assert/strict";
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

Deno.test("Lane retracts what a sink took in an earlier run while another one waited", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(100);
  const confirmed: string[] = [];
  const final: string[] = [];
  const spec = toySpec(toySource(chain), [
    sinkStage("confirmed", ledger(confirmed), { confirmations: 3 }),
    // Keeps the journal from its first open unit on.
    sinkStage("final", ledger(final), "finalized"),
  ]);
  await run(spec, file.path);
  assert.deepEqual(netOf(confirmed), chain.expected(97));
  chain.reorg(20, 30);
  await run(spec, file.path);
  assert.deepEqual(netOf(confirmed), chain.expected(107));
  assert.deepEqual(netOf(final), chain.expected(chain.finalized));
});

Deno.test("Lane lets go what the head has made safe although no unit comes", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(20);
  const lines: string[] = [];
  const spec = toySpec(toySource(chain), [
    sinkStage("confirmed", ledger(lines), { confirmations: 5 }),
  ]);
  await run(spec, file.path, { to: 20 });
  assert.deepEqual(netOf(lines), chain.expected(15));
  chain.extend(30);
  await run(spec, file.path, { to: 20 });
  assert.deepEqual(netOf(lines), chain.expected(20));
});

Deno.test("Lane lets nothing overtake the units that it holds", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(70);
  const final: string[] = [];
  const confirmed: string[] = [];
  const spec = toySpec(toySource(chain), [
    sinkStage("final", ledger(final), "finalized"),
    sinkStage("confirmed", ledger(confirmed), { confirmations: 69 }),
  ]);
  await run(spec, file.path);
  assert.deepEqual(netOf(final), chain.expected(6));
  // Units 7 to 70 are held; 71 and more are final when they are read.
  chain.extend(300);
  await run(spec, file.path);
  assert.deepEqual(netOf(final), chain.expected(chain.finalized));
  assert.deepEqual(netOf(confirmed), chain.expected(chain.finalized));
});

Deno.test("Lane retracts what a crash has left in a store, also if it must wait by now", async () => {
  await using file = await stateFile();
  const chain = new ToyChain().extend(40);
  const store = new MergeStore();
  let writes = 0;
  // The hook runs before and after each write: the first one is stored.
  const hook = () => {
    if (++writes === 2) throw new Crash();
  };
  const spec = toySpec(toySource(chain), [
    sinkStage("confirmed", store.definition(hook), { confirmations: 3 }),
  ]);
  await assert.rejects(run(spec, file.path), Crash);
  assert.notDeepEqual(store.net(), []);
  chain.reorg(40, 50);
  await run(spec, file.path);
  assert.deepEqual(store.net(), chain.expected(47));
  assert.deepEqual(store.netOfView(), chain.expected(47));
});
