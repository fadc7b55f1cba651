import assert from "node:assert/strict";
import type { SourceUnit } from "../../../../runtime/component.ts";
import { chain as definition } from "../../../../connectors/evm/chain/source.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { rowsOf } from "../../../fixtures/simulated/rows.ts";
import { column, everything, type Uses } from "./open_chain.ts";
import {
  assertRows,
  BLOCK,
  hashes,
  ids,
  open,
  read,
  RECEIPTS,
  start,
} from "./source_reading.ts";

Deno.test("evm.chain reads a range with everything in it, two calls a block", async () => {
  await using node = await start(60);
  const source = await open(node);
  node.reset();
  const reading = await read(source, { from: 5, to: 54 });
  assert.deepEqual(ids(reading), hashes(node.chain, 5, 54));
  assertRows(reading.units, node.chain.blocks(5, 54));
  for (const port of Object.keys(everything)) {
    assert.ok(
      reading.units.some((unit) => (unit as SourceUnit).rows[port]!.length > 0),
      port,
    );
  }

  const { byMethod } = node.stats();
  assert.equal(byMethod[RECEIPTS], 50);
  // The head, safe and finalized once each.
  assert.equal(byMethod[BLOCK], 53);
});

Deno.test("evm.chain asks for receipts only when something needs them", async () => {
  const cases: readonly (readonly [Uses, boolean])[] = [
    [{ blocks: "all" }, false],
    [{ transactions: ["hash", "value"], withdrawals: "all" }, false],
    [{ transactions: ["hash", "receipt_status"] }, true],
    [{ logs: ["data"], transactions: ["receipt_status"] }, true],
    [{ logs: ["data"] }, false],
    [{ token_transfers: ["value"] }, false],
  ];
  await using node = await start(12);
  for (const [uses, expected] of cases) {
    const source = await open(node, { uses });
    node.reset();
    const { units } = await read(source, { from: 1, to: 10 });
    const asked = node.stats().byMethod[RECEIPTS] ?? 0;
    assert.equal(asked, expected ? 10 : 0, JSON.stringify(uses));
    const ports = Object.keys((units[0] as SourceUnit).rows);
    assert.deepEqual(ports.sort(), Object.keys(uses).sort());
    const used = new Map(
      Object.entries(uses).map(([port, columns]) => [port, new Set(columns)]),
    );
    const planning = { needed: new Map(), tariffs: [] };
    const calls = definition.calls!({} as never, used, planning);
    const planned = calls.some(({ method }) => method === RECEIPTS);
    assert.equal(planned, expected);
  }
});

Deno.test("evm.chain asks for whole transactions only when they are used", async () => {
  await using node = await start(10);
  const uses = { logs: "all", blocks: ["transaction_count"] } as const;
  const source = await open(node, { uses });
  node.calls.length = 0;
  const { units } = await read(source, { from: 1, to: 9 });
  const full = node.calls.filter(({ method, params }) =>
    method === BLOCK && params[1] === true
  );
  assert.equal(full.length, 0);
  const logs = units.flatMap((unit) => (unit as SourceUnit).rows["logs"]!);
  const expected = rowsOf([...node.chain.blocks(1, 9)]).logs;
  assert.deepEqual(
    column(logs, "transaction_hash"),
    expected.map(({ transaction_hash }) => transaction_hash),
  );
});

Deno.test("evm.chain continues behind a position and knows what is final", async () => {
  await using node = await start(100);
  const source = await open(node);
  const at = { number: 20, id: hashes(node.chain, 20, 20)[0]! };
  const reading = await read(source, { after: at, to: 60 });
  assert.deepEqual(ids(reading), hashes(node.chain, 21, 60));
  for (const unit of reading.units as SourceUnit[]) {
    assert.equal(unit.final, unit.number <= node.chain.finalized);
  }
  assert.deepEqual(reading.heads[0], {
    latest: 100,
    safe: node.chain.safe,
    finalized: node.chain.finalized,
  });
});

