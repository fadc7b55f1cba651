/**
 * A machine that answers `eth_call` by rule, with the gas of real ones: what
 * a call may use, the 64th that stays with its caller, and a bound for all.
 *
 * @module
 */
import {
  type Abi,
  decodeFunctionData,
  encodeFunctionResult,
  type Hex,
} from "viem";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { MULTICALL3 } from "../../../../connectors/evm/state/multicall.ts";

const abi: Abi = JSON.parse(
  Deno.readTextFileSync(
    new URL("../../../../pipelines/abis/multicall3.json", import.meta.url),
  ),
);

const PAIRING = "0x0000000000000000000000000000000000000008";

/** What a contract does with a call: gas of `Infinity` is an assertion. */
export interface Behaviour {
  readonly gas: number;
  /** What it returns; undefined: it reverts. */
  readonly data?: string;
  /** What it reverts with. */
  readonly revert?: string;
}

/** What a machine can do. */
export interface MachineOptions {
  /** Gas of one `eth_call`. */
  readonly gas: number;
  /** Most characters of calldata. */
  readonly bytes?: number;
  /** Whether Multicall3 is there. */
  readonly multicall?: boolean;
  behave(to: string, data: string): Behaviour | undefined;
}

interface Call3 {
  readonly target: string;
  readonly callData: Hex;
}

/** Answer an `eth_call`, or give the error of a node. */
export function execute(
  { data, to }: { readonly to: string; readonly data: string },
  options: MachineOptions,
): string | RpcError {
  const { bytes = Infinity, gas, multicall = true } = options;
  if (data.length > bytes) return new RpcError("size", "request too large");
  if (to === MULTICALL3) {
    if (!multicall) return "0x";
    return aggregate(data as Hex, options);
  }
  const { result, success, used } = run({ to, data, gas }, options);
  if (success) return result;
  const text = used >= gas
    ? "out of gas"
    : result === "0x"
    ? "execution reverted"
    : "execution reverted: no";
  return new RpcError("other", text, { certain: true });
}

function aggregate(data: Hex, options: MachineOptions): string | RpcError {
  const { args: [calls] = [] } = decodeFunctionData({ abi, data });
  let left = options.gas;
  const results = (calls as Call3[]).map(({ callData, target }) => {
    const given = left - Math.floor(left / 64);
    const { result, success, used } = run({
      to: target.toLowerCase(),
      data: callData,
      gas: given,
    }, options);
    left -= used + 100;
    return { success, returnData: result };
  });
  if (left < 0) return new RpcError("other", "out of gas", { certain: true });
  return encodeFunctionResult({
    abi,
    functionName: "aggregate3",
    result: results,
  });
}

function run(
  { data, gas, to }: {
    readonly to: string;
    readonly data: string;
    readonly gas: number;
  },
  { behave }: MachineOptions,
): { success: boolean; result: Hex; used: number } {
  const behaviour = to === PAIRING
    ? { gas: 45_000, data: `0x${"1".padStart(64, "0")}` }
    : behave(to, data);
  // No code: nothing happens, successfully.
  if (!behaviour) return { success: true, result: "0x", used: 0 };
  if (behaviour.gas > gas) return { success: false, result: "0x", used: gas };
  const { data: result, revert = "0x" } = behaviour;
  return {
    success: result !== undefined,
    result: (result ?? revert) as Hex,
    used: behaviour.gas,
  };
}
