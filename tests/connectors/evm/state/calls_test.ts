import assert from "node:assert/strict";
import fc from "fast-check";
import { RetryableError, UserError } from "../../../../runtime/component.ts";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import type { Call } from "../../../../connectors/evm/rpc/rpc.ts";
import {
  CallReader,
  type Read,
  type ReadResult,
} from "../../../../connectors/evm/state/calls.ts";
import { MULTICALL3 } from "../../../../connectors/evm/state/multicall.ts";
import { type Script, ScriptedClient } from "../rpc/scripted_client.ts";
import { type Behaviour, execute, type MachineOptions } from "./machine.ts";

const pin = { number: 100, hash: `0x${"ab".repeat(32)}` };

const word = (value: number) => `0x${value.toString(16).padStart(64, "0")}`;

const address = (index: number) => `0x${index.toString(16).padStart(40, "0")}`;

function readsOf(count: number): Read[] {
  return Array.from({ length: count }, (_, index) => ({
    to: address(index + 1000),
    data: "0x50d25bcd",
    gas: 20_000,
    size: 32,
  }));
}

/** Behaves as told by the contract's place; the others return it. */
function behaving(odd: Readonly<Record<number, Behaviour>>) {
  return (to: string): Behaviour => {
    const index = parseInt(to, 16) - 1000;
    return odd[index] ?? { gas: 8_000, data: word(index) };
  };
}

interface Params {
  readonly to: string;
  readonly data: string;
}

function machine(options: MachineOptions): Script {
  return ({ method, params }) => {
    if (method === "eth_getCode") return "0x";
    assert.equal(method, "eth_call");
    assert.deepEqual(params[1], { blockHash: pin.hash });
    return execute(params[0] as Params, options);
  };
}

function readerOf(script: Script, gas = 30_000_000) {
  const scripted = new ScriptedClient({ a: script });
  const { client, log } = scripted;
  const limit = { gas, bytes: 1_280 * 1024 };
  const reader = new CallReader({ client, log, multicall: MULTICALL3, limit });
  const read = (reads: readonly Read[]) =>
    scripted.settle(reader.read(reads, pin, {
      priority: "head",
      signal: new AbortController().signal,
    }));
  const calls = () =>
    scripted.made.filter(({ method }) => method === "eth_call").length;
  return { scripted, read, calls };
}

Deno.test("CallReader makes 3,000 reads in two calls", async () => {
  const { calls, read } = readerOf(machine({
    gas: 30_000_000,
    behave: behaving({ 7: { gas: 900, revert: "0x" } }),
  }));
  const results = await read(readsOf(3000));
  assert.equal(calls(), 2);
  assert.deepEqual(results[6], { data: word(6) });
  assert.deepEqual(results[7], { reason: "reverted without a reason" });
  assert.deepEqual(results[2999], { data: word(2999) });
});

Deno.test("CallReader is not misled by a contract that uses up all gas", async () => {
  const eater = { gas: Infinity };
  const { calls, read } = readerOf(machine({
    gas: 8_000_000,
    behave: behaving({ 0: eater, 40: eater }),
  }));
  for (const expected of [undefined, undefined, 2]) {
    const before = calls();
    const results = await read(readsOf(60));
    results.forEach((result, index) => {
      if (index === 0 || index === 40) assert.ok("reason" in result);
      else assert.deepEqual(result, { data: word(index) });
    });
    // Known by then: one goes last, the other goes alone.
    if (expected) assert.equal(calls() - before, expected);
  }
});

Deno.test("CallReader splits what is too large, and asks for less at once", async () => {
  const { calls, read } = readerOf(machine({
    gas: 30_000_000,
    bytes: 60_000,
    behave: behaving({}),
  }));
  const reads = readsOf(600);
  const wanted = reads.map((_, index) => ({ data: word(index) }));
  const made: number[] = [];
  for (let times = 0; times < 40; times++) {
    const before = calls();
    assert.deepEqual(await read(reads), wanted);
    made.push(calls() - before);
  }
  // 156 fit; it finds out by splitting, and in the end asks for nearly so many.
  assert.equal(made[0], 7);
  assert.ok(made.slice(-10).every((count) => count <= 5), `${made}`);
});

