import assert from "node:assert/strict";
import {
  type OpenSource,
  type ReadOptions,
  RetryableError,
  type Row,
  type SourceUnit,
} from "../../../../runtime/component.ts";
import { RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { SimulatedChain } from "../../../fixtures/simulated/chain.ts";
import { methodMissing } from "../../../fixtures/simulated/dialect.ts";
import {
  SimulatedNode,
  type SimulatedNodeOptions,
} from "../../../fixtures/simulated/node.ts";
import { rowsOf } from "../../../fixtures/simulated/rows.ts";
import { callMethod, ChainView } from "../../../fixtures/simulated/rpc.ts";
import { ScriptedClient } from "../rpc/scripted_client.ts";
import {
  openConnection,
  openSource,
  type Uses,
  type Written,
} from "./open_chain.ts";

const LOGS = "eth_getLogs";
const BLOCK = "eth_getBlockByNumber";
const RECEIPTS = "eth_getBlockReceipts";
const logsOnly: Uses = { logs: "all" };

function start(
  length: number,
  options: SimulatedNodeOptions = {},
): Promise<SimulatedNode> {
  const chain = new SimulatedChain({ seed: 3 }).extend(length);
  return SimulatedNode.start(chain, options);
}

/** Open a chain of which the logs of one address are wanted. */
async function open(
  node: SimulatedNode,
  { connection = {}, source = {}, uses = logsOnly }: {
    connection?: Written;
    source?: Written;
    uses?: Uses;
  } = {},
): Promise<OpenSource> {
  const client = await openConnection({
    url: `${node.url}/key`,
    missing_timeout: "500ms",
    ...connection,
  });
  await client.health();
  node.reset();
  return await openSource(client, {
    uses,
    written: { poll: "20ms", ...source },
  });
}

async function read(
  source: OpenSource,
  options: Partial<ReadOptions>,
): Promise<SourceUnit[]> {
  const units: SourceUnit[] = [];
  const reading = source.read({
    after: undefined,
    from: undefined,
    to: undefined,
    signal: new AbortController().signal,
    onHead() {},
    ...options,
  });
  for await (const unit of reading) {
    if (unit === "fork") throw new Error("A fork");
    units.push(unit);
  }
  return units;
}

function rowsIn(units: readonly SourceUnit[], port = "logs"): Row[] {
  return units.flatMap(({ rows }) => [...rows[port] ?? []]);
}

/** Addresses with the blocks that have logs of them, the busiest first. */
function addresses(chain: SimulatedChain, from = 0, to = chain.head) {
  const blocks = new Map<string, Set<string>>();
  for (const { receipts } of chain.blocks(from, to)) {
    for (const { address, blockHash } of receipts.flatMap(({ logs }) => logs)) {
      blocks.set(address, (blocks.get(address) ?? new Set()).add(blockHash));
    }
  }
  return [...blocks].sort(([, a], [, b]) => b.size - a.size);
}

/** The address that has most logs, so that some are found and some not. */
function busiest(chain: SimulatedChain): string {
  return addresses(chain)[0]![0];
}

/** Rows of whole blocks: of an endpoint that does not search. */
async function whole(
  node: SimulatedNode,
  source: Written,
  range: Partial<ReadOptions>,
): Promise<Row[]> {
  const reader = await open(node, {
    connection: { lacks: [LOGS] },
    source,
  });
  return rowsIn(await read(reader, range));
}

Deno.test("evm.chain reads wanted logs of old blocks by ranges", async () => {
  await using node = await start(300);
  const where = { logs: { address: busiest(node.chain) } };
  const range = { from: 1, to: 200 };
  const source = await open(node, { source: { where } });
  const units = await read(source, range);
  const { byMethod } = node.stats();
  // The end, which is not old; then the head, safe and finalized.
  assert.equal(byMethod[BLOCK], 4);
  assert.ok(byMethod[LOGS]! <= 2, `${byMethod[LOGS]}`);
  assert.equal(byMethod[RECEIPTS], undefined);
  assert.deepEqual(
    units.map(({ number }) => number),
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
  assert.ok(units.every(({ final }) => final));
  const rows = rowsIn(units);
  assert.ok(rows.length > 50);
  assert.deepEqual(rows, await whole(node, { where }, range));
  for (const { id, number, rows, time } of units) {
    if (!rows["logs"]?.length) continue;
    const { block } = node.chain.canonical(number)!;
    assert.equal(id, block.hash);
    assert.equal(time, Number(block.timestamp) * 1000);
  }
});

Deno.test("evm.chain asks for the time of blocks with logs where logs do not tell it", async () => {
  await using node = await start(300, { logTimes: false });
  const [rarest, blocks] = addresses(node.chain, 1, 200).at(-1)!;
  const where = { logs: { address: rarest } };
  const range = { from: 1, to: 200 };
  const source = await open(node, {
    source: { where },
    connection: { batch: 10 },
  });
  const units = await read(source, range);
  const { byMethod, posts } = node.stats();
  assert.equal(byMethod[BLOCK], 4 + blocks.size);
  assert.ok(posts <= 4 + byMethod[LOGS]! + Math.ceil(blocks.size / 10) + 2);
  assert.deepEqual(rowsIn(units), await whole(node, { where }, range));
});

Deno.test("evm.chain reads block by block near the head, by hash and bloom", async () => {
  await using node = await start(120);
  const where = { logs: { address: busiest(node.chain) } };
  const range = { from: 1, to: 120 };
  const source = await open(node, { source: { where } });
  const units = await read(source, range);
  const near = node.calls.filter(({ method, params }) =>
    method === LOGS && "blockHash" in (params[0] as object)
  );
  const { finalized } = node.chain;
  assert.ok(near.length < 120 - finalized, "blooms leave blocks out");
  assert.ok(near.length > 0);
  const ids = node.chain.names(finalized, 120).map(({ hash }) => hash);
  assert.deepEqual(units.slice(finalized - 1).map(({ id }) => id), ids);
  units.slice(finalized).forEach((unit, index) => {
    assert.equal(unit.parent, ids[index]);
  });
  assert.deepEqual(rowsIn(units), await whole(node, { where }, range));
});

Deno.test("evm.chain splits ranges at the limits of a provider and remembers them", async () => {
  await using node = await start(500);
  node.limit({ maxRange: 30, maxLogs: 40 });
  const where = { logs: { address: busiest(node.chain) } };
  const range = { from: 1, to: 400 };
  const source = await open(node, { source: { where } });
  const rows = rowsIn(await read(source, range));
  const asked = node.calls.filter(({ method }) => method === LOGS)
    .map(({ blocks }) => blocks![1] - blocks![0] + 1);
  assert.equal(asked.filter((length) => length > 30).length, 1);
  assert.ok(asked.length < 60, `${asked.length} calls`);
  assert.deepEqual(rows, await whole(node, { where }, range));
});

Deno.test("evm.chain never makes a range smaller because of a rate", async () => {
  await using node = await start(400);
  const address = busiest(node.chain);
  const lengths = async () => {
    const source = await open(node, {
      source: { where: { logs: { address } } },
    });
    await read(source, { from: 1, to: 300 });
    return node.calls.filter(({ method }) => method === LOGS)
      .map(({ blocks }) => blocks);
  };
  const undisturbed = await lengths();
  node.fail({
    fault: {
      kind: "error",
      code: -32005,
      message: "rate limit exceeded, try again in 10ms",
    },
    method: LOGS,
    times: 2,
  });
  const disturbed = await lengths();
  assert.deepEqual(
    disturbed.filter((one, index) =>
      JSON.stringify(one) !== JSON.stringify(disturbed[index - 1])
    ),
    undisturbed,
  );
  assert.equal(disturbed.length, undisturbed.length + 2);
});

Deno.test("evm.chain reads transfers by their topics", async () => {
  await using node = await start(300);
  const range = { from: 1, to: 200 };
  const uses: Uses = { token_transfers: "all" };
  const source = await open(node, { uses });
  const rows = rowsIn(await read(source, range), "token_transfers");
  assert.equal(node.stats().byMethod[RECEIPTS], undefined);
  const other = await open(node, { uses, connection: { lacks: [LOGS] } });
  const expected = rowsIn(await read(other, range), "token_transfers");
  assert.ok(expected.length > 50);
  assert.deepEqual(rows, expected);
});

Deno.test("evm.chain brings blocks and logs together, without receipts", async () => {
  await using node = await start(200);
  const range = { from: 1, to: 120 };
  const uses: Uses = { blocks: "all", logs: "all", transactions: ["hash"] };
  const source = await open(node, { uses });
  const units = await read(source, range);
  const { byMethod } = node.stats();
  assert.equal(byMethod[RECEIPTS], undefined);
  assert.equal(byMethod[BLOCK], 4 + 120);
  assert.ok(byMethod[LOGS]! <= 10);
  const expected = rowsOf([...node.chain.blocks(1, 120)]);
  assert.equal(rowsIn(units, "blocks").length, 120);
  assert.equal(
    rowsIn(units, "transactions").length,
    expected.transactions.length,
  );
  assert.deepEqual(rowsIn(units), await whole(node, {}, range));
  units.slice(1).forEach((unit, index) =>
    assert.equal(unit.parent, units[index]!.id)
  );
});

Deno.test("evm.chain reads whole blocks where nobody has eth_getLogs", async () => {
  await using node = await start(200);
  node.fail({ fault: methodMissing(LOGS), method: LOGS });
  const where = { logs: { address: busiest(node.chain) } };
  const range = { from: 1, to: 60 };
  const source = await open(node, { source: { where } });
  await assert.rejects(read(source, range), { name: "RetryableError" });
  // The runtime asks again.
  const rows = rowsIn(await read(source, range));
  assert.deepEqual(rows, await whole(node, { where }, range));
});

Deno.test("evm.chain takes receipts where searches are dear, one by one where it must", async () => {
  await using node = await start(60);
  const range = { from: 10, to: 60 };
  const connection = { rate: "1000000/s", prices: { eth_getLogs: 1_000_000 } };
  const expected = rowsOf([...node.chain.blocks(10, 60)]).logs
    .map((row) => row.transaction_hash);
  const hashes = async () => {
    const source = await open(node, { connection });
    return rowsIn(await read(source, range))
      .map((row) => row["transaction_hash"]);
  };
  assert.deepEqual(await hashes(), expected);
  // The head came with the first look at it: an empty block has no receipts.
  const [head] = [...node.chain.blocks(60, 60)];
  assert.equal(head?.block.transactions.length, 0);
  assert.equal(node.stats().byMethod[RECEIPTS], 50);
  assert.equal(node.stats().byMethod[LOGS], undefined);

  node.fail({ fault: methodMissing(RECEIPTS), method: RECEIPTS });
  assert.deepEqual(await hashes(), expected);
  // As many as were under way before the first refusals came.
  assert.ok(node.stats().byMethod[RECEIPTS]! <= 20);
  assert.ok(node.stats().byMethod["eth_getTransactionReceipt"]! > 100);
});

Deno.test("evm.chain does not ask a node for logs of blocks that it lacks", async () => {
  const chain = new SimulatedChain({ seed: 3 }).extend(300);
  await using late = await SimulatedNode.start(chain, { lag: 200 });
  await using node = await SimulatedNode.start(chain);
  const where = { logs: { address: busiest(chain) } };
  const client = await openConnection({
    endpoints: [
      { name: "late", url: late.url },
      { name: "whole", url: node.url },
    ],
    missing_timeout: "500ms",
  });
  await client.health();
  const source = await openSource(client, {
    uses: logsOnly,
    written: { where, poll: "20ms" },
  });
  // The head is that of the node that is not late.
  late.fail({ fault: { kind: "null" }, method: BLOCK });
  const rows = rowsIn(await read(source, { from: 1, to: 230 }));
  const asked = late.calls.filter(({ method }) => method === LOGS);
  assert.ok(asked.every(({ blocks }) => blocks![1] <= late.head));
  assert.deepEqual(rows, await whole(node, { where }, { from: 1, to: 230 }));
});

Deno.test("evm.chain believes that a block has no logs when two nodes say so", async () => {
  const chain = new SimulatedChain({ seed: 3 }).extend(60);
  await using slow = await SimulatedNode.start(chain);
  await using node = await SimulatedNode.start(chain);
  const where = { logs: { address: busiest(chain) } };
  const client = await openConnection({
    endpoints: [
      { name: "slow", url: slow.url },
      { name: "whole", url: node.url },
    ],
  });
  await client.health();
  const source = await openSource(client, {
    uses: logsOnly,
    written: { where, poll: "20ms" },
  });
  slow.fail({ fault: { kind: "empty" }, method: LOGS });
  const range = { from: 1, to: 60 };
  const rows = rowsIn(await read(source, range));
  assert.ok(rows.length > 10);
  assert.ok(slow.calls.some(({ method }) => method === LOGS));
  assert.deepEqual(rows, await whole(node, { where }, range));
});

Deno.test("evm.chain reads receipts while nobody may search, and searches again", async () => {
  const chain = new SimulatedChain({ seed: 3 }).extend(400);
  const view = new ChainView(chain);
  const bench = new ScriptedClient({
    plain: {
      script: (call) => callMethod(view, call),
      prices: { lacks: [LOGS] },
    },
    search: {
      // The second search finds the quota of the day spent.
      script: (call, times) =>
        call.method === LOGS && times === 2
          ? new RpcError("quota", "daily request count exceeded")
          : callMethod(view, call),
    },
  });
  const { client, clock, log } = bench;
  const source = await openSource(client, {
    uses: logsOnly,
    context: { clock, log },
    written: { in_flight: 4 },
  });

  const units: SourceUnit[] = [];
  const on = async (to: number) => {
    const options = units.length === 0 ? { from: 0 } : { after: units.at(-1)! };
    for (const tries of [1, 2, 3]) {
      try {
        for (const unit of await read(source, { ...options, to })) {
          units.push(unit);
        }
        return;
      } catch (error) {
        if (tries === 3 || !(error instanceof RetryableError)) throw error;
      }
    }
  };
  const used = (method: string) =>
    bench.made.filter((one) => one.method === method).length;
  await bench.settle(on(150), 3_600_000);
  assert.equal(used(LOGS), 2);
  assert.ok(used(RECEIPTS) > 0);
  const receipts = used(RECEIPTS);
  // The day turns.
  await clock.advance(25 * 3_600_000);
  await bench.settle(on(300), 3_600_000);
  assert.ok(used(LOGS) > 2);
  assert.equal(used(RECEIPTS), receipts);
  const expected = rowsOf([...chain.blocks(0, 300)]).logs;
  assert.deepEqual(
    rowsIn(units).map((row) => [row["block_number"], row["log_index"]]),
    expected.map((row) => [row.block_number, row.log_index]),
  );
});
