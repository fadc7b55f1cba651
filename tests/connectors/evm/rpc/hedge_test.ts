import assert from "node:assert/strict";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { Latencies } from "../../../../connectors/evm/rpc/latencies.ts";
import {
  type Limit,
  parseLimit,
} from "../../../../connectors/evm/rpc/limit.ts";
import { ScriptedClient, type ScriptedEndpoint } from "./scripted_client.ts";

function limit(text: string): Limit {
  const parsed = parseLimit(text);
  assert.ok(parsed, text);
  return parsed;
}

/** Two endpoints, the first of which answers late when it is told to. */
async function bench(second: Partial<ScriptedEndpoint> = {}) {
  let slow = 1;
  const bench = new ScriptedClient({
    a: { script: () => "0xa", takes: () => slow },
    b: { script: () => "0xb", ...second },
  });
  // A few seconds after midnight two days count.
  await bench.clock.advance(10_000);
  await bench.settle(bench.client.health());
  const head = () =>
    bench.settle(bench.client.call("eth_x", [], { priority: "head" }));
  for (let i = 0; i < 10; i++) await head();
  bench.made.length = 0;
  return {
    bench,
    head,
    slowDown: (ms: number) => {
      slow = ms;
    },
  };
}

Deno.test("EvmClient.call() asks elsewhere too when the head is late", async () => {
  const { bench: { clock, made, metrics }, head, slowDown } = await bench();
  slowDown(5000);
  const start = clock.now();
  assert.equal(await head(), "0xb");
  assert.ok(clock.now() - start < 200, `${clock.now() - start} ms`);
  assert.deepEqual(made.map(({ endpoint }) => endpoint), ["b"]);
  // Both are paid, and the one that lost counts as no failure.
  const calls = (endpoint: string) =>
    metrics.total("sluice_rpc_calls_total", { endpoint, method: "eth_x" });
  assert.deepEqual([calls("a"), calls("b")], [11, 1]);
  assert.equal(metrics.total("sluice_rpc_errors_total"), 0);
  assert.equal(metrics.total("sluice_rpc_in_flight"), 0);
});

Deno.test("EvmClient.call() waits for a late answer that is not of the head", async () => {
  const { bench: scripted, slowDown } = await bench();
  slowDown(5000);
  const call = scripted.client.call("eth_x", []);
  assert.equal(await scripted.settle(call), "0xa");
  assert.deepEqual(scripted.made.map(({ endpoint }) => endpoint), ["a"]);
});

for (
  const [what, prices] of [
    ["a second is half spent", { rate: [limit("1/s")] }],
    ["the day is ahead of its time", {
      quota: [limit("10/day from 00:00 UTC")],
      rate: [limit("100/s")],
    }],
  ] as const
) {
  Deno.test(`EvmClient.call() takes nothing from a scarce budget: ${what}`, async () => {
    const { bench: { made }, head, slowDown } = await bench({ prices });
    slowDown(5000);
    assert.equal(await head(), "0xa");
    assert.deepEqual(made.map(({ endpoint }) => endpoint), ["a"]);
  });
}

Deno.test("EvmClient.call() takes the late answer when the other fails", async () => {
  const { bench: { clock }, head, slowDown } = await bench({
    script: () => new RpcError("other", "strange"),
  });
  slowDown(5000);
  const start = clock.now();
  assert.equal(await head(), "0xa");
  assert.ok(clock.now() - start >= 5000);
});

Deno.test("Latencies.slow() is what 95 of 100 answers keep", () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 7; ms++) latencies.observe("x", ms);
  assert.equal(latencies.slow("x"), undefined, "too few are known");
  for (let ms = 8; ms <= 100; ms++) latencies.observe("x", ms);
  assert.equal(latencies.slow("x"), 98, "of the last forty");
  assert.equal(latencies.slow("y"), undefined);
});
