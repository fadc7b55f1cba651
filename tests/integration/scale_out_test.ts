/**
 * `pipelines/scale_out` as it ships: one watcher, three decoders, one of them
 * killed in the middle, on a chain that grows and reorganises itself. Every
 * row of the canonical chain is in the tables once.
 *
 * `SLUICE_SEED` repeats a run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { parse, stringify } from "yaml";
import { Dice } from "../fixtures/simulated/dice.ts";
import { SimulatedProcess } from "../fixtures/simulated/process.ts";
import { javaTest, startClickhouse, startKafka } from "../services/mod.ts";
import { ChangingChain } from "./changing_chain.ts";
import { figure } from "./figure.ts";
import { type Program, Workplace } from "./program.ts";
import { clickhouseRows } from "./stores.ts";
import { assertSameRows, columnsOf, expectedRows, textOf } from "./truth.ts";

const pipelines = new URL("../../pipelines/", import.meta.url).pathname;
const watch = `${pipelines}scale_out/watch.yaml`;
const decode = `${pipelines}scale_out/decode.yaml`;

const topic = "mainnet.transactions";

const seed = Number(
  Deno.env.get("SLUICE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0],
);

const decoders = 3;
const firstBlocks = 150;
const lastBlocks = 500;
const changes = 30;

/** Longest wait for the tables to equal the chain, ms. */
const patience = 240_000;

javaTest(
  `pipelines/scale_out holds each row once although a decoder is killed, seed ${seed}`,
  async () => {
    const began = performance.now();
    await using kafka = await startKafka();
    await using clickhouse = await startClickhouse();
    await using node = await SimulatedProcess.start([
      ...["--seed", String(seed), "--blocks", String(firstBlocks)],
      // The pipelines that ship say it.
      ...["--chain-id", "1"],
      ...["--transactions", "12", "--latency", "1"],
    ]);
    await using workplace = await Workplace.make("", {
      KAFKA_BROKERS: kafka.address,
      CLICKHOUSE_URL: clickhouse.address,
      ETH_RPC_URL: `${node.url}/key`,
      START_BLOCK: "1",
    });
    const ask = (sql: string) => clickhouseRows(clickhouse.address, sql);

    const watcher = workplace.start("run", watch);
    await created(kafka.address);
    const programs = Array.from(
      { length: decoders },
      () => workplace.start("run", decode),
    );
    // All have work: 12 partitions, four for each.
    await Promise.all(programs.map((one) => one.said(fourPartitions)));
    const stored = () => count(ask, "mainnet.transactions");
    while (await stored() === 0) await delay(100);

    const dice = new Dice(seed);
    const chain = new ChangingChain(node, dice, {
      growth: Math.ceil((lastBlocks - firstBlocks) / changes),
      most: lastBlocks,
    });
    const [victim, ...others] = programs;
    assert(victim);
    for (let change = 0; change < changes; change++) {
      await chain.change();
      await delay(dice.below(600));
      if (change === changes / 2) {
        victim.kill("SIGKILL");
        await victim.ended();
      }
    }
    await chain.finish();
    const truth = await node.truth({ from: 1 });
    const expected = expectedRows("transactions", truth.rows);
    const columns = columnsOf("transactions").join(", ");
    const rows = async () => {
      const found = await ask(`SELECT ${columns} FROM mainnet.transactions`);
      return found.map((row) => textOf("transactions", row)).sort();
    };
    const deadline = Date.now() + patience;
    while (
      Date.now() < deadline && (await rows()).join() !== expected.join()
    ) {
      for (const one of [watcher, ...others]) {
        assert(!one.over, `It ended by itself: ${one.stderr}`);
      }
      await delay(200);
    }
    // A drain stores nothing twice either, and leaves nothing to read.
    await drain([watcher, ...others]);
    assertSameRows(await rows(), expected, "transactions");
    assert.deepEqual(await unread(kafka.address), []);

    await reference(workplace, truth.head);
    const calls = (database: string) =>
      ask(`SELECT * FROM ${database}.calls ORDER BY ALL`);
    const decoded = await calls("reference");
    assert(decoded.length > 100, `${decoded.length} calls`);
    assert.deepEqual(await calls("mainnet"), decoded);
    assert.equal(await count(ask, "mainnet.rejects"), 0);
    const seconds = Math.round((performance.now() - began) / 1000);
    figure(
      `${expected.length} transactions, ${decoded.length} calls, ` +
        `${chain.reorgs} reorgs up to ${chain.deepest} deep, ${seconds} s`,
    );
  },
);

/** What a decoder says when it has its share of 12 partitions. */
const fourPartitions =
  /Reads partitions[^\n]*"mainnet\.transactions":\[\d+,\d+,\d+,\d+\]/;

/** The same transforms and sinks, straight behind the chain. */
async function reference(workplace: Workplace, head: number): Promise<void> {
  const spec = parse(await Deno.readTextFile(decode));
  const connections = `${pipelines}connections.yaml`;
  const shared = parse(await Deno.readTextFile(connections)).connections;
  const text = stringify({
    ...spec,
    name: "reference",
    include: undefined,
    tests: undefined,
    connections: {
      ethereum: shared.ethereum,
      warehouse: { ...shared.warehouse, database: "reference" },
    },
    sources: {
      transactions: {
        type: "evm.chain",
        connection: "ethereum",
        emit: ["transactions"],
        start: 1,
      },
    },
  }).replaceAll("../abis/", "abis/");
  await Deno.symlink(`${pipelines}abis`, workplace.path("abis"));
  await workplace.write("reference.yaml", text);
  const { code, stderr } = await workplace.run(
    ...["run", "reference.yaml", "--to", String(head)],
  );
  assert.equal(code, 0, stderr);
}

async function drain(programs: readonly Program[]): Promise<void> {
  for (const program of programs) program.kill("SIGTERM");
  for (const program of programs) {
    const { code, stderr } = await program.ended();
    assert.equal(code, 0, stderr);
  }
}

/** Wait until the watcher has created the topic. */
async function created(brokers: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    while (!(await admin.listTopics()).includes(topic)) await delay(100);
  });
}

/** Partitions with records that the group has not stored. */
async function unread(brokers: string): Promise<unknown[]> {
  return await withAdmin(brokers, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const [group] = await admin.fetchOffsets({
      groupId: "scale-out-decode",
      topics: [topic],
    });
    return ends.flatMap(({ high, partition }) => {
      const offset = group?.partitions
        .find((one) => one.partition === partition)?.offset;
      return offset === high ? [] : [{ partition, offset, high }];
    });
  });
}

async function withAdmin<T>(
  brokers: string,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function count(
  ask: (sql: string) => Promise<readonly Record<string, unknown>[]>,
  table: string,
): Promise<number> {
  const [row] = await ask(`SELECT count() AS n FROM ${table}`);
  return Number(row?.["n"]);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
