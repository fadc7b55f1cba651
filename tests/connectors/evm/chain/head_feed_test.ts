import assert from "node:assert/strict";
import { cheapestFeed } from "../../../../connectors/evm/chain/following.ts";
import { HeadTracker } from "../../../../connectors/evm/chain/head.ts";
import {
  type Limit,
  parseLimit,
} from "../../../../connectors/evm/rpc/limit.ts";
import { until } from "../../../fixtures/until.ts";
import { PushingNode } from "./pushing_node.ts";
import { ScriptedClient } from "../rpc/scripted_client.ts";

const hash = (number: number, fork = 0) =>
  `0x${fork}${number.toString(16).padStart(63, "0")}`;

function header(number: number, fork = 0) {
  return {
    number: `0x${number.toString(16)}`,
    hash: hash(number, fork),
    parentHash: hash(number - 1),
    timestamp: `0x${(number * 12).toString(16)}`,
  };
}

function limit(text: string): Limit {
  const parsed = parseLimit(text);
  assert.ok(parsed, text);
  return parsed;
}

/** Prices at which a pushed head is cheap. */
const cheap = {
  price: 80,
  prices: { newHeads: 50 },
  quota: [limit("3000000/day from 00:00 UTC")],
};

/** A tracker of a node that also pushes; its clock is the test's. */
function track(node: PushingNode, prices: object = cheap) {
  const chain = { latest: 100 };
  const bench = new ScriptedClient({
    a: {
      script: ({ params: [tag] }) => ({
        ...header(tag === "latest" ? chain.latest : chain.latest - 64),
        transactions: [],
      }),
      prices,
      socket: `${node.url}/secret-key`,
    },
  });
  const tracker = new HeadTracker({
    ...{ client: bench.client, clock: bench.clock, log: bench.log },
    ...{ transactions: true, interval: undefined },
  });
  const { signal } = new AbortController();
  const options = { signal };
  return {
    ...{ bench, chain, tracker },
    poll: () => bench.settle(tracker.poll(options)),
    /** Wait for the next head; the clock stands still while it is pushed. */
    async next(push?: () => void): Promise<void> {
      const next = tracker.next(options);
      push?.();
      let done = false;
      next.finally(() => done = true).catch(() => {});
      const taken = async () => {
        await bench.clock.advance(1);
        return done;
      };
      if (push) await until(taken, "the head is taken");
      await bench.settle(next);
    },
    /** Let the subscription open; that takes real time. */
    async subscribed(count = 1): Promise<void> {
      await until(async () => {
        await bench.clock.advance(1);
        const opened = ({ message }: { readonly message: string }) =>
          message === "Heads are pushed";
        return bench.lines.filter(opened).length >= count;
      }, "it subscribes");
    },
    polls: () =>
      bench.made.filter(({ params: [tag] }) => tag === "latest").length,
    [Symbol.dispose]: () => tracker[Symbol.dispose](),
  };
}

Deno.test("HeadTracker.next() takes heads that are pushed instead of polling", async () => {
  await using node = new PushingNode();
  using it = track(node);
  await it.poll();
  await it.next();
  await it.subscribed();
  const before = it.polls();
  for (const number of [101, 102, 103]) {
    await it.next(() => node.push(header(number)));
    assert.equal(it.tracker.number, number);
    assert.equal(it.tracker.latest?.hash, hash(number));
    assert.equal(it.tracker.block(number), undefined, "only its header came");
  }
  assert.equal(it.polls(), before);
  assert.equal(it.tracker.sighting.head.latest, 103);
  const [usage] = it.bench.client.endpoints[0]!.budget.usage();
  const asked = it.bench.made.length + 1; // The subscription.
  assert.equal(usage?.used, 80 * asked + 3 * 50, "each push is billed");
});

Deno.test("HeadTracker.next() tells of a reorg that is pushed", async () => {
  await using node = new PushingNode();
  using it = track(node);
  await it.poll();
  await it.next();
  await it.subscribed();
  await it.next(() => node.push(header(101)));
  await it.next(() => node.push(header(101, 1)));
  assert.deepEqual(it.tracker.latest, {
    ...it.tracker.latest!,
    hash: hash(101, 1),
  });
  // What lies below the head may be of a node that lags: a fork that stays
  // shows when its next block does not fit.
  await it.next(() => node.push(header(99, 1)));
  assert.equal(it.tracker.number, 101);
});

