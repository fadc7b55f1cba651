/**
 * The pipelines of contract state that come with Sluice, on a node where
 * mainnet's addresses answer as the real contracts do.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  parseAbi,
} from "viem";
import { AnvilNode } from "../fixtures/anvil.ts";
import { StatePipeline, type StateRow } from "./state_pipeline.ts";

const ANSWERS = "0x00000000000000000000000000000000000a5005";
const MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11";
const FACTORY = "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f";
const OTHER_FACTORY = "0x0000000000000000000000000000000000fac704";
const POOL = "0x87870bca3f3fd6335c3f4ce8392d69350b4fa4e2";
const ORACLE = "0x54586be62e3c3580375ae3723c145253060ca0c2";
const MAKER = "0x9f8f72aa9304c8b593d555f12ef6589cc3a579a2";

const abi = parseAbi([
  "function set(int256 next)",
  "function add(address asset)",
  "function createPair(address a, address b) returns (address)",
  "function getPair(address a, address b) view returns (address)",
  "function mint(address to, uint256 amount)",
  "function sync()",
]);

/** What there is on the node besides. */
class World {
  readonly node: AnvilNode;

  constructor(node: AnvilNode) {
    this.node = node;
  }

  /** Send a call into the next block. */
  async send(
    to: string,
    functionName: (typeof abi)[number]["name"],
    args: readonly unknown[] = [],
  ): Promise<void> {
    const data = encodeFunctionData({ abi, functionName, args } as never);
    await this.node.send({ to, data });
  }

  /** Deploy creation code; the address is known when the next block is. */
  async deploy(data: string): Promise<string> {
    const hash = await this.node.send({ data });
    await this.node.mine();
    const receipt = await this.node.call<{ contractAddress: string }>(
      "eth_getTransactionReceipt",
      hash,
    );
    return receipt.contractAddress;
  }

  async token(name: string, symbol: string): Promise<string> {
    const args = encodeAbiParameters(
      [{ type: "string" }, { type: "string" }, { type: "uint8" }],
      [name, symbol, 18],
    );
    return await this.deploy(`${this.node.creation["Token"]}${args.slice(2)}`);
  }

  async pair(factory: string, a: string, b: string): Promise<string> {
    const data = encodeFunctionData({
      abi,
      functionName: "getPair",
      args: [a as Hex, b as Hex],
    });
    const answer = await this.node.call<string>(
      "eth_call",
      { to: factory, data },
      "latest",
    );
    return `0x${answer.slice(-40)}`;
  }

  /** Mine up to a number and return the last block. */
  async mineTo(number: number): Promise<void> {
    const { number: at } = await this.node.block("latest");
    const count = number - Number(at);
    if (count > 0) {
      await this.node.call("anvil_mine", `0x${count.toString(16)}`);
    }
  }

  async height(): Promise<number> {
    return Number((await this.node.block("latest")).number);
  }
}

async function make(name: string, node: AnvilNode): Promise<StatePipeline> {
  const file = new URL(`../../pipelines/${name}.yaml`, import.meta.url);
  return await StatePipeline.make(await Deno.readTextFile(file), node.url);
}

function values(rows: readonly StateRow[], ...columns: string[]): unknown[][] {
  return rows.map((row) => columns.map((column) => row[column]));
}

