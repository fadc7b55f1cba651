import assert from "node:assert/strict";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { HeadTracker } from "../../../../connectors/evm/chain/head.ts";
import { type Script, ScriptedClient } from "../rpc/scripted_client.ts";

const hash = (number: number) => `0x${number.toString(16).padStart(64, "0")}`;

function block(number: number): object {
  return {
    number: `0x${number.toString(16)}`,
    hash: hash(number),
    parentHash: hash(number - 1),
    timestamp: `0x${(number * 12).toString(16)}`,
    transactions: [],
  };
}

/** A node by what it has: the number of its newest and of final blocks. */
function node(of: {
  latest: () => number;
  finalized?: () => number | RpcError;
}): Script {
  return ({ params: [tag] }) => {
    if (tag === "latest") return block(of.latest());
    const number = of.finalized?.() ?? of.latest() - 64;
    return typeof number === "number" ? block(number) : number;
  };
}

function track(nodes: Record<string, Script>) {
  const bench = new ScriptedClient(nodes);
  const { client, clock } = bench;
  const tracker = new HeadTracker({
    client,
    clock,
    log: bench.log,
    transactions: true,
    interval: undefined,
  });
  const { signal } = new AbortController();
  return { bench, options: { signal }, tracker };
}

Deno.test("HeadTracker.poll() tells the head and what is final", async () => {
  const { bench, options, tracker } = track({
    a: node({ latest: () => 100 }),
  });
  assert.equal(tracker.number, -1);
  await bench.settle(tracker.poll(options));
  assert.deepEqual(tracker.sighting, {
    poll: 1,
    head: { latest: 100, safe: 36, finalized: 36 },
  });
  assert.equal(tracker.latest?.hash, hash(100));
  assert.deepEqual(tracker.block(100), block(100));
  assert.equal(tracker.block(99), undefined);

  await bench.clock.advance(61_000);
  assert.ok(tracker.stale);
  assert.equal(tracker.block(100), undefined, "it may be replaced by now");
});

Deno.test("HeadTracker.poll() asks for final blocks once an epoch", async () => {
  let latest = 100;
  const { bench, options, tracker } = track({
    a: node({ latest: () => latest }),
  });
  for (; latest < 164; latest++) await bench.settle(tracker.poll(options));
  const tags = bench.made.filter(({ params: [tag] }) => tag === "finalized");
  assert.equal(tags.length, 2);
  assert.equal(tracker.sighting.head.finalized, 133 - 64);
});

Deno.test("HeadTracker.poll() never takes back what was final", async () => {
  let [latest, finalized] = [100, 60];
  const { bench, options, tracker } = track({
    a: node({ latest: () => latest, finalized: () => finalized }),
  });
  await bench.settle(tracker.poll(options));
  [latest, finalized] = [140, 50];
  await bench.settle(tracker.poll(options));
  assert.equal(tracker.sighting.head.finalized, 60);
});

Deno.test("HeadTracker.poll() remembers that a tag is unknown, not that a node is down", async () => {
  let error = new RpcError("other", "connection closed", { transient: true });
  let latest = 100;
  const { bench, options, tracker } = track({
    a: node({ latest: () => latest, finalized: () => error }),
  });
  await bench.settle(tracker.poll(options));
  assert.deepEqual(tracker.sighting.head, { latest: 100 });
  const asked = () =>
    bench.made.filter(({ params: [tag] }) => tag === "finalized").length;
  const before = asked();

  error = new RpcError("other", "invalid block tag");
  latest += 40;
  await bench.settle(tracker.poll(options));
  await bench.settle(tracker.poll(options));
  assert.ok(asked() > before, "asked again after an outage");
  const after = asked();
  latest += 40;
  await bench.settle(tracker.poll(options));
  await bench.settle(tracker.poll(options));
  assert.equal(asked(), after, "not again after it is unknown");
  assert.deepEqual(tracker.sighting.head, { latest: 180 });
});

Deno.test("HeadTracker.next() asks another node when one stands still", async () => {
  const { bench, options, tracker } = track({
    stuck: node({ latest: () => 100 }),
    alive: node({ latest: () => 107 }),
  });
  await bench.settle(tracker.poll(options));
  assert.equal(tracker.number, 100);
  const start = bench.clock.now();
  while (tracker.number < 107) await bench.settle(tracker.next(options));
  const took = bench.clock.now() - start;
  assert.ok(took >= 14_000 && took < 25_000, `${took}`);
});

Deno.test("HeadTracker.next() asks another node when it is told to", async () => {
  const { bench, options, tracker } = track({
    behind: node({ latest: () => 100 }),
    ahead: node({ latest: () => 107 }),
  });
  await bench.settle(tracker.poll(options));
  await bench.settle(tracker.next({ ...options, elsewhere: true }));
  assert.equal(tracker.number, 107);
});