Deno.test("evm.chain follows the head in order and misses no block", async () => {
  await using node = await start(5);
  const source = await open(node);
  const grow = (async () => {
    for (let i = 0; i < 30; i++) {
      await new Promise((free) => setTimeout(free, 10));
      node.chain.extend(1 + i % 4);
    }
  })();
  const last = 5 + 73;
  const reading = await read(
    source,
    { from: 0 },
    ({ units }) => units.length > last,
  );
  await grow;
  assert.deepEqual(ids(reading), hashes(node.chain, 0, last));
  assertRows(reading.units, node.chain.blocks(0, last));
});

Deno.test("evm.chain makes one call of a poll that brings the next block", async () => {
  await using node = await start(5);
  const source = await open(node, { uses: { transactions: ["hash"] } });
  node.reset();
  let fed = 0;
  const reading = await read(source, { from: 5 }, ({ units }) => {
    if (units.length < 8) {
      node.chain.extend();
      fed++;
    }
    return units.length === 8;
  });
  assert.equal(fed, 7);
  assert.deepEqual(ids(reading), hashes(node.chain, 5, 12));
  const byNumber = node.calls.filter(({ method, params }) =>
    method === BLOCK && /^0x/.test(String(params[0]))
  );
  assert.equal(byNumber.length, 0, "every block came with a poll");
});

Deno.test("evm.chain shows a reorg by the parent of the next unit", async () => {
  await using node = await start(20);
  const source = await open(node);
  const reading = await read(source, { from: 15 }, ({ units }) => {
    if (units.length === 6) node.chain.reorg(3, 5);
    const unit = units.at(-1);
    return unit === "fork" || units.length > 6;
  });
  const after = reading.units.at(-1);
  const before = reading.units[5] as SourceUnit;
  if (after !== "fork") assert.notEqual(after!.parent, before.id);
  assert.notEqual(await source.identify!(20), before.id);
  assert.equal(await source.identify!(17), hashes(node.chain, 17, 17)[0]);
});

Deno.test("evm.chain tells no head of a chain that what was taken is not on", async () => {
  await using node = await start(20);
  const source = await open(node);
  const reading = await read(source, { from: 15 }, ({ units }) => {
    // While nobody looked, the last blocks were replaced, and the others of
    // that height became final.
    if (units.length === 6) node.chain.reorg(3, 100);
    return units.length > 6;
  });
  assert.ok(node.chain.finalized > 20);
  assert.deepEqual(reading.heads.map(({ latest }) => latest), [20]);
  const after = { number: 17, id: hashes(node.chain, 17, 17)[0]! };
  const again = await read(source, { after, to: 20 });
  assert.deepEqual(ids(again), hashes(node.chain, 18, 20));
  assert.equal(again.heads.at(-1)?.finalized, node.chain.finalized);
});

for (const length of [3, 2, 0]) {
  Deno.test(`evm.chain says "fork" when ${length} blocks replace the last three`, async () => {
    await using node = await start(20);
    const source = await open(node);
    let cut = false;
    const reading = await read(source, { from: 15 }, ({ units }) => {
      if (units.length === 6 && !cut) {
        cut = true;
        node.chain.reorg(3, length);
      }
      return units.at(-1) === "fork";
    });
    assert.equal(reading.units.length, 7);
    assert.equal(reading.units.at(-1), "fork");
  });
}

Deno.test('evm.chain says "fork" at once when it was elsewhere before', async () => {
  await using node = await start(20);
  const source = await open(node);
  const after = { number: 20, id: `0x${"ab".repeat(32)}` };
  const reading = await read(source, { after }, () => true);
  assert.deepEqual(reading.units, ["fork"]);
});

Deno.test("evm.chain identifies nothing above the head", async () => {
  await using node = await start(20);
  const source = await open(node);
  assert.equal(await source.identify!(21), undefined);
  assert.equal(await source.identify!(20), hashes(node.chain, 20, 20)[0]);
});