Deno.test("HeadTracker.next() polls when the socket breaks, and returns", async () => {
  await using node = new PushingNode();
  using it = track(node);
  await it.poll();
  await it.next();
  await it.subscribed();
  await it.next(() => node.push(header(101)));
  it.chain.latest = 102;
  await it.next(() => node.sever());
  assert.equal(it.tracker.number, 102, "it has asked");
  const [line] = it.bench.lines.filter(({ level }) => level === "warn");
  assert.match(line!.message, /No heads are pushed/);
  assert.equal(line!.fields["endpoint"], "a");
  assert.doesNotMatch(JSON.stringify(it.bench.lines), /secret-key/);

  it.chain.latest = 103;
  await it.next();
  assert.equal(it.tracker.number, 103);
  await it.bench.clock.advance(6000);
  await it.next();
  await it.subscribed(2);
  await it.next(() => node.push(header(110)));
  assert.equal(it.tracker.number, 110);
});

Deno.test("HeadTracker.next() polls when the socket is silent", async () => {
  await using node = new PushingNode();
  using it = track(node);
  await it.poll();
  await it.next();
  await it.subscribed();
  await it.next(() => node.push(header(101)));
  // The chain stands still: one poll, and the socket stays.
  it.chain.latest = 101;
  await it.next();
  assert.equal(node.open, 1);
  // It goes on, and nobody says so.
  it.chain.latest = 105;
  await it.next();
  assert.equal(it.tracker.number, 105);
  await until(() => node.open === 0, "the socket is closed");
  const [line] = it.bench.lines.filter(({ level }) => level === "warn");
  assert.match(String(line!.fields["reason"]), /silent/);
});

Deno.test("HeadTracker.next() polls when it may not subscribe", async () => {
  await using node = new PushingNode();
  node.refusal = { code: -32601, message: "the method does not exist" };
  using it = track(node);
  await it.poll();
  await it.next();
  it.chain.latest = 101;
  await it.next();
  assert.equal(it.tracker.number, 101);
  await until(async () => {
    await it.bench.clock.advance(0);
    return it.bench.lines.some(({ level }) => level === "warn");
  }, "it says so");
  const [line] = it.bench.lines.filter(({ level }) => level === "warn");
  assert.match(String(line!.fields["reason"]), /does not exist/);
});

Deno.test("HeadTracker.next() ends a subscription that its budget cannot pay", async () => {
  await using node = new PushingNode();
  using it = track(node, {
    ...cheap,
    quota: [limit("700/day from 00:00 UTC")],
  });
  await it.poll();
  await it.next();
  await it.subscribed();
  for (let number = 101; node.open > 0; number++) {
    assert.ok(number < 120, "it goes on");
    await it.next(() => node.push(header(number)));
    const spent = it.bench.client.endpoints[0]!.budget.usage()[0]!.left <= 0;
    if (spent) await until(() => node.open === 0, "the socket is closed");
  }
  const [usage] = it.bench.client.endpoints[0]!.budget.usage();
  assert.ok(usage!.left > -50, `${usage!.left}`);
});

Deno.test("cheapestFeed() compares a pushed head with the polls that it saves", () => {
  const client = (prices: Record<string, object>) =>
    new ScriptedClient(Object.fromEntries(
      Object.entries(prices).map(([name, one]) => [name, {
        script: () => null,
        socket: "ws://127.0.0.1:1",
        prices: one,
      }]),
    )).client;
  const chosen = (prices: Record<string, object>) =>
    cheapestFeed(client(prices).endpoints, Date.UTC(2026, 0, 1))?.name;
  const dear = { ...cheap, prices: { newHeads: 80 } };
  assert.equal(chosen({ a: cheap }), "a");
  assert.equal(chosen({ a: dear }), undefined, "polls are cheaper");
  assert.equal(chosen({ a: { ...cheap, prices: {} } }), undefined, "unknown");
  assert.equal(chosen({ a: cheap, own: {} }), "own", "nobody bills it");
});
