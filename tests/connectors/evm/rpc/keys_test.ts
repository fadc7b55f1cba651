import assert from "node:assert/strict";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { FakeClock } from "../../../fixtures/fake_clock.ts";
import { fingerprint, maskedKey } from "../../../../connectors/evm/rpc/keys.ts";
import { openConnection } from "../chain/open_chain.ts";

const signal = new AbortController().signal;

Deno.test("maskedKey() shows nothing that anybody could use", () => {
  assert.equal(maskedKey("0123456789abcdef0123456789abcdef"), "…cdef");
  assert.equal(maskedKey("short"), "…");
  assert.equal(maskedKey(""), "none");
});

Deno.test("fingerprint() tells keys apart and does not show them", async () => {
  const key = "0123456789abcdef";
  const one = await fingerprint(`https://eth.example.org/v2/${key}`, key);
  assert.match(one, /^[0-9a-f]{16}$/);
  assert.ok(!one.includes(key) && !key.includes(one));
  const again = `https://eth.example.org/other/${key}`;
  assert.equal(await fingerprint(again, key), one, "the same key of a host");
  const others = [
    await fingerprint(`https://base.example.org/v2/${key}`, key),
    await fingerprint("https://eth.example.org/v2/another", "another"),
    await fingerprint("https://eth.example.org/a", ""),
    await fingerprint("https://eth.example.org/b", ""),
  ];
  assert.equal(new Set([one, ...others]).size, 5);
});

Deno.test("EvmClient.keys() tells of accounts and limits and asks nobody", async () => {
  const client = await openConnection({
    endpoints: [
      {
        name: "infura",
        url: "http://127.0.0.1:9/{key}",
        keys: "0123456789ab1111,0123456789ab2222",
        plan: "infura/free",
        quota_group: "team",
      },
      { name: "own", url: "http://127.0.0.1:9", plan: "own/node" },
    ],
  });
  const limits = [
    { limit: "500 credits/s", used: 0, left: 500 },
    {
      limit: "3000000 credits/day from 00:00 UTC",
      used: 0,
      left: 3_000_000,
    },
  ];
  const one = {
    group: "team",
    plan: "infura/free",
    state: "not asked",
    limits,
  };
  assert.deepEqual(await client.keys({ test: false, signal }), [
    { ...one, name: "infura#1", key: "…1111" },
    { ...one, name: "infura#2", key: "…2222" },
    {
      name: "own",
      key: "none",
      group: "eth/own",
      plan: "own/node",
      state: "not asked",
      limits: [],
    },
  ]);
});

Deno.test("EvmClient.keys() tests each key with two calls", async () => {
  const chain = new SimulatedChain({ seed: 1, chainId: 5 }).extend(7);
  await using node = await SimulatedNode.start(chain);
  const wrong = { kind: "status", status: 401, body: "invalid key" } as const;
  node.fail({ fault: wrong, key: "wrong" });
  const body = { error: { code: 402, message: "daily limit reached" } };
  node.fail({ fault: { kind: "status", status: 402, body }, key: "spent" });
  node.fail({ fault: { kind: "hang_up" }, key: "down" });
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12));
  const client = await openConnection({
    url: `${node.url}/{key}`,
    keys: "right,wrong,spent,down",
    plan: "infura/free",
  }, openContext({ name: "eth", clock }));
  const asking = client.keys({ test: true, signal });
  // Nothing waits for this clock but the scheduler's look at arrivals.
  const keys = await asking;
  assert.deepEqual(
    keys.map(({ state, test }) => [state, test?.head, test?.chainId]),
    [
      ["open", node.head, 5],
      ["refused: invalid key", undefined, undefined],
      ["closed until 2026-01-02T00:00:05.000Z", undefined, undefined],
      ["fails: connection closed", undefined, undefined],
    ],
  );
  assert.deepEqual(
    keys[0]?.limits.map(({ limit, used }) => [limit, used]),
    [["500 credits/s", 85], ["3000000 credits/day from 00:00 UTC", 85]],
  );
  assert.equal(node.stats().keys["right"]?.calls, 2);
});