Deno.test("evm.chain takes a node that lags for no fork", async () => {
  await using ahead = await start(30);
  await using behind = await SimulatedNode.start(ahead.chain, { lag: 3 });
  const source = await open(ahead, {
    connection: {
      url: undefined,
      endpoints: [
        { name: "behind", url: behind.url, in_flight: 1 },
        { name: "ahead", url: ahead.url },
      ],
    },
  });
  const reading = await read(
    source,
    { from: 20, to: 33 },
    ({ units }) => {
      if (units.length < 8) ahead.chain.extend();
      return false;
    },
  );
  assert.deepEqual(ids(reading), hashes(ahead.chain, 20, 33));
});

Deno.test("evm.chain starts at a date, at the head, or behind it", async () => {
  await using node = await start(50);
  const time = (number: number) =>
    Number(node.chain.canonical(number)!.block.timestamp) * 1000;
  const cases: readonly (readonly [unknown, number])[] = [
    [7, 7],
    ["latest", 50],
    ["latest - 5", 45],
    [new Date(time(33)).toISOString(), 33],
    [new Date(time(33) + 1000).toISOString(), 34],
    ["1990-01-01", 0],
  ];
  for (const [start, expected] of cases) {
    const source = await open(node, { source: { start } });
    const { units } = await read(source, {}, () => true);
    assert.equal((units[0] as SourceUnit).number, expected, String(start));
  }
});

Deno.test("evm.chain needs no tags: then nothing is final", async () => {
  await using node = await start(100);
  node.fail({
    fault: { kind: "error", code: -39001, message: "Unknown block" },
    when: ({ params }) => params[0] === "safe" || params[0] === "finalized",
  });
  const source = await open(node);
  const { heads, units } = await read(source, { from: 1, to: 5 });
  assert.deepEqual(heads[0], { latest: 100 });
  assert.ok(units.every((unit) => !(unit as SourceUnit).final));
});

Deno.test("evm.chain ends when nobody wants more", async () => {
  await using node = await start(5);
  const source = await open(node);
  const controller = new AbortController();
  const { signal } = controller;
  let seen = 0;
  for await (
    const _unit of source.read({
      after: undefined,
      from: 0,
      to: undefined,
      signal,
      onHead() {},
    })
  ) if (++seen === 6) setTimeout(() => controller.abort(), 30);
  assert.equal(seen, 6);
});

Deno.test("evm.chain keeps to 10 calls in any second", async () => {
  await using node = await SimulatedNode.start(
    new SimulatedChain({ seed: 1 }).extend(40),
    { limits: { callsPerSecond: 10 }, latencyMs: 30 },
  );
  const source = await open(node, { connection: { rate: "10/s" } });
  const start = performance.now();
  await read(source, { from: 1, to: 20 });
  const took = performance.now() - start;
  const { calls, peakCallsPerSecond, refusedCalls } = node.stats();
  assert.equal(refusedCalls, 0);
  assert.equal(peakCallsPerSecond, 10);
  assert.ok(took < 1.05 * calls * 100 + 1000, `${calls} calls in ${took} ms`);
});

Deno.test("evm.chain waits for a start that the chain has not reached", async () => {
  await using node = await start(3);
  const source = await open(node);
  const growing = setInterval(() => node.chain.extend(), 30);
  try {
    const reading = await read(source, { from: 12, to: 13 });
    assert.deepEqual(ids(reading), hashes(node.chain, 12, 13));
  } finally {
    clearInterval(growing);
  }
});

Deno.test("evm.chain asks to be retried when a block stays missing", async () => {
  await using node = await start(20);
  const source = await open(node);
  node.fail({ fault: { kind: "null" }, method: BLOCK, block: 7 });
  await assert.rejects(read(source, { from: 5, to: 9 }), {
    name: "RetryableError",
    message: /eth_getBlockByNumber failed at "eth": .*the result is null/,
  });
});

Deno.test("evm.chain tells people of an error that stays", async () => {
  await using node = await start(20);
  const source = await open(node);
  node.fail({
    fault: { kind: "error", code: -32000, message: "strange" },
    method: BLOCK,
    block: 7,
  });
  await assert.rejects(read(source, { from: 5, to: 9 }), {
    name: "UserError",
    message: /eth_getBlockByNumber failed at "eth": .*strange/,
  });
});
