import assert from "node:assert/strict";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { ScriptedClient } from "./scripted_client.ts";

const ok = () => "0xok";

Deno.test("EvmClient.askTogether() makes one request and counts every call", async () => {
  const bench = new ScriptedClient({
    a: { script: ok, batch: 2, windows: [{ count: 2, per: 1000 }] },
  });
  await bench.settle(bench.client.health());
  await bench.clock.advance(2000);
  const both = () =>
    bench.client.askTogether([
      [{ method: "eth_x", params: [] }, {}],
      [{ method: "eth_y", params: [] }, {}],
    ], {});
  const answers = await bench.settle(Promise.all([both(), both()]));
  assert.deepEqual(
    answers.flat().map((one) => one?.result),
    ["0xok", "0xok", "0xok", "0xok"],
  );
  const at = bench.made.filter(({ together }) => together === 2)
    .map(({ at }) => at);
  assert.equal(at.length, 4);
  assert.ok(at[2]! - at[0]! >= 1000, "a batch of two spends two");
});

Deno.test("EvmClient.askTogether() leaves to single calls what a batch lacks", async () => {
  const bench = new ScriptedClient({
    a: { script: ({ method }) => method === "eth_y" ? null : "0xok", batch: 2 },
  });
  await bench.settle(bench.client.health());
  const calls = [
    [{ method: "eth_x", params: [] }, {}],
    [{ method: "eth_y", params: [] }, {}],
  ] as const;
  const answers = await bench.settle(bench.client.askTogether(calls, {}));
  assert.equal(answers[0]?.result, "0xok");
  assert.equal(answers[1], undefined);

  const none = new ScriptedClient({ a: ok });
  assert.deepEqual(
    await none.settle(none.client.askTogether(calls, {})),
    [undefined, undefined],
  );
  assert.equal(none.made.length, 0);
});

Deno.test("EvmClient.askTogether() leaves all to single calls where only some take batches", async () => {
  const bench = new ScriptedClient({ a: { script: ok, batch: 2 }, b: ok });
  const answers = await bench.settle(bench.client.askTogether([
    [{ method: "eth_x", params: [] }, {}],
    [{ method: "eth_y", params: [] }, {}],
  ], {}));
  assert.deepEqual(answers, [undefined, undefined]);
  assert.equal(bench.made.length, 0);
});

Deno.test("EvmClient.askTogether() stops sending batches that are refused", async () => {
  const bench = new ScriptedClient({
    a: {
      batch: 2,
      script: () => {
        throw new RpcError("other", "batches are not allowed");
      },
    },
  });
  await bench.settle(bench.client.health());
  const calls = [
    [{ method: "eth_x", params: [] }, {}],
    [{ method: "eth_y", params: [] }, {}],
  ] as const;
  for (let i = 0; i < 3; i++) {
    await bench.settle(bench.client.askTogether(calls, {}));
  }
  assert.equal(bench.order.length, 1);
});
