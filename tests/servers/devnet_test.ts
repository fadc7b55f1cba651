import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Abi, decodeFunctionData, type Hex } from "viem";
import {
  openRecording,
  type Recording,
} from "../../connectors/evm/recording/recording.ts";
import { ADDRESSES } from "../../servers/devnet/addresses.ts";

const ROOT = new URL("../../", import.meta.url);
const CONFIG = path("servers/devnet/deno.json");
const LOCAL = path("pipelines/recordings/local.jsonl.gz");

// Enough for the setup, blobs, delegations, failures and empty blocks.
const REPLAYED_BLOCKS = 40;

interface Transaction {
  readonly hash: Hex;
  readonly type: Hex;
  readonly to: Hex | null;
  readonly input: Hex;
  readonly v: Hex;
  readonly chainId?: Hex;
  readonly blobVersionedHashes?: readonly Hex[];
  readonly authorizationList?: readonly unknown[];
}

interface Receipt {
  readonly transactionHash: Hex;
  readonly status: Hex;
  readonly contractAddress: Hex | null;
  readonly logs: readonly { readonly topics: readonly Hex[] }[];
}

interface Block {
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly timestamp: Hex;
  readonly transactions: readonly Transaction[];
}

interface Pair {
  readonly transaction: Transaction;
  readonly receipt: Receipt;
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, ROOT));
}

function blocksOf(recording: Recording): Block[] {
  const { from, to } = recording.header;
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const number = `0x${(from + index).toString(16)}`;
    const block = recording.answer("eth_getBlockByNumber", [number, true]);
    assert(block, `block ${from + index} is missing`);
    return block as Block;
  });
}

function pairsOf(recording: Recording): Pair[] {
  return blocksOf(recording).flatMap((block, height) => {
    const number = `0x${height.toString(16)}`;
    const receipts = recording.answer("eth_getBlockReceipts", [number]);
    return block.transactions.map((transaction, index) => {
      const receipt = (receipts as Receipt[])[index]!;
      assert.equal(receipt.transactionHash, transaction.hash);
      return { transaction, receipt };
    });
  });
}

Deno.test("local.jsonl.gz is a whole chain of blocks and receipts", async () => {
  const recording = await openRecording(LOCAL);
  assert.equal(recording.header.chain_id, 31337);
  assert.equal(recording.header.from, 0);
  assert.equal(recording.answer("eth_chainId"), "0x7a69");
  assert.equal(recording.size, 2 * (recording.header.to + 1) + 1);
  const { size } = await Deno.stat(LOCAL);
  assert(size < 2_000_000, `${size} bytes`);
  const blocks = blocksOf(recording);
  for (const [height, block] of blocks.entries()) {
    if (height === 0) continue;
    assert.equal(block.parentHash, blocks[height - 1]!.hash);
    assert.equal(
      Number(block.timestamp) - Number(blocks[height - 1]!.timestamp),
      12,
    );
  }
});

Deno.test("local.jsonl.gz holds every kind of transaction", async () => {
  const recording = await openRecording(LOCAL);
  const pairs = pairsOf(recording);
  const least = (count: number, what: (pair: Pair) => boolean) => {
    const found = pairs.filter(what).length;
    assert(found >= count, `${found} of ${what}`);
  };
  const failed = ({ receipt }: Pair) => receipt.status === "0x0";
  least(2_500, () => true);
  least(50, (pair) => failed(pair) && pair.transaction.to !== null);
  least(5, (pair) => failed(pair) && pair.transaction.to === null);
  least(30, ({ receipt }) => receipt.contractAddress !== null);
  least(50, ({ transaction }) => transaction.chainId === undefined);
  for (const type of ["0x0", "0x1", "0x2", "0x3"]) {
    least(20, ({ transaction }) => transaction.type === type);
  }
  least(10, ({ transaction }) => transaction.authorizationList !== undefined);
  least(
    10,
    ({ transaction }) => (transaction.blobVersionedHashes?.length ?? 0) > 1,
  );
  least(50, ({ transaction }) => transaction.input === "0x");
  least(3, ({ transaction }) => /^0x(..){1,3}$/.test(transaction.input));
  least(
    5,
    ({ receipt }) => receipt.logs.some((log) => log.topics.length === 0),
  );
  const counts = blocksOf(recording).map((block) => block.transactions.length);
  assert(counts.filter((count) => count === 0).length > 20, "empty blocks");
  assert(Math.max(...counts) >= 150, "a full block");
});

Deno.test("local.jsonl.gz has its contracts where addresses.ts says", async () => {
  const pairs = pairsOf(await openRecording(LOCAL));
  const made = new Set(pairs.map(({ receipt }) => receipt.contractAddress));
  const called = new Set(pairs.map(({ transaction }) => transaction.to));
  for (const [name, address] of Object.entries(ADDRESSES)) {
    // The pairs, which the factory creates, and Multicall3, which the node
    // has from the start, are only called.
    assert(made.has(address) || called.has(address), name);
  }
  const readme = await Deno.readTextFile(
    path("pipelines/recordings/README.md"),
  );
  for (const [name, address] of Object.entries(ADDRESSES)) {
    assert(readme.includes(address), `${name} is not in the README`);
  }
});

