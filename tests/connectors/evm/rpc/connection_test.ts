import assert from "node:assert/strict";
import type { Logger } from "../../../../runtime/component.ts";
import { RecordingWriter } from "../../../../connectors/evm/recording/recording.ts";
import { openContext } from "../../../contracts/open_context.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";
import {
  mistakesIn,
  openConnection,
  openSource,
  type Written,
} from "../chain/open_chain.ts";

function start(): Promise<SimulatedNode> {
  return SimulatedNode.start(new SimulatedChain({ seed: 1 }).extend(7));
}

const url = "https://eth.example.org/v2/{key}";
for (
  const [name, written, expected] of [
    ["nothing", {}, ['!key: Missing field "url" (or endpoints)']],
    ["both forms", { url: "http://a", endpoints: [] }, [
      "url: Use either url or endpoints, not both " +
      "(make it one of the endpoints)",
    ]],
    ["a WebSocket", { url: "wss://a.example/secret" }, [
      "url: Expected an http or https URL, or recording:PATH " +
      "(use the provider's https URL)",
    ]],
    ["no URL", { url: "eth.example/secret" }, [
      "url: Expected an http or https URL, or recording:PATH",
    ]],
    ["a key without a place", { url: "http://a.example", keys: "k" }, [
      "keys: The url has no place for a key (put {key} in)",
    ]],
    ["a place without a key", { url }, [
      "url: The url needs a key (add keys)",
    ]],
    ["two of a name", {
      endpoints: [{ name: "a", url: "" }, { name: "a", url: "" }],
    }, ['endpoints.1.name: Two endpoints are called "a"']],
    ["a recording beside a node", {
      endpoints: [
        { name: "a", url: "https://a.example" },
        { name: "b", url: "recording:some" },
      ],
    }, [
      "endpoints.1.url: A recording stands alone: it ends, and other nodes " +
      "go on (give it a connection of its own)",
    ]],
    ["two limits of one account", {
      endpoints: [
        { name: "a", url: "", quota_group: "team", plan: "infura/free" },
        { name: "b", url: "", quota_group: "team", rate: "500/s" },
        { name: "c", url: "", quota_group: "team", plan: "infura/free" },
      ],
    }, [
      'endpoints.1.quota_group: Endpoints "a" and "b" of quota group "team" ' +
      "have different limits (one account has one plan, rate, quota and " +
      "reserve)",
    ]],
    ["batches that the plan does not take", {
      url: "http://a.example",
      plan: "drpc/free",
      batch: 4,
    }, ['batch: Plan "drpc/free" takes 3 calls in a request at most']],
    ["all at once", {
      chain_id: 1,
      endpoints: [
        { name: "a", url, keys: ["one", "two"], rate: "10/s" },
        { name: "b", url: "", quota: "100000/day", in_flight: 4, batch: 2 },
      ],
      timeout: "5s",
      missing_timeout: "1m",
    }, []],
  ] satisfies (readonly [string, Written, string[]])[]
) {
  Deno.test(`evm checks a connection with ${name}`, () => {
    assert.deepEqual(
      mistakesIn(written).map((line) => line.replace(/^!: /, "!key: ")),
      expected,
    );
  });
}

