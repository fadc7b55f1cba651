import assert from "node:assert/strict";
import {
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  numberToHex,
  parseAbi,
  size,
} from "viem";
import { parseAbi as readAbi } from "../../../../connectors/evm/abi/abi.ts";
import { compileFunction } from "../../../../connectors/evm/abi/decoder.ts";
import { innerCalls } from "../../../../connectors/evm/decode/nested.ts";

const one: Hex = `0x${"11".repeat(20)}`;
const two: Hex = `0x${"22".repeat(20)}`;
const self: Hex = `0x${"99".repeat(20)}`;
const data: Hex = "0xa9059cbb0102";

/** The inner calls of a call, as our decoder reads what viem encodes. */
function inner(signature: string, args: readonly unknown[]) {
  const abi = parseAbi([`function ${signature}`] as never);
  const input = encodeFunctionData({ abi, args } as never);
  const { functions: [found] } = readAbi([signature]);
  assert(found);
  const decoded = compileFunction(found).decode(input);
  return innerCalls(found, decoded, self).map((call) => [
    call.to,
    call.input,
    call.value,
  ]);
}

const plain = [one, data, undefined];

Deno.test("innerCalls() opens every kind of multicall", () => {
  assert.deepEqual(inner("multicall(bytes[] data)", [[data]]), [
    [self, data, undefined],
  ]);
  assert.deepEqual(
    inner("multicall(uint256 deadline, bytes[] data)", [5n, [data]]),
    [[self, data, undefined]],
  );
  for (const name of ["aggregate", "blockAndAggregate"]) {
    const signature = `${name}((address target, bytes callData)[] calls)`;
    const args = [[{ target: one, callData: data }]];
    assert.deepEqual(inner(signature, args), [plain]);
  }
  // Names may be missing, and then tuples are lists.
  assert.deepEqual(
    inner("tryAggregate(bool,(address,bytes)[])", [true, [[one, data]]]),
    [plain],
  );
  assert.deepEqual(
    inner("aggregate3((address target, bool ok, bytes data)[] calls)", [[
      { target: one, ok: true, data },
      { target: two, ok: false, data: "0x" },
    ]]),
    [plain, [two, "0x", undefined]],
  );
  assert.deepEqual(
    inner("aggregate3Value((address,bool,uint256,bytes)[])", [[
      [one, true, 5n, data],
    ]]),
    [[one, data, 5n]],
  );
});

Deno.test("innerCalls() opens Safe's transactions", () => {
  const transaction = "execTransaction(address to, uint256 value, bytes data," +
    " uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice," +
    " address gasToken, address refundReceiver, bytes signatures)";
  assert.deepEqual(
    inner(transaction, [one, 5n, data, 0, 0n, 0n, 0n, one, one, "0x"]),
    [[one, data, 5n]],
  );
  const packed = (to: Hex, value: bigint, data: Hex) =>
    concatHex([
      "0x00",
      to,
      numberToHex(value, { size: 32 }),
      numberToHex(size(data), { size: 32 }),
      data,
    ]);
  const both = concatHex([packed(one, 5n, data), packed(two, 0n, "0x")]);
  assert.deepEqual(inner("multiSend(bytes transactions)", [both]), [
    [one, data, 5n],
    [two, "0x", 0n],
  ]);
  // Cut off: what is whole is read.
  assert.deepEqual(
    inner("multiSend(bytes transactions)", [both.slice(0, -2)]),
    [[one, data, 5n]],
  );
});

Deno.test("innerCalls() opens user operations of every version", () => {
  const old =
    "handleOps((address sender, uint256 nonce, bytes initCode, bytes callData, uint256 a, uint256 b, uint256 c, uint256 d, uint256 e, bytes f, bytes g)[] ops, address beneficiary)";
  const operation = {
    ...{ sender: one, nonce: 0n, initCode: "0x", callData: data },
    ...{ a: 0n, b: 0n, c: 0n, d: 0n, e: 0n, f: "0x", g: "0x" },
  };
  assert.deepEqual(inner(old, [[operation], two]), [plain]);
  const now =
    "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)";
  const zero = numberToHex(0, { size: 32 });
  assert.deepEqual(
    inner(now, [
      [[one, 0n, "0x", data, zero, 0n, zero, "0x", "0x"]],
      two,
    ]),
    [plain],
  );
});

Deno.test("innerCalls() opens what smart accounts execute", () => {
  assert.deepEqual(
    inner("execute(address dest, uint256 value, bytes func)", [one, 5n, data]),
    [[one, data, 5n]],
  );
  assert.deepEqual(
    inner("executeBatch(address[] dest, bytes[] func)", [[one], [data]]),
    [plain],
  );
  assert.deepEqual(
    inner("executeBatch(address[],uint256[],bytes[])", [[one], [5n], [data]]),
    [[one, data, 5n]],
  );
  const single = concatHex([one, numberToHex(5n, { size: 32 }), data]);
  assert.deepEqual(
    inner("execute(bytes32 mode, bytes executionCalldata)", [
      numberToHex(0, { size: 32 }),
      single,
    ]),
    [[one, data, 5n]],
  );
  const batch = encodeAbiParameters(
    [{
      type: "tuple[]",
      components: [{ type: "address" }, { type: "uint256" }, { type: "bytes" }],
    }],
    [[[one, 5n, data]]] as never,
  );
  assert.deepEqual(
    inner("execute(bytes32 mode, bytes executionCalldata)", [
      `0x01${"00".repeat(31)}`,
      batch,
    ]),
    [[one, data, 5n]],
  );
  assert.deepEqual(
    inner("transfer(address to, uint256 amount)", [one, 5n]),
    [],
  );
});
