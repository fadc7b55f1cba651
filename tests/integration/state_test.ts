/**
 * Contract state of a real node: in few calls, pinned to its block, taken
 * back with it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { UserError } from "../../runtime/component.ts";
import { AnvilNode } from "../fixtures/anvil.ts";
import { StatePipeline, type StateRow } from "./state_pipeline.ts";

/** Where `State.sol` expects it. */
const ANSWERS = "0x00000000000000000000000000000000000a5005";

const MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11";

const SILENT = address(1);
const MORTAL = address(2);

/** Contracts that are read, the two odd ones among them. */
const contracts = Array.from({ length: 1000 }, (_, index) => address(index));

const reads = {
  answer: ["latestAnswer() returns (int256)", "0x50d25bcd"],
  decimals: ["decimals() returns (uint8)", "0x313ce567"],
  description: ["description() returns (string)", "0x7284e416"],
} as const;

function address(index: number): string {
  return `0x${(0xfeed0000 + index).toString(16).padStart(40, "0")}`;
}

function word(value: number): string {
  return value.toString(16).padStart(64, "0");
}

/** Put what is read on a node. */
async function furnish(node: AnvilNode): Promise<void> {
  const { Answers, Feed, MortalFeed, Multicall3, SilentFeed } = node.code;
  await node.put({
    ...Object.fromEntries(contracts.map((one) => [one, Feed ?? ""])),
    [ANSWERS]: Answers ?? "",
    [MULTICALL3]: Multicall3 ?? "",
    [SILENT]: SilentFeed ?? "",
    [MORTAL]: MortalFeed ?? "",
  });
}

/** A block in which all answers change. */
async function move(node: AnvilNode, value: number): Promise<void> {
  // set(int256)
  await node.send({ to: ANSWERS, data: `0xe5c19b2d${word(value)}` });
  await node.mine();
}

function spec(every: string, more = ""): string {
  const read = Object.entries(reads).map(([name, [text]]) =>
    `      ${name}: ${text}`
  );
  return `
name: feeds
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
sources:
  feeds:
    type: evm.state
    connection: eth
    every: ${every}
    start: 1
${more}    contracts: [${contracts.map((one) => `"${one}"`).join(", ")}]
    read:
${read.join("\n")}
sinks:
  rows: { type: file, from: feeds, path: rows.jsonl }
`;
}

/** What the contract itself says at the block of a row. */
async function direct(node: AnvilNode, row: StateRow): Promise<string[]> {
  return await Promise.all(
    Object.values(reads).map(async ([, data]) => {
      const block = { blockHash: row["block_hash"] };
      const to = row["contract"];
      return await node.call<string>("eth_call", { to, data }, block)
        .catch(() => "reverted");
    }),
  );
}

/** What a row says, as the contract would. */
function said({ answer, decimals, description }: StateRow): string[] {
  const text = typeof description === "string"
    ? new TextEncoder().encode(description)
    : undefined;
  return [
    answer === null ? "none" : `0x${word(Number(answer))}`,
    decimals === null ? "none" : `0x${word(Number(decimals))}`,
    text === undefined
      ? "none"
      : `0x${word(32)}${word(text.length)}${text.toHex().padEnd(64, "0")}`,
  ];
}

async function assertPinned(
  node: AnvilNode,
  rows: readonly StateRow[],
): Promise<void> {
  for (const row of rows) {
    const got = await direct(node, row);
    const wanted = got.map((data) => /^0x.{64}/.test(data) ? data : "none");
    assert.deepEqual(said(row), wanted, JSON.stringify(row));
  }
}