Deno.test("The pipelines of contract state read what mainnet's contracts say", async (t) => {
  await using node = await AnvilNode.start({ chainId: 1 });
  const world = new World(node);
  const { code } = node;
  await node.put({
    [ANSWERS]: code["Answers"] ?? "",
    [MULTICALL3]: code["Multicall3"] ?? "",
    [POOL]: code["Pool"] ?? "",
    [ORACLE]: code["PriceOracle"] ?? "",
    [MAKER]: code["WordToken"] ?? "",
  });
  const dai = await world.token("Dai Stablecoin", "DAI");
  const weth = await world.token("Wrapped Ether", "WETH");

  await t.step("price_feeds.yaml", async () => {
    const feeds = {
      eth_usd: "0x5f4ec3df9cbd43714fe2740f5e3616155c5b8419",
      btc_usd: "0xf4030086522a5beea4988f8ca5b36dbc97bee88c",
    };
    await node.put(
      Object.fromEntries(
        Object.values(feeds).map((one) => [one, code["Feed"] ?? ""]),
      ),
    );
    await world.send(ANSWERS, "set", [250_000_000_000n]);
    await world.mineTo(10);
    await using pipeline = await make("price_feeds", node);
    const run = pipeline.start();
    const read = () =>
      values(
        pipeline.rows("answers").filter(({ error }) => error === null),
        ...["name", "block_number", "answer", "decimals", "description"],
      );
    try {
      await run.until(() => read().length === 2, "block 10 is read");
      await world.mineTo(21);
      await world.send(ANSWERS, "set", [260_000_000_000n]);
      await world.mineTo(31);
      await run.until(() => read().length === 4, "the change is read");
    } finally {
      await run.stop();
    }
    const rest = [8, "ANY / USD"];
    // Nothing has changed in block 20.
    assert.deepEqual(read(), [
      ["eth_usd", 10, "250000000000", ...rest],
      ["btc_usd", 10, "250000000000", ...rest],
      ["eth_usd", 30, "260000000000", ...rest],
      ["btc_usd", 30, "260000000000", ...rest],
    ]);
    // The three others are not on this chain: rows say so, once.
    const missing = pipeline.rows("answers").length - 4;
    assert.equal(missing, 3);
  });

  await t.step("uniswap_v2_reserves.yaml", async () => {
    const deployed = await world.deploy(
      `${node.creation["Factory"]}${"0".repeat(64)}`,
    );
    const factory = await node.call<string>("eth_getCode", deployed, "latest");
    await node.put({ [FACTORY]: factory, [OTHER_FACTORY]: factory });
    await using pipeline = await make("uniswap_v2_reserves", node);
    const run = pipeline.start();
    const at = () => pipeline.metrics.total("sluice_source_position");
    const reach = async () => {
      const height = await world.height();
      await run.until(() => at() === height, `block ${height} is read`);
    };
    const fill = async (pair: string, amount: bigint) => {
      await world.send(dai, "mint", [pair, amount]);
      await world.send(weth, "mint", [pair, 2n * amount]);
      await world.send(pair, "sync");
      await node.mine();
    };
    try {
      await run.until(() => at() > 0, "it has begun");
      await world.send(FACTORY, "createPair", [dai, weth]);
      await world.send(OTHER_FACTORY, "createPair", [dai, weth]);
      await node.mine();
      const pair = await world.pair(FACTORY, dai, weth);
      await fill(pair, 1000n);
      await fill(await world.pair(OTHER_FACTORY, dai, weth), 7n);
      await fill(pair, 500n);
      await reach();
      const kept = await world.height();
      await world.send(FACTORY, "createPair", [dai, MAKER]);
      await node.mine();
      await fill(pair, 1n);
      await reach();
      await node.call("anvil_reorg", 2, []);
      await node.mine();
      await run.until(() => at() === kept + 3, "the new fork is read");
      await run.stop();

      const [, two] = dai < weth ? [0, 1] : [1, 0];
      const rows = pipeline.rows("reserve_table");
      assert.deepEqual(
        values(rows, "contract", "block_number", `reserve${two}`, "supply"),
        [
          [pair, kept - 2, "2000", "0"],
          [pair, kept, "3000", "0"],
        ],
      );
      const created = pipeline.rows("pair_table");
      assert.equal(created.length, 1);
      const { args } = created[0] as { args: { pair: string } };
      assert.equal(args.pair, pair);
      // The second pair and the last reserves were there, and were taken back.
      const taken = (sink: string) =>
        pipeline.changes(sink).filter(({ op }) => op === "retract").length;
      assert.deepEqual([taken("pair_table"), taken("reserve_table")], [1, 1]);
    } finally {
      await run.stop().catch(() => {});
    }
  });

  await t.step("aave_reserves.yaml", async () => {
    await world.send(POOL, "add", [MAKER]);
    await world.send(POOL, "add", [dai]);
    const due = Math.ceil((await world.height() + 1) / 25) * 25;
    await world.mineTo(due - 2);
    await using pipeline = await make("aave_reserves", node);
    const run = pipeline.start();
    const prices = () => pipeline.rows("price_table");
    try {
      await run.until(() => prices().length === 2, "the first prices are read");
      await world.send(ANSWERS, "set", [3n]);
      await node.mine();
      await world.send(POOL, "add", [weth]);
      await world.mineTo(due);
      await run.until(() => prices().length === 7, "three blocks are read");
    } finally {
      await run.stop();
    }
    assert.deepEqual(
      values(pipeline.rows("token_table"), "symbol", "token_name", "decimals"),
      [["MKR", "Maker", 18], ["DAI", "Dai Stablecoin", 18], [
        "WETH",
        "Wrapped Ether",
        18,
      ]],
    );
    const price = (asset: string, value: bigint) =>
      String(value * 10_000n + BigInt(asset) % 10_000n);
    assert.deepEqual(values(prices(), "block_number", "asset", "price"), [
      [due - 2, MAKER, price(MAKER, 260_000_000_000n)],
      [due - 2, dai, price(dai, 260_000_000_000n)],
      [due - 1, MAKER, price(MAKER, 3n)],
      [due - 1, dai, price(dai, 3n)],
      [due, MAKER, price(MAKER, 3n)],
      [due, dai, price(dai, 3n)],
      [due, weth, price(weth, 3n)],
    ]);
  });
});
