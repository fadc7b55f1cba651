import assert from "node:assert/strict";
import { Capabilities } from "../../../../connectors/evm/rpc/capabilities.ts";
import { classify, RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { Tariff } from "../../../../connectors/evm/rpc/plan.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";
import { balance, hex, logs } from "./calls.ts";
import { ScriptedClient } from "./scripted_client.ts";

const HOUR_MS = 3_600_000;

function refusal(code: number, message: string): RpcError {
  return classify({ status: 200, body: { error: { code, message } } })!;
}

function make(own: ConstructorParameters<typeof Tariff>[0] = {}) {
  const clock = new FakeClock();
  return { clock, can: new Capabilities(new Tariff(own), clock) };
}

Deno.test("Capabilities learns how many blocks one eth_getLogs takes, and asks again later", async () => {
  const { can, clock } = make();
  assert.equal(can.inability(logs(1, 5000)), undefined);
  can.failed(
    logs(1, 5000),
    refusal(-32614, "eth_getLogs is limited to a 1,000 range"),
  );
  assert.deepEqual(can.logs, { range: 1000 });
  assert.equal(can.inability(logs(1, 1001)), "size");
  assert.equal(can.inability(logs(1, 1000)), undefined);
  await clock.advance(HOUR_MS);
  assert.equal(can.inability(logs(1, 1001)), undefined);
});

Deno.test("Capabilities keeps to the limits of the plan", () => {
  const { can } = make({ logs: { range: 10, results: 500 } });
  assert.equal(can.inability(logs(1, 11)), "size");
  can.failed(
    logs(1, 10),
    refusal(-32005, "query returned more than 100 results"),
  );
  assert.deepEqual(can.logs, { range: 10, results: 100 });
});

Deno.test("Capabilities does not take a rate for a limit of size", () => {
  const { can } = make();
  can.failed(logs(1, 5000), refusal(-32005, "rate limit exceeded"));
  can.failed(logs(1, 5000), refusal(429, "limited to 20 requests per second"));
  assert.deepEqual(can.logs, {});
  assert.equal(can.inability(logs(1, 5000)), undefined);
});

Deno.test("Capabilities learns from which block on a node has kept state", async () => {
  const { can, clock } = make();
  const lost = () => refusal(-32000, "missing trie node 12ab (path ) state");
  // Near the head a node is only behind, and of its head nothing is known.
  can.failed(balance(50), lost());
  assert.equal(can.inability(balance(50)), undefined);

  can.succeeded({ method: "eth_blockNumber", params: [] }, hex(1000));
  can.failed(balance(950), lost());
  assert.equal(can.inability(balance(950)), undefined);
  can.failed(balance(500), lost());
  assert.equal(can.inability(balance(400)), "pruned");
  assert.equal(can.inability(balance(501)), undefined);
  assert.equal(can.inability(logs(400, 400)), undefined);
  await clock.advance(HOUR_MS);
  assert.equal(can.inability(balance(400)), undefined);
});

Deno.test("Capabilities learns how long a batch may be", () => {
  const { can } = make();
  can.refusedBatch(100, "batch larger than 10");
  assert.equal(can.batch, 10);
  can.refusedBatch(10, "batch requests are not supported");
  assert.equal(can.batch, 1);
});

Deno.test("EvmClient.ask() asks the node that has kept what another has dropped", async () => {
  const bench = new ScriptedClient({
    pruned: ({ method }) =>
      method === "eth_blockNumber"
        ? hex(1000)
        : refusal(-32000, "missing trie node 12ab (path ) state"),
    archive: () => "0x1",
  });
  await bench.settle(bench.client.call("eth_blockNumber", []));
  for (let i = 0; i < 3; i++) {
    const { method, params } = balance(100 + i);
    await bench.settle(bench.client.call(method, params));
  }
  assert.deepEqual(bench.order, [
    "pruned eth_blockNumber",
    "pruned eth_getBalance",
    ...Array(1).fill("archive eth_getBalance"),
    ...["pruned eth_getBalance", "archive eth_getBalance"],
    ...["pruned eth_getBalance", "archive eth_getBalance"],
  ]);
  // From the newest to the oldest, once is enough.
  bench.made.length = 0;
  for (let i = 3; i > 0; i--) {
    const { method, params } = balance(99 - i);
    await bench.settle(bench.client.call(method, params));
  }
  assert.deepEqual(bench.order, Array(3).fill("archive eth_getBalance"));
});

Deno.test("EvmClient.ask() tells people that no node has kept a block", async () => {
  const bench = new ScriptedClient({
    a: ({ method }) =>
      method === "eth_blockNumber"
        ? hex(1000)
        : refusal(-32000, "missing trie node 12ab (path ) state"),
  });
  await bench.settle(bench.client.call("eth_blockNumber", []));
  const { method, params } = balance(5);
  const start = bench.clock.now();
  const error = await bench.failure(bench.client.call(method, params));
  assert.match(
    error.message,
    /^No endpoint of "eth" has block 5 for eth_getBalance: add one that/,
  );
  assert.ok(bench.clock.now() - start < 1000, "at once");
});

Deno.test("EvmClient.ask() asks for the head before it asks for logs of a range", async () => {
  const bench = new ScriptedClient({
    late: ({ method }) => method === "eth_blockNumber" ? hex(90) : [],
    whole: ({ method }) => method === "eth_blockNumber" ? hex(200) : [],
  });
  const ask = (to: number) => {
    const { method, params } = logs(1, to);
    return bench.settle(bench.client.ask({ method, params }));
  };
  await ask(100);
  await ask(150);
  assert.deepEqual(bench.order, [
    "late eth_blockNumber",
    "whole eth_blockNumber",
    "whole eth_getLogs",
    // The one that lags is left alone for a while.
    "whole eth_getLogs",
  ]);
});
