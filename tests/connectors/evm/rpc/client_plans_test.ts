import assert from "node:assert/strict";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import {
  type Limit,
  parseLimit,
} from "../../../../connectors/evm/rpc/limit.ts";
import { failing, ScriptedClient } from "./scripted_client.ts";

const ok = () => "0xok";
const quota = (text = "daily request count exceeded") => () =>
  new RpcError("quota", text);
const auth = () => new RpcError("auth", "invalid api key");
const down = () =>
  new RpcError("other", "connection refused", { transient: true });

/** Infura's free plan, as a spec would have it. */
const infura = {
  price: 80,
  prices: { eth_getBlockReceipts: 1000 },
  rate: [limit("500/s")],
  quota: [limit("3000000/day from 00:00 UTC")],
};

/** A plan where every call costs the same. */
const flat = {
  price: 20,
  rate: [limit("500/s")],
  quota: [limit("1000000/day from 00:00 UTC")],
};

function limit(text: string): Limit {
  const limit = parseLimit(text);
  assert.ok(limit, text);
  return limit;
}

Deno.test("EvmClient.call() asks where a method is cheap", async () => {
  const bench = new ScriptedClient({
    infura: { script: ok, prices: infura },
    flat: { script: ok, prices: flat },
  });
  await bench.settle(bench.client.health());
  const calls = Array.from({ length: 40 }, () =>
    Promise.all([
      bench.client.call("eth_getBlockByNumber", []),
      bench.client.call("eth_getBlockReceipts", []),
    ]));
  await bench.settle(Promise.all(calls));
  assert.ok(bench.order.includes("infura eth_getBlockByNumber"));
  assert.ok(!bench.order.includes("infura eth_getBlockReceipts"));
});

Deno.test("EvmClient.call() pays dearly where nobody else is left", async () => {
  const bench = new ScriptedClient({
    infura: { script: ok, prices: infura },
    flat: { script: failing(auth), prices: flat },
  });
  await bench.settle(bench.client.call("eth_getBlockReceipts", []));
  assert.deepEqual(bench.order, [
    "flat eth_getBlockReceipts",
    "infura eth_getBlockReceipts",
  ]);
});

Deno.test("EvmClient.call() does not ask for what a plan lacks", async () => {
  const bench = new ScriptedClient({
    a: { script: ok, prices: { lacks: ["trace_*"] } },
    b: ok,
  });
  await bench.settle(bench.client.call("trace_block", []));
  assert.deepEqual(bench.order, ["b trace_block"]);
});

Deno.test("EvmClient.call() closes a group until its own reset, and says it once", async () => {
  const spent = failing(quota("HTTP 402"), { times: 2 });
  const prices = { ...infura, quota: [limit("3000000/day from 07:30 UTC")] };
  const bench = new ScriptedClient({
    "team#1": { script: spent, prices, group: "team" },
    "team#2": { script: spent, prices, group: "team" },
    other: { script: ok, prices: { rate: [limit("1/s")] } },
  });
  await bench.settle(bench.client.health());
  const calls = () =>
    Promise.all(["x", "y", "z"].map((name) => bench.client.call(name, [])));
  await bench.settle(calls());
  const warnings = bench.lines.filter(({ level }) => level === "warn");
  assert.deepEqual(
    warnings.map(({ fields, message }) => [
      message,
      fields["quota_group"],
      fields["until"],
    ]),
    [[
      "Quota spent: endpoint pauses",
      "team",
      "2026-01-01T07:30:05.000Z",
    ]],
  );
  const before = bench.made.length;
  await bench.settle(calls());
  const since = bench.made.slice(before);
  assert.ok(since.every(({ endpoint }) => endpoint === "other"));
});

Deno.test("EvmClient.call() lets the other keys of an account work when one is down", async () => {
  const bench = new ScriptedClient({
    a: { script: failing(down), group: "team" },
    b: { script: ok, group: "team" },
  });
  for (let i = 0; i < 6; i++) {
    const start = bench.clock.now();
    await bench.settle(bench.client.call("eth_x", []));
    assert.ok(bench.clock.now() - start < 100, "at once");
  }
});
