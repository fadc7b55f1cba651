import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Abi,
  decodeFunctionData,
  encodeFunctionData,
  encodeFunctionResult,
  type Hex,
} from "viem";
import {
  type ContractCall,
  decodeAggregate,
  encodeAggregate,
  encodedSize,
} from "../../../../connectors/evm/state/multicall.ts";
import { MalformedError } from "../../../../connectors/evm/hex.ts";

const abi: Abi = JSON.parse(
  Deno.readTextFileSync(
    new URL("../../../../pipelines/abis/multicall3.json", import.meta.url),
  ),
);

const hex = (options: { minLength?: number; maxLength: number }) =>
  fc.uint8Array(options).map((bytes) => `0x${bytes.toHex()}` as Hex);

const call = fc.record({
  to: hex({ minLength: 20, maxLength: 20 }),
  data: hex({ maxLength: 100 }),
});

Deno.test("encodeAggregate() writes what viem writes", () => {
  fc.assert(fc.property(fc.array(call, { maxLength: 20 }), (calls) => {
    const wanted = encodeFunctionData({
      abi,
      functionName: "aggregate3",
      args: [calls.map(({ data, to }) => ({
        target: to,
        allowFailure: true,
        callData: data,
      }))],
    });
    assert.equal(encodeAggregate(calls), wanted);
    const sizes = calls.reduce((sum, one) => sum + encodedSize(one), 0);
    // The selector, the offset of the list and its length.
    assert.equal((wanted.length - 2) / 2, 4 + 64 + sizes);
    const { args: [decoded] = [] } = decodeFunctionData({ abi, data: wanted });
    assert.equal((decoded as unknown[]).length, calls.length);
  }));
});

Deno.test("decodeAggregate() reads what viem writes", () => {
  const result = fc.record({
    success: fc.boolean(),
    returnData: hex({ maxLength: 100 }),
  });
  fc.assert(fc.property(fc.array(result, { maxLength: 20 }), (results) => {
    const answer = encodeFunctionResult({
      abi,
      functionName: "aggregate3",
      result: results,
    });
    assert.deepEqual(
      decodeAggregate(answer, results.length),
      results.map(({ returnData, success }) => ({ success, data: returnData })),
    );
  }));
});

Deno.test("decodeAggregate() refuses what is cut off or of other calls", () => {
  const calls: ContractCall[] = [];
  assert.throws(() => decodeAggregate("0x", 1), MalformedError);
  const answer = encodeFunctionResult({
    abi,
    functionName: "aggregate3",
    result: [{ success: true, returnData: `0x${"11".repeat(40)}` }],
  });
  assert.throws(() => decodeAggregate(answer, calls.length), MalformedError);
  for (let length = 2; length < answer.length - 64; length += 2) {
    assert.throws(
      () => decodeAggregate(answer.slice(0, length), 1),
      MalformedError,
    );
  }
});
