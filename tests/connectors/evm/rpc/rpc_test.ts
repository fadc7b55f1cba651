import assert from "node:assert/strict";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { HttpTransport } from "../../../../connectors/evm/rpc/rpc.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import {
  alchemyRate,
  badGateway,
  quicknodeRate,
  tooManyRequests,
} from "../../../fixtures/simulated/dialect.ts";
import type { Fault } from "../../../fixtures/simulated/fault.ts";
import { SimulatedNode } from "../../../fixtures/simulated/node.ts";

const options = { timeout: 5000 };
const head = { method: "eth_blockNumber", params: [] };
const chainId = { method: "eth_chainId", params: [] };
const block = { method: "eth_getBlockByNumber", params: ["0x3", true] };
const later = { method: "eth_getBlockByNumber", params: ["0xff", true] };

function start(): Promise<SimulatedNode> {
  return SimulatedNode.start(new SimulatedChain({ seed: 1 }).extend(7));
}

/** What one call gives under a fault. */
async function under(fault: Fault): Promise<unknown> {
  await using node = await start();
  node.fail({ fault });
  const transport = new HttpTransport(`${node.url}/secret-key`);
  try {
    const { results } = await transport.send([block], options);
    return results[0];
  } catch (error) {
    return error;
  }
}

Deno.test("HttpTransport.send() gives the result and its size", async () => {
  await using node = await start();
  const transport = new HttpTransport(`${node.url}/key`);
  const reply = await transport.send([head], options);
  assert.deepEqual(reply.results, ["0x7"]);
  const rest = '{"jsonrpc":"2.0","id":,"result":"0x7"}'.length;
  assert.ok(reply.bytes > rest && reply.bytes < rest + 6, `${reply.bytes}`);
  const { results } = await transport.send([later], options);
  assert.deepEqual(results, [null]);
});

Deno.test("HttpTransport.send() matches a batch by id, in any order", async () => {
  await using node = await start();
  const transport = new HttpTransport(`${node.url}/key`);
  using _fault = node.fail({ fault: { kind: "shuffle" } });
  for (let i = 0; i < 8; i++) {
    const { results } = await transport.send([head, later, chainId], options);
    assert.deepEqual(results, ["0x7", null, "0x539"]);
  }
});

Deno.test("HttpTransport.send() says which answer a batch lacks", async () => {
  await using node = await start();
  const transport = new HttpTransport(`${node.url}/key`);
  node.fail({ fault: { kind: "short_batch" } });
  const { results } = await transport.send([head, chainId], options);
  assert.equal(results[0], "0x7");
  assert.ok(results[1] instanceof RpcError && results[1].transient);
});

Deno.test("HttpTransport.send() tells a batch of which every item is refused", async () => {
  await using node = await start();
  const transport = new HttpTransport(`${node.url}/key`);
  node.fail({ fault: quicknodeRate() });
  const { results } = await transport.send([head, chainId], options);
  assert.deepEqual(results.map((one) => (one as RpcError).kind), [
    "rate",
    "rate",
  ]);
});

Deno.test("HttpTransport.send() tells a batch that is refused as a whole", async () => {
  await using node = await start();
  const transport = new HttpTransport(`${node.url}/key`);
  node.fail({ fault: tooManyRequests(3) });
  await assert.rejects(
    transport.send([head, chainId], options),
    (error: RpcError) => error.kind === "rate" && error.retryAfter === 3000,
  );
});

for (
  const [name, fault, kind, transient] of [
    ["an id of another call", { kind: "wrong_id" }, "other", true],
    ["half an answer", { kind: "truncate" }, "other", true],
    ["an answer that breaks off", { kind: "break_off" }, "other", true],
    ["a connection that is closed", { kind: "hang_up" }, "other", true],
    ["a page of HTML", badGateway(503), "other", true],
    ["HTTP 200 with code 429", alchemyRate(), "rate", false],
    ["HTTP 429", tooManyRequests(), "rate", false],
  ] as const
) {
  Deno.test(`HttpTransport.send() tells ${name}`, async () => {
    const error = await under(fault);
    assert.ok(error instanceof RpcError, `${error}`);
    assert.equal(error.kind, kind);
    assert.equal(error.transient, transient);
    assert.doesNotMatch(Deno.inspect(error), /secret-key/);
  });
}

Deno.test("HttpTransport.send() gives up after its time", async () => {
  await using node = await start();
  const gate = Promise.withResolvers<void>();
  node.fail({ fault: { kind: "hold", until: gate.promise } });
  const transport = new HttpTransport(`${node.url}/secret-key`);
  await assert.rejects(transport.send([head], { timeout: 60 }), {
    name: "RpcError",
    message: "no answer within 0.06 s",
    transient: true,
  });
  gate.resolve();
});

Deno.test("HttpTransport.send() gives up an answer that stops halfway", async () => {
  await using node = await start();
  const gate = Promise.withResolvers<void>();
  node.fail({ fault: { kind: "hold", until: gate.promise, after: "half" } });
  const transport = new HttpTransport(`${node.url}/key`);
  await assert.rejects(
    transport.send([block], { timeout: 100 }),
    /no answer within/,
  );
  gate.resolve();
});

Deno.test("HttpTransport.send() stops with its signal, for the signal's reason", async () => {
  await using node = await start();
  const gate = Promise.withResolvers<void>();
  node.fail({ fault: { kind: "hold", until: gate.promise } });
  const transport = new HttpTransport(`${node.url}/key`);
  const controller = new AbortController();
  const { signal } = controller;
  const sent = transport.send([head], { ...options, signal });
  controller.abort(new Error("not wanted"));
  await assert.rejects(sent, /not wanted/);
  await assert.rejects(
    transport.send([head], { ...options, signal }),
    /not wanted/,
  );
  gate.resolve();
});

Deno.test("HttpTransport.send() says why nobody answers, without the key", async () => {
  await using node = await start();
  const { url } = node;
  await node.close();
  const transport = new HttpTransport(`${url}/secret-key`);
  await assert.rejects(transport.send([head], options), (error: RpcError) => {
    assert.equal(error.message, "connection refused");
    assert.doesNotMatch(Deno.inspect(error), /secret-key/);
    return true;
  });
});