Deno.test("evm names endpoints and keys, and never shows a key", async () => {
  await using node = await start();
  const written: string[] = [];
  const log: Logger = {
    debug: (...line) => written.push(JSON.stringify(line)),
    info: (...line) => written.push(JSON.stringify(line)),
    warn: (...line) => written.push(JSON.stringify(line)),
    error: (...line) => written.push(JSON.stringify(line)),
    with: () => log,
  };
  const context = openContext({ name: "eth", log });
  const client = await openConnection({
    endpoints: [
      { name: "many", url: `${node.url}/{key}`, keys: "secret-1, secret-2" },
      { name: "one", url: `${node.url}/secret-3` },
      { name: "none", url: "" },
    ],
  }, context);
  assert.deepEqual(client.endpoints.map(({ name }) => name), [
    "many#1",
    "many#2",
    "one",
  ]);
  node.fail({ fault: { kind: "status", status: 401 }, key: "secret-1" });
  await client.health();
  for (let i = 0; i < 4; i++) await client.call("eth_blockNumber", []);
  await client.call("eth_nonsense", []).catch((error) =>
    written.push(Deno.inspect(error))
  );
  assert.deepEqual(
    Object.keys(node.stats().keys).sort(),
    ["secret-1", "secret-2", "secret-3"],
  );
  const shown = [...context.metrics.samples()].map((one) =>
    JSON.stringify(one)
  );
  assert.ok(written.length > 0 && shown.length > 0);
  assert.doesNotMatch([...written, ...shown].join("\n"), /secret/);
  const host = new URL(node.url).host;
  assert.match(written.join("\n"), new RegExp(`many#1.*${host}`));
});

Deno.test("evm says when every url is empty", async () => {
  await assert.rejects(openConnection({ url: "" }), {
    name: "UserError",
    message: 'Connection "eth" has no endpoint: every url is empty',
  });
});

Deno.test("evm names endpoint, expected and actual chain", async () => {
  await using node = await start();
  await using other = await SimulatedNode.start(
    new SimulatedChain({ seed: 1, chainId: 5 }),
  );
  const client = await openConnection({
    chain_id: 1337,
    endpoints: [
      { name: "right", url: node.url },
      { name: "wrong", url: `${other.url}/secret` },
    ],
  });
  const { host } = new URL(other.url);
  await assert.rejects(client.health(), {
    name: "UserError",
    message:
      `Endpoint "wrong" of "eth" (${host}) serves chain 5, expected 1337`,
  });
});

Deno.test("evm starts without a key that is spent until tomorrow", async () => {
  await using node = await start();
  const client = await openConnection({
    endpoints: [
      { name: "open", url: `${node.url}/open` },
      { name: "spent", url: `${node.url}/spent`, quota: "1000/day" },
    ],
  });
  const { budget } = client.endpoints[1]!;
  budget.coolGroupUntil(Date.now() + 3_600_000);
  await client.health();
  assert.deepEqual(Object.keys(node.stats().keys), ["open"]);
});

Deno.test("evm names every endpoint that it cannot reach", async () => {
  const node = await start();
  const { url } = node;
  await node.close();
  const client = await openConnection({
    endpoints: [
      { name: "a", url: `${url}/secret` },
      { name: "b", url },
    ],
  });
  const { host } = new URL(url);
  await assert.rejects(client.health(), {
    name: "UserError",
    message: `Cannot reach "eth": a (${host}): connection refused; ` +
      `b (${host}): connection refused`,
  });
});

Deno.test("evm keeps each key to its own rate", async () => {
  await using node = await SimulatedNode.start(
    new SimulatedChain({ seed: 1 }),
    { limits: { callsPerSecond: 5 } },
  );
  const client = await openConnection({
    url: `${node.url}/{key}`,
    keys: "k1,k2,k3",
    rate: "5/s",
  });
  const calls = Array.from(
    { length: 30 },
    () => client.call("eth_blockNumber", []),
  );
  await Promise.all(calls);
  const { calls: made, keys, refusedCalls } = node.stats();
  assert.equal(refusedCalls, 0);
  assert.equal(made, 33, "three keys were asked for their chain");
  for (const { calls, peakCallsPerSecond } of Object.values(keys)) {
    assert.equal(peakCallsPerSecond, 5);
    assert.ok(calls >= 8, `${calls}`);
  }
});

