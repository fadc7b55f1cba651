/**
 * The recorded mainnet blocks with the ABIs of the contracts in them.
 *
 * @module
 */
import type { JsonParameter } from "./cases.ts";
import { type Abi, parseAbi } from "../../../../connectors/evm/abi/abi.ts";
import { AbiIndex } from "../../../../connectors/evm/abi/abi_index.ts";

const SHARED_DATA = Deno.env.get("SLUICE_SHARED_DATA") ??
  new URL("../../../../../shared/data", import.meta.url).pathname;

/** Where each ABI applies (README.md of the ABIs); null is any address. */
const CONTRACTS: Record<string, string | null> = {
  UniswapV2Router02: "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
  UniswapV2Factory: "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f",
  UniswapSwapRouter02: "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45",
  AaveV2LendingPool: "0x7d2768dE32b0b80b7a3454c06BdAc94A69DDc7A9",
  AaveV2Oracle: "0xA50ba011c48153De246E5192C8f9258A2ba79Ca9",
  AaveV2ProtocolDataProvider: "0x057835Ad21a177dbdd3090bB1CAE03EaCF78Fc6d",
  AaveV3Pool: "0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2",
  AaveV3Oracle: "0x54586bE62E3c3580375aE3723C145253060Ca0C2",
  AaveV3ProtocolDataProvider: "0x0a16f2FCC0D44FaE41cc54e079281D84A363bECD",
  WETH9: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
  Multicall3: "0xcA11bde05977b3631167028862bE2a173976CA11",
  ChainlinkEACAggregatorProxy: "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
  UniswapV2Pair: null,
  IERC20Metadata: null,
  ERC721: null,
  ERC1155: null,
  IERC1967: null,
};

/** An entry of an ABI file. */
export interface JsonEntry {
  readonly type: string;
  readonly name: string;
  readonly inputs: readonly JsonParameter[];
}

/** A transaction as far as decoding goes. */
export interface RecordedCall {
  readonly to: string | null;
  readonly input: string;
}

/** A log as far as decoding goes. */
export interface RecordedLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

/** Everything that a test or a benchmark of decoding reads. */
export interface Recorded {
  readonly index: AbiIndex;
  /** The entry that each parsed function and event was read from. */
  readonly entries: ReadonlyMap<unknown, JsonEntry>;
  /** The whole ABI that it was read from. */
  readonly files: ReadonlyMap<unknown, readonly JsonEntry[]>;
  readonly calls: readonly RecordedCall[];
  readonly logs: readonly RecordedLog[];
}

/** Read the recorded data; undefined, and loudly, when it is not there. */
export function readRecorded(): Recorded | undefined {
  try {
    Deno.statSync(`${SHARED_DATA}/mainnet`);
  } catch {
    // deno-lint-ignore no-console -- a skipped test must not look like a pass
    console.error(`SKIPPED: recorded data not found at ${SHARED_DATA}`);
    return undefined;
  }
  return { ...readAbis(), ...readBlocks() };
}

function readAbis(): Omit<Recorded, "calls" | "logs"> {
  const index = new AbiIndex();
  const entries = new Map<unknown, JsonEntry>();
  const files = new Map<unknown, readonly JsonEntry[]>();
  for (const [name, address] of Object.entries(CONTRACTS)) {
    const text = Deno.readTextFileSync(`${SHARED_DATA}/abis/${name}.json`);
    const abi = parseAbi(text);
    index.add(abi, ...(address === null ? [] : [address]));
    const source: readonly JsonEntry[] = JSON.parse(text);
    for (const [parsed, entry] of pairs(abi, source)) {
      entries.set(parsed, entry);
      files.set(parsed, source);
    }
  }
  return { index, entries, files };
}

function pairs(
  { functions, events }: Abi,
  source: readonly JsonEntry[],
): [unknown, JsonEntry][] {
  const ofType = (type: string) => source.filter((each) => each.type === type);
  const [calls, logs] = [ofType("function"), ofType("event")];
  return [
    ...functions.map((abi, i): [unknown, JsonEntry] => [abi, calls[i]!]),
    ...events.map((abi, i): [unknown, JsonEntry] => [abi, logs[i]!]),
  ];
}

function readBlocks(): Pick<Recorded, "calls" | "logs"> {
  const calls: RecordedCall[] = [];
  const logs: RecordedLog[] = [];
  for (const { name } of Deno.readDirSync(`${SHARED_DATA}/mainnet`)) {
    if (!/^\d+\.json$/.test(name)) continue;
    const { block, receipts } = JSON.parse(
      Deno.readTextFileSync(`${SHARED_DATA}/mainnet/${name}`),
    );
    calls.push(...block.transactions);
    for (const receipt of receipts ?? []) logs.push(...receipt.logs);
  }
  return { calls, logs };
}
