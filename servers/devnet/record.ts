/**
 * Play the scenario as fast as the node can and write it down:
 * `deno task recording [--blocks 300] [--output FILE]`. Without `--output`
 * the committed recording is replaced, and the ABI of our own contract with it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RecordingWriter } from "../../connectors/evm/recording/recording.ts";
import { CHAIN_ID } from "./addresses.ts";
import { startAnvil } from "./anvil.ts";
import { Chain } from "./chain.ts";
import { WORKBENCH } from "./contracts.ts";
import { play, type Played } from "./play.ts";

// 2026-01-01T00:00:00Z, then a slot of twelve seconds as on mainnet.
const GENESIS = 1_767_225_600;
const SLOT_SECONDS = 12;

const PIPELINES = new URL("../../pipelines/", import.meta.url);

interface Receipt {
  readonly status: string;
  readonly type: string;
}

/** What was recorded, and where. */
export interface Recorded {
  /** The file's full path. */
  readonly file: string;
  /** How often something was seen, by what it was. */
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * Record the scenario's first blocks into a file and count what is in them.
 *
 * @throws {Error} A transaction did not do what the scenario meant it to do.
 */
export async function record(file: string, blocks: number): Promise<Recorded> {
  await using node = await startAnvil({ port: 0, genesis: GENESIS });
  const chain = new Chain(node.url);
  const client = await chain.call<string>("web3_clientVersion");
  const header = { chain_id: CHAIN_ID, client, from: 0, to: blocks };
  await using writer = await RecordingWriter.create(file, header);
  await writer.add("eth_chainId", [], await chain.call("eth_chainId"));
  const counts = new Map<string, number>();
  await writeBlock(chain, writer, 0);
  let height = 0;
  const clock = (height: number) => GENESIS + SLOT_SECONDS * height;
  for await (const played of play(chain, clock)) {
    const receipts = await writeBlock(chain, writer, ++height);
    compare(played, receipts);
    tally(counts, played, receipts);
    if (height === blocks) break;
  }
  await writer.finish();
  return { file: writer.path, counts };
}

async function writeBlock(
  chain: Chain,
  writer: RecordingWriter,
  height: number,
): Promise<readonly Receipt[]> {
  const number = `0x${height.toString(16)}`;
  const block = ["eth_getBlockByNumber", [number, true]] as const;
  const receipts = ["eth_getBlockReceipts", [number]] as const;
  const results = await chain.calls([block, receipts]);
  await writer.add(...block, results[0]);
  await writer.add(...receipts, results[1]);
  return results[1] as readonly Receipt[];
}

function compare(
  { block, planned }: Played,
  receipts: readonly Receipt[],
): void {
  const height = Number(block.number);
  if (receipts.length !== planned.length) {
    throw new Error(
      `Block ${height} has ${receipts.length} of ${planned.length} transactions`,
    );
  }
  for (const [index, { activity, draft }] of planned.entries()) {
    const status = draft.fails ? "0x0" : "0x1";
    if (receipts[index]?.status !== status) {
      throw new Error(
        `Transaction ${index} of block ${height} (${activity}) should have ` +
          (draft.fails ? "failed" : "succeeded"),
      );
    }
  }
}

function tally(
  counts: Map<string, number>,
  { planned }: Played,
  receipts: readonly Receipt[],
): void {
  const add = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  if (planned.length === 0) add("empty blocks");
  for (const [index, { activity, draft, terms }] of planned.entries()) {
    add("transactions");
    add(`type ${Number(receipts[index]?.type)}, ${terms.envelope}`);
    if (draft.fails) add("failed");
    if (draft.to === null) add("creations");
    add(`activity: ${activity}`);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      blocks: { type: "string", default: "300" },
      output: { type: "string" },
    },
  });
  const blocks = Number(values.blocks);
  if (!Number.isSafeInteger(blocks) || blocks < 1) {
    throw new RangeError(`"${values.blocks}" is not a number of blocks`);
  }
  const committed = fileURLToPath(new URL("recordings/local", PIPELINES));
  const { file, counts } = await record(values.output ?? committed, blocks);
  const { size } = await Deno.stat(file);
  const lines = [...counts].toSorted().map(([name, count]) =>
    `${`${count}`.padStart(8)} ${name}\n`
  );
  await write(`${lines.join("")}${`${size}`.padStart(8)} bytes in ${file}\n`);
  if (values.output === undefined) {
    const abi = JSON.stringify(WORKBENCH.abi, undefined, 2) + "\n";
    await Deno.writeTextFile(new URL("abis/workbench.json", PIPELINES), abi);
  }
}

async function write(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(text));
}

if (import.meta.main) await main();