Deno.test("evm keeps an account to its credits, whatever its keys", async () => {
  const prices = { default: 80, eth_chainId: 5, eth_getBlockReceipts: 1000 };
  const limits = { creditsPerSecond: 500, debt: true, prices };
  await using node = await SimulatedNode.start(
    new SimulatedChain({ seed: 1 }).extend(10),
    {
      accounts: {
        team: { keys: ["k1", "k2"], limits },
        alone: { keys: ["k3"], limits },
      },
    },
  );
  const one = { url: `${node.url}/{key}`, plan: "infura/free" };
  const client = await openConnection({
    endpoints: [
      { name: "team", keys: "k1,k2", quota_group: "team", ...one },
      { name: "alone", keys: "k3", ...one },
    ],
  });
  await client.health();
  await Promise.all([
    ...Array.from({ length: 30 }, () => client.call("eth_blockNumber", [])),
    client.call("eth_getBlockReceipts", ["0x1"]),
  ]);
  const { accounts, refusedCalls } = node.stats();
  assert.equal(refusedCalls, 0);
  const [team, alone] = [accounts["team"]!, accounts["alone"]!];
  assert.equal(team.credits + alone.credits, 30 * 80 + 1000 + 3 * 5);
  const ratio = team.credits / alone.credits;
  assert.ok(ratio > 0.4 && ratio < 2.5, `two keys are one account: ${ratio}`);
});

Deno.test("evm keeps a key in flight no more often than it may", async () => {
  await using node = await SimulatedNode.start(
    new SimulatedChain({ seed: 1 }),
    { latencyMs: 5 },
  );
  const client = await openConnection({ url: node.url, in_flight: 3 });
  await client.health();
  await Promise.all(
    Array.from({ length: 20 }, () => client.call("eth_blockNumber", [])),
  );
  assert.equal(node.stats().inFlightPeak, 3);
});

Deno.test("evm counts calls, errors, refusals and bytes by endpoint", async () => {
  await using node = await start();
  const context = openContext({ name: "eth" });
  const client = await openConnection({ url: node.url }, context);
  await client.health();
  node.fail({
    fault: { kind: "error", code: 429, message: "try again in 4ms" },
    times: 1,
  });
  await client.call("eth_blockNumber", []);
  const total = (name: string, labels = {}) =>
    context.metrics.total(`sluice_rpc_${name}_total`, {
      endpoint: "eth",
      ...labels,
    });
  assert.equal(total("calls"), 3);
  assert.equal(total("calls", { method: "eth_blockNumber" }), 2);
  assert.equal(total("refused"), 1);
  assert.equal(total("errors", { kind: "rate" }), 1);
  assert.ok(total("bytes") > 0);
});

Deno.test("evm replays a recording to its end, and all of it is final", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const chain = new SimulatedChain({ seed: 1 }).extend(30);
    const header = { chain_id: 1337, client: "simulated", from: 3, to: 12 };
    const path = `${folder}/some`;
    await using writer = await RecordingWriter.create(path, header);
    for (const { block, receipts } of chain.blocks(3, 12)) {
      const { number } = block;
      await writer.add("eth_getBlockByNumber", [number, true], block);
      await writer.add("eth_getBlockReceipts", [number], receipts);
    }
    await writer.finish();

    const client = await openConnection({ url: `recording:${path}` });
    await client.health();
    assert.deepEqual([client.range?.from, client.range?.to], [3, 12]);
    const source = await openSource(client);
    const seen: unknown[] = [];
    for await (
      const unit of source.read({
        after: undefined,
        from: undefined,
        to: undefined,
        signal: new AbortController().signal,
        onHead: (head) => seen.push(head),
      })
    ) if (unit !== "fork") seen.push([unit.id, unit.final]);
    const units = [...chain.blocks(3, 12)]
      .map(({ block }) => [block.hash, true]);
    const head = { latest: 12, safe: 12, finalized: 12 };
    assert.deepEqual(seen, [head, ...units]);
    await assert.rejects(
      client.call("eth_call", [{}, "latest"]),
      /the recording does not hold eth_call/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("evm says how to mend a recording that is not there", async () => {
  await assert.rejects(openConnection({ url: "recording:nowhere/none" }), {
    name: "UserError",
    message: /Cannot open recording "nowhere\/none"/,
  });
});
