import assert from "node:assert/strict";
import { UserError } from "../../../../runtime/component.ts";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { failing, type Script, ScriptedClient } from "./scripted_client.ts";

const BLOCK = "eth_getBlockByNumber";
const CHAIN = "eth_chainId";

const whole = ["0x1", true];

/** A block whose transactions are signed for these chains. */
const block = (...chains: readonly (string | undefined)[]) => () => ({
  transactions: chains.map((chainId) => ({ hash: "0x1", chainId })),
});

/** A client whose only endpoint was not asked before its first use. */
async function lazy(
  script: Script,
  chainId?: number,
): Promise<ScriptedClient> {
  const bench = new ScriptedClient(
    { a: script },
    chainId === undefined ? {} : { chainId },
  );
  await bench.client.health({ lazy: true });
  assert.deepEqual(bench.made, []);
  return bench;
}

function methods({ made }: ScriptedClient): string[] {
  return made.map(({ method }) => method);
}

Deno.test("EvmClient takes the chain from the transactions of its first block", async () => {
  const bench = await lazy(block(undefined, "0x0", "0x64"));
  await bench.settle(bench.client.call(BLOCK, whole));
  await bench.settle(bench.client.call("eth_x", []));
  assert.deepEqual(methods(bench), [BLOCK, "eth_x"]);
  assert.equal(bench.client.chainId, 100);
});

Deno.test("EvmClient asks for the chain where a block does not tell it", async () => {
  for (const silent of [block(), block(undefined), block("yes")]) {
    const bench = await lazy(silent);
    await bench.settle(bench.client.call(BLOCK, whole));
    assert.deepEqual(methods(bench), [BLOCK, CHAIN, BLOCK]);
    assert.equal(bench.client.chainId, 1);
  }
});

Deno.test("EvmClient asks for the chain before what does not tell it, once", async () => {
  const bench = await lazy(() => "0xok");
  const calls = ["eth_x", "eth_y"].map((name) => bench.client.call(name, []));
  await bench.settle(Promise.all(calls));
  assert.deepEqual(methods(bench).toSorted(), [CHAIN, "eth_x", "eth_y"]);
});

Deno.test("EvmClient takes no block of another chain", async () => {
  const bench = await lazy(block("0x5"), 1);
  await assert.rejects(bench.settle(bench.client.call(BLOCK, whole)), {
    name: "UserError",
    message: 'No endpoint of "eth" is left: a (a.example): Endpoint "a" of ' +
      '"eth" (a.example) serves chain 5, expected 1',
  });
});

Deno.test("EvmClient gives up soon what has never answered", async () => {
  const down = () =>
    new RpcError("other", "connection refused", { transient: true });
  const cases = [
    [down, 3],
    [() => new RpcError("auth", "invalid key"), 1],
    [() => new RpcError("other", "HTTP 404"), 1],
  ] as const;
  for (const [error, times] of cases) {
    const bench = await lazy(failing(error));
    const { message } = error();
    await assert.rejects(bench.settle(bench.client.call(BLOCK, whole)), {
      name: "UserError",
      message: `Cannot reach "eth": a (a.example): ${message}`,
    });
    assert.equal(bench.made.length, times);
  }
});

Deno.test("EvmClient waits for what has answered before", async () => {
  const down = () =>
    new RpcError("other", "connection refused", { transient: true });
  const script = { chain: block("0x1"), then: failing(down) };
  const bench = await lazy((call, times) =>
    call.method === BLOCK ? script.chain() : script.then(call, times)
  );
  await bench.settle(bench.client.call(BLOCK, whole));
  const failed = bench.settle(bench.client.call("eth_x", []));
  await assert.rejects(failed, (error) => !(error instanceof UserError));
});

Deno.test("EvmClient asks every endpoint for its chain where there are more", async () => {
  const bench = new ScriptedClient({ a: () => 1, b: () => 2 });
  await bench.settle(bench.client.health({ lazy: true }));
  assert.deepEqual(methods(bench), [CHAIN, CHAIN]);
});
