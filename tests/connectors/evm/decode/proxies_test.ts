/** Calls through proxies on a real node: before, in and behind upgrades. */
import assert from "node:assert/strict";
import {
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  parseAbi,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { parseAbi as readAbi } from "../../../../connectors/evm/abi/abi.ts";
import { AbiIndex } from "../../../../connectors/evm/abi/abi_index.ts";
import { AbiStore } from "../../../../connectors/evm/lookup/store.ts";
import { RowDecoder } from "../../../../connectors/evm/decode/rows.ts";
import { explain } from "../../../../connectors/evm/decode/explain.ts";
import { Finder } from "../../../../connectors/evm/decode/finder.ts";
import { Proxies } from "../../../../connectors/evm/decode/proxies.ts";
import { schemas } from "../../../../connectors/evm/chain/schema.ts";
import { SignatureDatabase } from "../../../../connectors/evm/decode/signatures.ts";
import type { Op, Row, SourceUnit } from "../../../../runtime/component.ts";
import { createScheduler } from "../../../../runtime/budget/scheduler.ts";
import { systemClock } from "../../../../runtime/run/clock.ts";
import { openContext } from "../../../contracts/open_context.ts";
import {
  BareChain,
  canRunChains,
  type Sent,
} from "../../../fixtures/bare_chain.ts";
import { Workplace } from "../../../integration/program.ts";
import { openConnection, openSource } from "../chain/open_chain.ts";

const ignore = !await canRunChains();

const CHAIN_ID = 31337;

const abi = parseAbi([
  "function set(uint256 value) payable",
  "function upgradeTo(address implementation)",
  "struct Cut { address facet; uint8 action; bytes4[] selectors; }",
  "function diamondCut(Cut[] cuts, address init, bytes data)",
]);
const set = encodeFunctionData({ abi, functionName: "set", args: [5n] });
const upgradeTo = (to: string) =>
  encodeFunctionData({ abi, functionName: "upgradeTo", args: [to as Hex] });
const cut = (facet: string) =>
  encodeFunctionData({
    abi,
    functionName: "diamondCut",
    args: [
      [{
        facet: facet as Hex,
        action: 0,
        selectors: [set.slice(0, 10) as Hex],
      }],
      `0x${"00".repeat(20)}`,
      "0x",
    ],
  });
const word = (address: string) =>
  encodeAbiParameters([{ type: "address" }], [address as Hex]).slice(2);

// The second account of the test mnemonic: it signs its own delegations.
const delegator = privateKeyToAccount(
  "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
);

/** A transaction that delegates the second account to code. */
async function delegation(chain: BareChain, to: string): Promise<string> {
  const nonce = Number(
    await chain.ask(
      "eth_getTransactionCount",
      delegator.address,
      "latest",
    ),
  );
  const authorization = await delegator.signAuthorization({
    address: to as Hex,
    chainId: CHAIN_ID,
    // The transaction itself comes first.
    nonce: nonce + 1,
  });
  return await delegator.signTransaction({
    type: "eip7702",
    chainId: CHAIN_ID,
    nonce,
    gas: 200_000n,
    maxFeePerGas: 10_000_000_000n,
    maxPriorityFeePerGas: 0n,
    to: delegator.address,
    data: set,
    authorizationList: [authorization],
  });
}

/** Decodes the units of a chain as a pipeline does. */
async function decoding(
  chain: BareChain,
  port: "transactions" | "logs",
  versions: Readonly<Record<string, string>>,
) {
  const context = openContext({ name: "eth" });
  const client = await openConnection({ url: chain.url }, context);
  await client.health();
  const index = new AbiIndex();
  for (const [address, name] of Object.entries(versions)) {
    const set = `set(uint256 ${name})`;
    index.add(readAbi([`function ${set}`, `event S${set.slice(1)}`]), address);
  }
  const signatures = new SignatureDatabase();
  const input = schemas[port];
  const decoder = new RowDecoder({ index, input, signatures });
  const finder = new Finder({
    stage: `p/${port}`,
    index,
    signatures,
    store: new AbiStore(":memory:"),
    lookup: undefined,
    proxies: new Proxies(client, context.log),
    wait: 30_000,
    clock: systemClock,
    log: context.log,
    signal: context.signal,
  });
  const apply = async (unit: SourceUnit, op: Op = "insert") => {
    const out: Row[] = [];
    const emit = Object.assign((_: string, row: Row) => void out.push(row), {
      reject: () => assert.fail("nothing is rejected"),
    });
    const info = { ...unit, op, version: 0 };
    await finder.decode(unit.rows[port] ?? [], emit, info, decoder);
    return out;
  };
  const source = await openSource(client, {
    uses: { transactions: "all", logs: "all" },
    written: { emit: ["transactions", "logs"], poll: "10ms" },
  });
  /** The units from one block to another. */
  const read = async (from: number, to: number) => {
    const units: SourceUnit[] = [];
    const { signal } = new AbortController();
    const options = { from, to, signal, after: undefined, onHead() {} };
    for await (const unit of source.read(options)) {
      assert(unit !== "fork");
      units.push(unit);
    }
    return units;
  };
  return { apply, read, close: () => finder.close() };
}

/** Which version a row was decoded with, by the name of its argument. */
const versionsOf = (rows: readonly Row[]) =>
  rows.map(({ args, decode_kind }) =>
    decode_kind === "full" ? Object.keys(args as object)[0] : decode_kind
  );

/** A chain with every kind of proxy, forwarding to the first version. */
async function setUp(chain: BareChain) {
  const code = (name: string) => chain.contracts[name] ?? "0x";
  const [first = "", second = ""] = await chain.deploy(
    code("First"),
    code("Second"),
  );
  const clone = "0x3d602d80600a3d3981f3363d3d373d3d3d363d73" +
    `${first.slice(2)}5af43d82803e903d91602b57fd5bf3`;
  const [logic = "", beacon = "", minimal = "", diamond = ""] = await chain
    .deploy(
      code("LogicProxy") + word(first),
      code("Beacon") + word(first),
      clone,
      code("Diamond"),
    );
  const [beacons = ""] = await chain.deploy(
    code("BeaconsProxy") + word(beacon),
  );
  await chain.mine(
    { to: diamond, data: cut(first) },
    { raw: await delegation(chain, first) },
  );
  const account = delegator.address.toLowerCase();
  const proxies = [logic, beacons, minimal, diamond, account];
  return {
    beacon,
    diamond,
    first,
    logic,
    second,
    versions: { [first]: "first", [second]: "second" },
    calls: proxies.map((to): Sent => ({ to, data: set })),
  };
}

const height = async (chain: BareChain) =>
  Number(await chain.ask("eth_blockNumber"));

Deno.test("Finder decodes calls through proxies with the ABI of the block", {
  ignore,
}, async () => {
  await using chain = await BareChain.start();
  const { beacon, calls, diamond, first, logic, second, versions } =
    await setUp(chain);
  await chain.mine(...calls);
  const before = await height(chain);
  const snapshot = await chain.ask("evm_snapshot");
  const again = { to: logic, data: set };
  await chain.mine(
    again,
    { to: logic, data: upgradeTo(second) },
    again,
    { to: beacon, data: upgradeTo(second) },
    { to: diamond, data: cut(second) },
    { raw: await delegation(chain, second) },
  );
  await chain.mine(...calls);

  const { apply, close, read } = await decoding(
    chain,
    "transactions",
    versions,
  );
  const units = await read(before, before + 2);
  const [old, upgrade, now] = units;
  assert(old && upgrade && now);
  const five = (name: string) => Array(5).fill(name);
  const oldRows = await apply(old);
  assert.deepEqual(versionsOf(oldRows), five("first"));
  assert.deepEqual(
    oldRows.map(({ implementation }) => implementation),
    five(first),
  );
  assert.deepEqual(
    (versionsOf(await apply(upgrade))).slice(0, 3),
    ["first", "partial", "second"],
  );
  const logs = await decoding(chain, "logs", versions);
  assert.deepEqual(
    versionsOf(await logs.apply(upgrade)),
    ["first", "unknown", "second", "unknown", "unknown", "second"],
  );
  await logs.close();
  // The clone always forwards to the first version.
  const changed = ["second", "second", "first", "second", "second"];
  assert.deepEqual(versionsOf(await apply(now)), changed);

  // As a person reads it, by the block that it is in.
  const client = await openConnection({ url: chain.url });
  await client.health();
  const context = openContext();
  const scheduler = createScheduler(context);
  const tell = (row: Row | undefined) =>
    explain(String(row?.["transaction_hash"]), {
      abis: [],
      to: undefined,
      folder: ".",
      connection: client,
      context: { ...context, scheduler },
    });
  assert.equal(
    await tell(oldRows[0]),
    `set(uint256) at ${logic}, signature\n  value: 5`,
  );

  await using workplace = await Workplace.make(`
name: proxied
connections: { eth: { type: evm, url: "${chain.url}" } }
sources: { chain: { type: evm.chain, connection: eth, emit: [transactions] } }
transforms:
  calls:
    type: decode
    from: chain.transactions
    proxies: eth
    abis:
      - { address: "${first}", signatures: "set(uint256 first)" }
      - { address: "${second}", signatures: "set(uint256 second)" }
sinks: { out: { type: file, from: calls, path: calls.jsonl } }
`);
  /** Run the pipeline up to a block: what it wrote for each, in order. */
  const run = async (from: number, to: number) => {
    const range = ["--from", String(from), "--to", String(to)];
    const written = (await workplace.read("calls.jsonl")).length;
    const { code, stderr } = await workplace.run("run", "spec.yaml", ...range);
    assert.equal(code, 0, stderr);
    const lines = (await workplace.read("calls.jsonl")).slice(written);
    const blocks = new Map<string, unknown[]>();
    for (const line of lines.trim().split("\n")) {
      const row = JSON.parse(line);
      const key = `${row._op} ${row.block_number - before}`;
      blocks.set(key, [...blocks.get(key) ?? [], ...versionsOf([row])]);
    }
    return Object.fromEntries(blocks);
  };
  const upgraded = ["first", "signature", "second"];
  const { "insert 1": middle, ...rest } = await run(before, before + 2);
  assert.deepEqual(rest, { "insert 0": five("first"), "insert 2": changed });
  assert.deepEqual(middle?.slice(0, 3), upgraded);

  // A reorg across the upgrade: it never happened.
  assert(await chain.ask<boolean>("evm_revert", snapshot));
  await chain.mine(again);
  await chain.mine(...calls);
  await chain.mine({ to: logic, data: upgradeTo(second) });
  await chain.mine(...calls);
  assert.deepEqual(versionsOf(await apply(now, "retract")), changed);
  assert.deepEqual(
    versionsOf(await apply(upgrade, "retract")).slice(0, 3),
    ["first", "partial", "second"],
  );
  const others = await read(before + 1, before + 4);
  const versionsNow: unknown[] = [];
  for (const unit of others) versionsNow.push(versionsOf(await apply(unit)));
  assert.deepEqual(versionsNow, [
    ["first"],
    five("first"),
    ["partial"],
    ["second", "first", "first", "first", "first"],
  ]);
  const { "retract 1": back, ...all } = await run(before, before + 4);
  assert.deepEqual(back, middle);
  assert.deepEqual(all, {
    "retract 2": changed,
    "insert 1": ["first"],
    "insert 2": five("first"),
    "insert 3": ["signature"],
    "insert 4": ["second", "first", "first", "first", "first"],
  });
  await close();
});
