/**
 * Calls inside of calls: multicalls, Safe transactions, user operations.
 *
 * @module
 */
import type { AbiFunction } from "../abi/abi.ts";
import type { AbiValue } from "../abi/codec.ts";
import { type AbiArguments, compileParameters } from "../abi/decoder.ts";
import { argumentList, componentList } from "../abi/encode.ts";
import { DecodeError } from "../abi/input.ts";
import { type AbiParameter, parseParameters } from "../abi/types.ts";

/** A call that the arguments of another call hold. */
export interface InnerCall {
  readonly to: string;
  readonly input: string;
  /** Wei that goes with it; undefined where the call does not say. */
  readonly value: bigint | undefined;
  /** False: bytes that are a call only if the contract has the function. */
  readonly certain: boolean;
}

type Values = readonly AbiValue[];
type Extract = (values: Values, inputs: readonly AbiParameter[]) => InnerCall[];

/** Functions that call one contract: `(address to, uint256 value, bytes data …)`. */
const SINGLE =
  /^(?:exec|execTransaction|execTransactionFromModule|execTransactionFromModuleReturnData|execute|executeCall|executeUserOp|submitTransaction)\(address,uint256,bytes[,)]/;

/** ERC-7579 modes: the first byte says whether there is one call or several. */
const ONE_CALL = "0x00";
const SEVERAL_CALLS = "0x01";

const batch = compileParameters(parseParameters([{
  type: "tuple[]",
  name: "calls",
  components: [
    { type: "address", name: "to" },
    { type: "uint256", name: "value" },
    { type: "bytes", name: "data" },
  ],
}], { label: "batch", depth: 0 }));

/** Where the calls are, by signature; each index is that of a component. */
const known: Readonly<Record<string, Extract>> = {
  "aggregate((address,bytes)[])": items(0, { to: 0, data: 1 }),
  "blockAndAggregate((address,bytes)[])": items(0, { to: 0, data: 1 }),
  "tryAggregate(bool,(address,bytes)[])": items(1, { to: 0, data: 1 }),
  "tryBlockAndAggregate(bool,(address,bytes)[])": items(1, { to: 0, data: 1 }),
  "aggregate3((address,bool,bytes)[])": items(0, { to: 0, data: 2 }),
  "aggregate3Value((address,bool,uint256,bytes)[])": items(0, {
    to: 0,
    value: 2,
    data: 3,
  }),
  "executeBatch((address,uint256,bytes)[])": items(0, {
    to: 0,
    value: 1,
    data: 2,
  }),
  "executeBatch(address[],bytes[])": ([to, data]) => zip(to, [], data),
  "executeBatch(address[],uint256[],bytes[])": ([to, value, data]) =>
    zip(to, value, data),
  "multiSend(bytes)": ([packed]) => multiSend(String(packed)),
  // ERC-4337, before and since version 0.7 of the entry point.
  "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)":
    items(0, { to: 0, data: 3 }),
  "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)":
    items(0, { to: 0, data: 3 }),
  "execute(bytes32,bytes)": ([mode, data]) =>
    execution(String(mode), String(data)),
};

/** The calls in a decoded call to `to`, in their order. */
export function innerCalls(
  { inputs, signature }: AbiFunction,
  args: AbiArguments,
  to: string,
): readonly InnerCall[] {
  const extract = known[signature];
  if (extract) return extract(argumentList(inputs, args), inputs);
  if (SINGLE.test(signature)) {
    const [target, value, data] = argumentList(inputs, args);
    return [call(target, data, value)];
  }
  const at = inputs.findIndex(({ canonical }) => canonical === "bytes[]");
  if (at < 0) return [];
  const parts = argumentList(inputs, args)[at];
  if (!Array.isArray(parts)) return [];
  return parts.map((part) => ({ ...call(to, part), certain: false }));
}

function items(
  at: number,
  { data, to, value }: {
    readonly to: number;
    readonly data: number;
    readonly value?: number;
  },
): Extract {
  return (values, inputs) => {
    const type = inputs[at]?.type;
    const item = type?.kind === "array" ? type.item : undefined;
    if (item?.kind !== "tuple") return [];
    const list = values[at] as readonly AbiValue[];
    return list.map((one) => {
      const parts = componentList(item.components, one);
      return call(
        parts[to],
        parts[data],
        value === undefined ? undefined : parts[value],
      );
    });
  };
}

function zip(
  to: AbiValue | undefined,
  ...[values, data]: readonly [AbiValue | undefined, AbiValue | undefined]
): InnerCall[] {
  const [targets, amounts, inputs] = [to, values, data]
    .map((list) => Array.isArray(list) ? list : []);
  return (targets ?? []).flatMap((target, index) => {
    const input = inputs?.[index];
    return input === undefined ? [] : [call(target, input, amounts?.[index])];
  });
}

function call(
  to: AbiValue | undefined,
  input: AbiValue | undefined,
  value?: AbiValue,
): InnerCall {
  return {
    to: String(to),
    input: String(input),
    value: value === undefined ? undefined : BigInt(String(value)),
    certain: true,
  };
}

/** Safe's MultiSend: operation, address, value and length, packed. */
function multiSend(packed: string): InnerCall[] {
  const calls: InnerCall[] = [];
  for (let at = 2; at + 170 <= packed.length;) {
    const part = (from: number, to: number) => packed.slice(at + from, at + to);
    const length = Number(`0x${part(106, 170)}`);
    const end = 170 + 2 * length;
    if (at + end > packed.length) return calls;
    calls.push({
      to: `0x${part(2, 42)}`,
      value: BigInt(`0x${part(42, 106)}`),
      input: `0x${part(170, end)}`,
      certain: true,
    });
    at += end;
  }
  return calls;
}

/** ERC-7579: one call is packed, several are encoded as an ABI would. */
function execution(mode: string, data: string): InnerCall[] {
  if (mode.startsWith(ONE_CALL) && data.length >= 106) {
    return [{
      to: data.slice(0, 42),
      value: BigInt(`0x${data.slice(42, 106)}`),
      input: `0x${data.slice(106)}`,
      certain: true,
    }];
  }
  if (!mode.startsWith(SEVERAL_CALLS)) return [];
  try {
    const { calls } = batch.decode(data);
    const list = calls as readonly { readonly [name: string]: AbiValue }[];
    return list.map(({ data, to, value }) => call(to, data, value));
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