Deno.test("pipelines/abis decode the calls of local.jsonl.gz", async () => {
  const files = {
    [ADDRESSES.router]: "uniswap_v2_router02",
    [ADDRESSES.workbench]: "workbench",
    [ADDRESSES.weth]: "weth9",
    [ADDRESSES.usd]: "erc20",
    [ADDRESSES.collectible]: "erc721",
    [ADDRESSES.items]: "erc1155",
    [ADDRESSES.multicall3]: "multicall3",
  };
  const abis = new Map<string, Abi>();
  for (const [address, name] of Object.entries(files)) {
    const text = await Deno.readTextFile(path(`pipelines/abis/${name}.json`));
    abis.set(address, JSON.parse(text));
  }
  const names = new Set<string>();
  for (const { transaction, receipt } of pairsOf(await openRecording(LOCAL))) {
    const abi = abis.get(transaction.to ?? "");
    if (!abi || receipt.status !== "0x1") continue;
    try {
      names.add(
        decodeFunctionData({ abi, data: transaction.input }).functionName,
      );
    } catch {
      // A mint, or one of the calls that are meant to be undecodable.
    }
  }
  for (
    const name of [
      "addLiquidity addLiquidityETH aggregate3 approve deposit label multicall",
      "quote removeLiquidity removeLiquidityETH safeBatchTransferFrom",
      "safeTransferFrom setApprovalForAll store swapETHForExactTokens",
      "swapExactETHForTokens swapExactTokensForETH swapExactTokensForTokens",
      "swapTokensForExactETH swapTokensForExactTokens transfer transferFrom",
      "whisper withdraw",
    ].join(" ").split(" ")
  ) {
    assert(names.has(name), `no call of ${name}`);
  }
});

const installed = await install();

async function install(): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet", "--frozen", "--config", CONFIG],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success && Deno.build.os !== "windows") return true;
  // deno-lint-ignore no-console
  console.error(
    "SKIPPED: the local chain cannot be installed:",
    new TextDecoder().decode(stderr).trim(),
  );
  return false;
}

function spawn(script: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", CONFIG, path(script), ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** A live chain; killed if the test leaves it running. */
class Devnet implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly stderr: Promise<string>;
  readonly #stdout: ReadableStreamDefaultReader<string>;

  constructor(...args: readonly string[]) {
    this.child = spawn("servers/devnet/devnet.ts", args);
    this.stderr = new Response(this.child.stderr).text();
    this.#stdout = this.child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** The first line that it prints. */
  async url(): Promise<string> {
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await this.#stdout.read();
      if (done) assert.fail(`it ended early: ${await this.stderr}`);
      text += value;
    }
    return text.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#stdout.cancel();
    await this.child.status;
    await this.stderr;
  }
}

async function call(
  url: string,
  method: string,
  params: unknown[] = [],
): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return (await response.json()).result;
}

/** Ask again and again, for a minute at most. */
async function until(condition: () => Promise<boolean>, what: string) {
  const deadline = Date.now() + 60_000;
  while (!await condition()) {
    assert(Date.now() < deadline, `gave up waiting: ${what}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

function height(url: string, least: number): Promise<void> {
  return until(
    async () => Number(await call(url, "eth_blockNumber")) >= least,
    `block ${least}`,
  );
}

function gone(url: string): Promise<void> {
  return until(
    () => call(url, "eth_chainId").then(() => false, () => true),
    "the node's end",
  );
}

Deno.test({
  name: "record.ts plays the committed blocks again",
  ignore: !installed,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const file = `${folder}/again.jsonl.gz`;
      const { success, stderr } = await spawn("servers/devnet/record.ts", [
        ...["--blocks", `${REPLAYED_BLOCKS}`],
        ...["--output", file],
      ]).output();
      assert(success, new TextDecoder().decode(stderr));
      const again = blocksOf(await openRecording(file));
      const committed = blocksOf(await openRecording(LOCAL));
      assert.equal(again.length, REPLAYED_BLOCKS + 1);
      for (const [number, block] of again.entries()) {
        assert.deepEqual(block, committed[number]);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "devnet.ts makes blocks and reorgs until SIGINT, which may come twice",
  ignore: !installed,
  async fn() {
    await using devnet = new Devnet(
      ...["--port", "0", "--every", "10ms", "--reorg-every", "4"],
    );
    const url = await devnet.url();
    assert.equal(await call(url, "eth_chainId"), "0x7a69");
    await height(url, 9);
    const router = await call(url, "eth_getCode", [ADDRESSES.router, "latest"]);
    assert((router as string).length > 1000, "the router is not there");
    devnet.child.kill("SIGINT");
    devnet.child.kill("SIGINT");
    const { code } = await devnet.child.status;
    assert.equal(code, 0, await devnet.stderr);
    await gone(url);
    assert.match(await devnet.stderr, /Block 1: 3 transactions/);
    assert.match(await devnet.stderr, /Blocks 7 to 8: reorganised/);
  },
});

Deno.test({
  name: "startAnvil() leaves no node behind when its program is killed",
  ignore: !installed,
  async fn() {
    await using devnet = new Devnet("--port", "0");
    const url = await devnet.url();
    assert.equal(await call(url, "eth_chainId"), "0x7a69");
    devnet.child.kill("SIGKILL");
    await gone(url);
  },
});

Deno.test({
  name: "devnet.ts refuses what it cannot do",
  ignore: !installed,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    await using taken = new Devnet("--port", `${port}`);
    assert.equal((await taken.child.status).code, 1);
    assert.match(await taken.stderr, /Anvil did not start.*in use/);
    await using unknown = new Devnet("--evry", "1s");
    assert.equal((await unknown.child.status).code, 2);
    assert.match(await unknown.stderr, /'--evry'.*Usage: /s);
  },
});
