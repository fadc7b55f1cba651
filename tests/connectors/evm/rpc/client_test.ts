import assert from "node:assert/strict";
import { RetryableError, UserError } from "../../../../runtime/component.ts";
import { classify, RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { failing, ScriptedClient } from "./scripted_client.ts";

const ok = () => "0xok";
const rate = (retryAfter?: number) => () =>
  new RpcError("rate", "slow down", { retryAfter });
const quota = (text = "daily request count exceeded") => () =>
  new RpcError("quota", text);
const auth = () => new RpcError("auth", "invalid api key");
const down = () =>
  new RpcError("other", "connection refused", { transient: true });
const missing = () => null;
const absent = () =>
  new RpcError("other", "Method not found", { unsupported: true });

Deno.test("EvmClient.call() asks the preferred endpoint first", async () => {
  const bench = new ScriptedClient({ a: ok, b: ok });
  assert.equal(await bench.settle(bench.client.call("eth_x", [1])), "0xok");
  assert.deepEqual(bench.order, ["a eth_x"]);
  assert.equal(bench.client.chainId, 1);
});

for (
  const [what, error] of Object.entries({
    rate: rate(),
    quota: quota(),
    auth,
    down,
  })
) {
  Deno.test(`EvmClient.call() asks another endpoint after ${what}`, async () => {
    const bench = new ScriptedClient({ a: failing(error), b: ok });
    const start = bench.clock.now();
    await bench.settle(bench.client.call("eth_x", []));
    assert.deepEqual(bench.order, ["a eth_x", "b eth_x"]);
    assert.ok(bench.clock.now() - start < 100, "at once");
  });
}

Deno.test("EvmClient.call() never asks the key that failed while another exists", async () => {
  const bench = new ScriptedClient({ a: failing(down), b: failing(down) });
  await assert.rejects(
    bench.settle(bench.client.call("eth_x", [])),
    RetryableError,
  );
  bench.order.slice(1).forEach((one, index) =>
    assert.notEqual(one, bench.order[index])
  );
});

Deno.test("EvmClient.call() waits as long as a rate limit asks", async () => {
  const bench = new ScriptedClient({ a: failing(rate(2500), { times: 1 }) });
  await bench.settle(bench.client.call("eth_x", []));
  const [first, second] = bench.made.filter(({ method }) => method === "eth_x");
  const waited = second!.at - first!.at;
  assert.ok(waited >= 2500 && waited < 2600, `${waited}`);
  assert.equal(bench.metrics.total("sluice_rpc_refused_total"), 1);
});

Deno.test("EvmClient.call() waits longer and longer without a hint", async () => {
  const bench = new ScriptedClient({ a: failing(rate(), { times: 4 }) });
  await bench.settle(bench.client.call("eth_x", []));
  const at = bench.made.filter(({ method }) => method === "eth_x")
    .map(({ at }) => at);
  at.slice(1).forEach((instant, index) => {
    const waited = instant - at[index]!;
    const step = 1000 * 2 ** index;
    assert.ok(waited >= 0.75 * step && waited <= 1.26 * step + 20, `${waited}`);
  });
});

Deno.test("EvmClient.call() counts refusals of one moment once", async () => {
  const bench = new ScriptedClient({ a: failing(rate(), { times: 8 }) });
  const calls = Array.from({ length: 8 }, () => bench.client.call("eth_x", []));
  const start = bench.clock.now();
  await bench.settle(Promise.all(calls));
  assert.ok(bench.clock.now() - start < 1300, "one pause of about a second");
});

Deno.test("EvmClient.call() closes a spent key until midnight", async () => {
  const bench = new ScriptedClient({ a: failing(quota(), { times: 1 }) });
  // The clock starts at 00:00 UTC.
  await bench.settle(bench.client.call("eth_x", []), 90_000_000);
  const hours = (bench.made.at(-1)!.at - bench.made[0]!.at) / 3_600_000;
  assert.ok(hours > 23.9 && hours < 24.1, `${hours}`);
  const warning = bench.lines.find(({ level }) => level === "warn");
  assert.match(warning!.message, /Quota spent/);
});

Deno.test("EvmClient.call() asks once an hour when a quota has no name", async () => {
  const bench = new ScriptedClient({
    a: failing(quota("HTTP 402"), { times: 1 }),
  });
  await bench.clock.advance(20 * 60_000);
  const start = bench.clock.now();
  await bench.settle(bench.client.call("eth_x", []), 5_000_000);
  const minutes = (bench.clock.now() - start) / 60_000;
  assert.ok(minutes > 39 && minutes < 42, `${minutes}`);
});

Deno.test("EvmClient.call() prefers a short pause to a spent key", async () => {
  const bench = new ScriptedClient({
    spent: failing(quota()),
    slow: failing(rate(500), { times: 1 }),
  });
  await bench.settle(bench.client.call("eth_x", []));
  assert.deepEqual(bench.order, ["spent eth_x", "slow eth_x", "slow eth_x"]);
});

Deno.test("EvmClient.call() closes a refused key loudly, and ends with the last", async () => {
  const bench = new ScriptedClient({ a: failing(() => auth()), b: ok });
  await bench.settle(bench.client.call("eth_x", []));
  await bench.settle(bench.client.call("eth_x", []));
  assert.deepEqual(bench.order, ["a eth_x", "b eth_x", "b eth_x"]);
  const [line] = bench.lines.filter(({ level }) => level === "error");
  assert.deepEqual(line!.fields, {
    endpoint: "a",
    host: "a.example",
    reason: "invalid api key",
  });

  const alone = new ScriptedClient({ a: failing(() => auth()) });
  await assert.rejects(alone.settle(alone.client.call("eth_x", [])), {
    name: "UserError",
    message: 'No endpoint of "eth" is left: a (a.example): invalid api key',
  });
});

Deno.test("EvmClient.call() remembers what an endpoint does not offer", async () => {
  const bench = new ScriptedClient({ a: failing(absent), b: ok });
  for (let i = 0; i < 4; i++) {
    await bench.settle(bench.client.call("eth_x", []));
  }
  assert.deepEqual(bench.order, [
    ...["a eth_x", "b eth_x", "a eth_x", "b eth_x"],
    ...["b eth_x", "b eth_x"],
  ]);
});

Deno.test("EvmClient.call() forgets that a node lacked a method when it has it", async () => {
  const bench = new ScriptedClient({
    a: (_call, times) => times % 2 === 1 ? absent() : "0xok",
  });
  for (let i = 0; i < 4; i++) {
    await bench.settle(bench.client.call("eth_x", []));
  }
  assert.equal(bench.order.length, 8);
});

Deno.test("EvmClient.call() says when nobody offers a method", async () => {
  const bench = new ScriptedClient({ a: failing(absent), b: failing(absent) });
  const error = await bench.failure(bench.client.call("eth_x", []));
  assert.ok(error instanceof RpcError);
  assert.equal(error.unsupported, true);
  assert.equal(error.message, 'No endpoint of "eth" offers eth_x');
});

Deno.test("EvmClient.call() asks everyone for what is missing, then again", async () => {
  const bench = new ScriptedClient({
    a: missing,
    b: (_call, times) => times > 3 ? "0xthere" : null,
  });
  const start = bench.clock.now();
  assert.equal(await bench.settle(bench.client.call("eth_x", [])), "0xthere");
  assert.equal(bench.order.filter((one) => one.startsWith("a")).length, 4);
  assert.ok(bench.clock.now() - start < 2000);
});

Deno.test("EvmClient.call() gives up what stays missing after its patience", async () => {
  for (const patience of [0, 5000, undefined]) {
    const bench = new ScriptedClient({ a: missing, b: missing });
    const start = bench.clock.now();
    const options = patience === undefined ? {} : { patience };
    const error = await bench.failure(
      bench.client.call("eth_x", [], options),
    );
    assert.equal(error.kind, "missing");
    assert.match(error.message, /^eth_x failed at "eth": a \(a.example\): /);
    const took = bench.clock.now() - start;
    const expected = patience ?? 30_000;
    assert.ok(took >= expected && took < expected + 3000, `${took}`);
    assert.ok(bench.order.includes("b eth_x"), "everyone was asked");
  }
});

Deno.test("EvmClient.call() takes null where it is a result", async () => {
  const bench = new ScriptedClient({ a: missing, b: ok });
  const call = bench.client.call("eth_x", [], { nullable: true });
  assert.equal(await bench.settle(call), null);
});

Deno.test("EvmClient.call() asks elsewhere when a result cannot be right", async () => {
  const bench = new ScriptedClient({ a: () => "0xstale", b: ok });
  const validate = (result: unknown) =>
    result === "0xstale" ? "it is stale" : undefined;
  assert.equal(
    await bench.settle(bench.client.call("eth_x", [], { validate })),
    "0xok",
  );
});

Deno.test("EvmClient.call() tries every endpoint once for what is too large", async () => {
  const large = () => new RpcError("size", "response too large");
  const bench = new ScriptedClient({ a: failing(large), b: failing(large) });
  const error = await bench.failure(bench.client.call("eth_x", []));
  assert.equal(error.kind, "size");
  assert.deepEqual(bench.order, ["a eth_x", "b eth_x"]);
});

Deno.test("EvmClient.call() asks once what can only fail", async () => {
  const revert = () =>
    new RpcError("other", "execution reverted", { certain: true });
  const bench = new ScriptedClient({ a: failing(revert), b: ok });
  await assert.rejects(
    bench.settle(bench.client.call("eth_call", [])),
    /eth_call failed at "eth": a \(a.example\): execution reverted/,
  );
  assert.equal(bench.order.length, 1);
});

Deno.test("EvmClient.call() gives up an unknown error after a few tries", async () => {
  const strange = () => new RpcError("other", "strange");
  const bench = new ScriptedClient({
    a: failing(strange),
    b: failing(strange),
  });
  await assert.rejects(
    bench.settle(bench.client.call("eth_x", [])),
    /a \(a.example\): strange; b \(b.example\): strange/,
  );
  assert.ok(bench.order.length >= 3 && bench.order.length <= 4);
});

Deno.test("EvmClient.call() rides out a short outage", async () => {
  const bench = new ScriptedClient({ a: failing(down, { times: 5 }) });
  const start = bench.clock.now();
  await bench.settle(bench.client.call("eth_x", []));
  const took = bench.clock.now() - start;
  assert.ok(took > 2000 && took < 8000, `${took}`);
});

Deno.test("EvmClient.call() asks to be retried when nobody answers", async () => {
  const bench = new ScriptedClient({ a: failing(down), b: failing(down) });
  const error = await bench.failure(bench.client.call("eth_x", []));
  assert.ok(error instanceof RetryableError);
  assert.ok(error.cause instanceof RpcError);
  assert.match(error.message, /a \(a.example\): connection refused; b/);
});

Deno.test("EvmClient.call() stops waiting when its signal is aborted", async () => {
  const bench = new ScriptedClient({ a: missing });
  const controller = new AbortController();
  const { signal } = controller;
  const call = bench.client.call("eth_x", [], { signal });
  call.catch(() => {});
  await bench.clock.advance(1000);
  controller.abort(new Error("not wanted"));
  await assert.rejects(bench.settle(call), /not wanted/);
});

Deno.test("EvmClient.call() closes an endpoint that turns out to serve another chain", async () => {
  const bench = new ScriptedClient({
    a: { script: ok, chainId: "0x5" },
    b: ok,
  }, { chainId: 1 });
  assert.equal(await bench.settle(bench.client.call("eth_x", [])), "0xok");
  assert.deepEqual(bench.order, ["b eth_x"], "a was never asked anything else");
  const [line] = bench.lines.filter(({ level }) => level === "error");
  assert.match(String(line!.fields["reason"]), /serves chain 5, expected 1/);
});

Deno.test("EvmClient.health() names the endpoint of another chain", async () => {
  const bench = new ScriptedClient({
    a: ok,
    b: { script: ok, chainId: "0x5" },
  });
  await assert.rejects(bench.settle(bench.client.health()), {
    name: "UserError",
    message: 'Endpoint "b" of "eth" (b.example) serves chain 5, expected 1',
  });
});

Deno.test("EvmClient.health() starts with a key that is spent for now", async () => {
  const bench = new ScriptedClient({ a: { script: ok, chainId: quota()() } });
  await bench.settle(bench.client.health());
  assert.ok(bench.lines.some(({ message }) => /Quota spent/.test(message)));
});

Deno.test("EvmClient.health() names every endpoint when none answers", async () => {
  const bench = new ScriptedClient({
    a: { script: ok, chainId: down() },
    b: { script: ok, chainId: new RpcError("auth", "invalid api key") },
  });
  const error = await bench.failure(bench.client.health());
  assert.ok(error instanceof UserError);
  assert.equal(
    error.message,
    'Cannot reach "eth": a (a.example): connection refused; ' +
      "b (b.example): invalid api key",
  );
});

Deno.test("EvmClient.health() warns of an endpoint that does not answer", async () => {
  let up = false;
  const bench = new ScriptedClient({
    a: {
      get chainId() {
        return up ? "0x1" : down();
      },
      script: ok,
    },
    b: ok,
  });
  await bench.settle(bench.client.health());
  const [line] = bench.lines.filter(({ message }) =>
    /out of reach/.test(message)
  );
  assert.deepEqual(line!.fields, {
    endpoint: "a",
    host: "a.example",
    reason: "connection refused",
  });
  up = true;
  await bench.clock.advance(120_000);
  await bench.settle(bench.client.call("eth_x", []));
  assert.deepEqual(bench.order, ["a eth_x"], "it is used once it answers");
});

Deno.test("EvmClient.call() says an unknown error as it came, with its endpoint", async () => {
  const strange = () => {
    const body = { error: { code: -1, message: "flux capacitor is empty" } };
    return classify({ status: 200, body })!;
  };
  const bench = new ScriptedClient({ a: failing(strange) });
  await assert.rejects(
    bench.settle(bench.client.call("eth_x", [])),
    /eth_x failed at "eth": a \(a\.example\): flux capacitor is empty/,
  );
});