Deno.test("evm.state reads 1,000 contracts thrice a block in two calls, through a reorg", async () => {
  // Before Cancun a contract can still be destroyed.
  await using node = await AnvilNode.start({ hardfork: "shanghai" });
  await furnish(node);
  await move(node, 100);
  await using pipeline = await StatePipeline.make(spec("1 block"), node.url);
  const run = pipeline.start();
  const at = () => pipeline.metrics.total("sluice_source_position");
  try {
    await run.until(() => at() === 1, "the first block is read");
    for (let block = 2; block <= 5; block++) {
      // destroy()
      if (block === 3) await node.send({ to: MORTAL, data: "0x83197ef0" });
      await move(node, 100 * block);
      await run.until(() => at() === block, `block ${block} is read`);
    }
    assert.equal(pipeline.calls("eth_call"), 2 * 5);
    await node.call("anvil_reorg", 2, []);
    const { hash } = await node.block(4);
    const fork = await node.block(5);
    // Anvil takes the state of its newest block from its own head, which must
    // not move meanwhile.
    await run.until(
      () =>
        pipeline.rows("rows").some((row) => row["block_hash"] === fork.hash),
      "the new fork is read",
    );
    await move(node, 999);
    await run.until(
      () => pipeline.rows("rows").some((row) => row["block_number"] === 6),
      "the block on top of it is read",
    );
    await run.stop();
    const rows = pipeline.rows("rows");
    assert.equal(rows.length, 6 * contracts.length);
    assert.ok(
      rows.every((row) =>
        row["block_number"] !== 4 || row["block_hash"] === hash
      ),
    );
    const retracted = pipeline.changes("rows")
      .filter(({ op }) => op === "retract");
    assert.equal(retracted.length, 2 * contracts.length);

    const odd = rows.filter(({ contract }) =>
      contract === SILENT || contract === MORTAL
    );
    const sample = rows.filter((_, index) => index % 97 === 0);
    await assertPinned(node, [...odd, ...sample]);
    const none = "no answer: no contract here at this block, or one without " +
      "this function";
    const destroyed = odd.find(({ block_number, contract }) =>
      contract === MORTAL && block_number === 3
    );
    assert.equal(
      destroyed?.["error"],
      `answer: ${none}; decimals: ${none}; description: ${none}`,
    );
    assert.ok(
      odd.some(({ contract, error }) =>
        contract === SILENT &&
        String(error).startsWith("answer: reverted: No data present")
      ),
    );
  } finally {
    await run.stop().catch(() => {});
  }
});

Deno.test("evm.state goes on where it was: no value twice, none of a lost fork", async (t) => {
  await using node = await AnvilNode.start({ states: 16 });
  const { Answers = "", Feed = "", Multicall3 = "" } = node.code;
  const feeds = [address(1), address(2)];
  await node.put({
    ...Object.fromEntries(feeds.map((one) => [one, Feed])),
    [ANSWERS]: Answers,
    [MULTICALL3]: Multicall3,
  });
  const spec = (start: number) => `
name: feeds
connections:
  eth: { type: evm, url: "\${ETH_RPC_URL}" }
sources:
  feeds:
    type: evm.state
    connection: eth
    every: 1 block
    start: ${start}
    contracts: ["${feeds.join('", "')}"]
    read: { answer: latestAnswer() returns (int256) }
    only_changes: [answer]
sinks:
  rows: { type: file, from: feeds, path: rows.jsonl }
`;
  await t.step("a restart repeats nothing, a reorg takes back", async () => {
    await move(node, 10_000);
    await using pipeline = await StatePipeline.make(spec(1), node.url);
    const read = () =>
      pipeline.rows("rows").map((row) => [row["block_number"], row["answer"]]);
    const at = () => pipeline.metrics.total("sluice_source_position");
    const settled = async () => {
      const run = pipeline.start();
      const { number } = await node.block("latest");
      await run.until(() => at() === Number(number), `block ${number} is read`);
      await run.stop();
    };
    const answers = feeds.map((one) => Number(BigInt(one) % 10_000n));
    const of = (block: number, value: number) =>
      answers.map((answer) => [block, `${value + answer}`]);
    await settled();
    assert.deepEqual(read(), of(1, 10_000));
    await node.mine();
    await settled();
    assert.deepEqual(read(), of(1, 10_000));
    await move(node, 20_000);
    await settled();
    assert.deepEqual(read(), [...of(1, 10_000), ...of(3, 20_000)]);
    // While nothing runs the change is lost, and comes again a block later.
    await node.call("anvil_reorg", 1, []);
    await move(node, 20_000);
    await settled();
    assert.deepEqual(read(), [...of(1, 10_000), ...of(4, 20_000)]);
  });

  await t.step(
    "a node without the state says since when it has it",
    async () => {
      await node.call("anvil_mine", "0x78");
      const latest = Number((await node.block("latest")).number);
      await using pipeline = await StatePipeline.make(spec(3), node.url);
      await assert.rejects(pipeline.start(latest).done, (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(
          error.message,
          'Cannot read the state of block 3: no endpoint of "eth" keeps it, ' +
            `the oldest that they have is block ${latest - 16}; start there, ` +
            "or name an archive node",
        );
        return true;
      });
    },
  );
});