Deno.test("CallReader asks for less at once where no answer came in time", async () => {
  const late = new RpcError("other", "no answer within 30 s", {
    transient: true,
  });
  const script = machine({ gas: 30_000_000, behave: behaving({}) });
  const { read } = readerOf((call, times) => {
    const { data } = (call.params[0] ?? {}) as Params;
    return data.length > 100_000 ? late : script(call, times);
  });
  const reads = readsOf(600);
  // All of them, then half of them, are too many.
  await assert.rejects(read(reads), RetryableError);
  await assert.rejects(read(reads), RetryableError);
  const results = await read(reads);
  assert.deepEqual(results[599], { data: word(599) });
});

Deno.test("CallReader reads one by one where there is no Multicall3", async () => {
  const { calls, read, scripted } = readerOf(machine({
    gas: 30_000_000,
    multicall: false,
    behave: behaving({ 1: { gas: 1, revert: "0x01" } }),
  }));
  assert.deepEqual(await read(readsOf(3)), [
    { data: word(0) },
    { reason: "reverted: no" },
    { data: word(2) },
  ]);
  assert.equal(calls(), 4);
  await read(readsOf(3));
  assert.equal(calls(), 7);
  const asked = scripted.made.filter(({ method }) => method === "eth_getCode");
  assert.equal(asked.length, 1);
});

Deno.test("CallReader reads by number where hashes are refused, and looks again", async () => {
  let hash = pin.hash;
  const script = ({ method, params: [first, block] }: Call) => {
    if (method === "eth_getBlockByNumber") return blockOf(hash);
    if (typeof block === "object") {
      return new RpcError(
        "other",
        "invalid argument 1: cannot unmarshal object",
      );
    }
    assert.equal(block, "0x64");
    return execute(first as Params, { gas: 3e7, behave: behaving({}) });
  };
  const { read } = readerOf(script);
  assert.deepEqual(await read(readsOf(2)), [
    { data: word(0) },
    { data: word(1) },
  ]);
  hash = `0x${"cd".repeat(32)}`;
  await assert.rejects(read(readsOf(2)), RetryableError);
});

function blockOf(hash: string, number = pin.number) {
  return {
    number: `0x${number.toString(16)}`,
    hash,
    parentHash: `0x${"11".repeat(32)}`,
    timestamp: "0x1",
    transactions: [],
  };
}

Deno.test("CallReader names the oldest block whose state there is", async () => {
  const script = ({ method, params }: Call) => {
    switch (method) {
      case "eth_blockNumber":
        return "0x2710";
      case "eth_getBlockByNumber":
        return blockOf(pin.hash);
      case "eth_getBalance":
        return Number(params[1]) >= 9_873
          ? "0x0"
          : new RpcError("missing", "missing trie node");
      default:
        return new RpcError("missing", "missing trie node");
    }
  };
  const { read } = readerOf(script);
  await assert.rejects(read(readsOf(2)), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(
      error.message,
      'Cannot read the state of block 100: no endpoint of "eth" keeps it, ' +
        "the oldest that they have is block 9873; start there, or name an " +
        "archive node",
    );
    return true;
  });
});

Deno.test("CallReader always says what single calls would say", async () => {
  const behaviour = fc.oneof(
    { weight: 6, arbitrary: fc.record({ gas: fc.nat(60_000) }) },
    { weight: 1, arbitrary: fc.constant({ gas: 500, revert: "0x" }) },
    { weight: 1, arbitrary: fc.constant({ gas: Infinity }) },
    { weight: 1, arbitrary: fc.constant({ gas: 1_500_000 }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(behaviour, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 2_000_000, max: 5_000_000 }),
      fc.integer({ min: 50_000, max: 2_000_000 }),
      async (behaviours, gas, limit) => {
        const odd: Record<number, Behaviour> = Object.fromEntries(
          behaviours.map((one, index) => [
            index,
            "revert" in one || one.gas === Infinity
              ? one
              : { ...one, data: word(index) },
          ]),
        );
        const { read } = readerOf(
          machine({ gas, behave: behaving(odd) }),
          limit,
        );
        const reads = readsOf(behaviours.length);
        for (let times = 0; times < 2; times++) {
          const results: readonly ReadResult[] = await read(reads);
          results.forEach((result, index) => {
            const fails = odd[index]?.data === undefined;
            if (fails) assert.ok("reason" in result, `${index} has failed`);
            else assert.deepEqual(result, { data: word(index) });
          });
        }
      },
    ),
    { numRuns: 100 },
  );
});
