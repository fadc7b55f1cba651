/**
 * A pipeline that moves between machines: its state is in Cassandra, and each
 * process has a folder of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ScyllaClient } from "../../connectors/scylla/client.ts";
import { jsonlChanges } from "../connectors/files/file_folder.ts";
import { connect } from "../connectors/scylla/hot.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { canonicalRows } from "../fixtures/simulated/rows.ts";
import { until } from "../fixtures/until.ts";
import {
  cassandra,
  javaTest,
  startCassandra,
  uniqueName,
} from "../services/mod.ts";
import { figure } from "./figure.ts";
import { type Program, Workplace } from "./program.ts";
import { assertSameRows, expectedRows, netRows, textOf } from "./truth.ts";

/** Longest time from the end of one process to the next one's beginning, ms. */
const takeover = 15_000;

const blocks = 20;

/** Blocks that wait so long for their write are still in memory. */
const every = 3_000;

/** Two machines, the chain and the cluster that they share. */
class Scene implements AsyncDisposable {
  readonly node: SimulatedNode;
  readonly client: ScyllaClient;
  readonly pipeline: string;
  readonly places: readonly [Workplace, Workplace];

  private constructor(parts: {
    readonly node: SimulatedNode;
    readonly client: ScyllaClient;
    readonly pipeline: string;
    readonly places: readonly [Workplace, Workplace];
  }) {
    this.node = parts.node;
    this.client = parts.client;
    this.pipeline = parts.pipeline;
    this.places = parts.places;
  }

  static async set(): Promise<Scene> {
    const pipeline = uniqueName("moving");
    const address = await cassandra();
    const chain = new SimulatedChain({ seed: 11, transactionsPerBlock: 2 });
    const node = await SimulatedNode.start(chain.extend(blocks));
    const client = await connect({ hosts: [address], keyspace: pipeline });
    const yaml = [
      `name: ${pipeline}`,
      "state: { connection: hot }",
      "connections:",
      `  eth: { type: evm, url: "${node.url}/key" }`,
      `  hot: { type: scylla, hosts: ["${address}"], keyspace: ${pipeline} }`,
      "sources:",
      "  chain: { type: evm.chain, connection: eth, start: 1, poll: 50ms }",
      "sinks:",
      "  logs:",
      "    type: scylla",
      "    connection: hot",
      "    from: chain.logs",
      "    table: logs",
      "    primary_key: [[block_number], log_index]",
      `    batch: { every: ${every}ms }`,
    ].join("\n");
    const places = [
      await Workplace.make(yaml),
      await Workplace.make(yaml),
    ] as const;
    return new Scene({ client, node, pipeline, places });
  }

  /** Start a process that works and one that waits for it. */
  async start(): Promise<readonly [Program, Program]> {
    const [one, two] = this.places;
    const first = one.start("run", "spec.yaml");
    await this.holds(first);
    const second = two.start("run", "spec.yaml");
    await second.said(`is run by process ${first.pid} on`);
    return [first, second];
  }

  /** Wait until the table equals the chain. */
  async holds(program: Program): Promise<void> {
    const wanted = this.#expected();
    await until(async () => {
      if (program.over) throw new Error(`It has ended: ${program.stderr}`);
      const rows = await this.rows().catch(() => []);
      return rows.length === wanted.length &&
        rows.every((row, index) => row === wanted[index]);
    }, "the table equals the chain").catch(async (error) => {
      assertSameRows(await this.rows(), wanted, `${error.message}: logs`);
      throw error;
    });
  }

  /** Wait until so many events were ever journaled. */
  async journaled(count: number): Promise<void> {
    await until(async () => {
      const { rows } = await this.client.execute(
        "SELECT seq FROM sluice_state WHERE pipeline = ? AND kind = 'event'",
        [this.pipeline],
      );
      return rows.length >= count;
    }, `${count} events are journaled`);
  }

  async rows(): Promise<string[]> {
    const rows = await Array.fromAsync(this.client.rows("SELECT * FROM logs"));
    return rows.map((row) => textOf("logs", row)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const place of this.places) await place[Symbol.asyncDispose]();
    await this.client.execute(`DROP KEYSPACE "${this.pipeline}"`, [], {
      prepare: false,
    });
    await this.client[Symbol.asyncDispose]();
    await this.node.close();
  }

  #expected(): string[] {
    return expectedRows("logs", canonicalRows(this.node.chain, { from: 1 }));
  }
}

/** Wait for the successor, which has to be there in time. */
async function takesOver(next: Program, after: string): Promise<void> {
  const since = performance.now();
  await next.said("Has taken over pipeline");
  const taken = performance.now() - since;
  figure(`take-over after ${after}: ${(taken / 1000).toFixed(1)} s`);
  assert.ok(taken < takeover, `It took ${taken} ms`);
}

async function drain(program: Program): Promise<void> {
  program.kill("SIGTERM");
  const { code, stderr } = await program.ended();
  assert.equal(code, 0, stderr);
}

javaTest(
  "sluice run takes over on another machine when a process is killed",
  async () => {
    await using scene = await Scene.set();
    const [first, second] = await scene.start();
    scene.node.chain.reorg(2, 6);
    await scene.journaled(blocks + 2 + 6);
    first.kill("SIGKILL");
    await first.ended();
    await takesOver(second, "kill -9");
    await scene.holds(second);
    scene.node.chain.reorg(5, 9);
    await scene.holds(second);
    await drain(second);
  },
);

javaTest(
  "sluice run writes nothing when it wakes up behind its lease",
  async () => {
    await using scene = await Scene.set();
    const [first, second] = await scene.start();
    scene.node.chain.reorg(2, 6);
    await scene.journaled(blocks + 2 + 6);
    // Its timer for the write of these rows is running.
    first.kill("SIGSTOP");
    await takesOver(second, "SIGSTOP");
    scene.node.chain.reorg(4, 8);
    await scene.holds(second);
    // Whatever is written from here on is seen.
    await scene.client.execute("TRUNCATE logs", [], { prepare: false });
    first.kill("SIGCONT");
    await until(() => first.over, "it ends");
    const { code, stderr } = await first.ended();
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`error: .*process ${second.pid} on .* has taken over`),
    );
    await drain(second);
    assert.deepEqual(await scene.rows(), []);
  },
);

javaTest(
  "sluice run leaves its lease to the next process when it ends",
  async () => {
    await using scene = await Scene.set();
    const [first, second] = await scene.start();
    await drain(first);
    await takesOver(second, "SIGTERM");
    scene.node.chain.extend(3);
    await scene.holds(second);
    await drain(second);
  },
);

javaTest("sluice run pauses while the store of its state is away", async () => {
  await using server = await startCassandra();
  const chain = new SimulatedChain({ seed: 12, transactionsPerBlock: 2 });
  const node = await SimulatedNode.start(chain.extend(blocks));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => node.close());
  const place = stack.use(
    await Workplace.make([
      "name: patient",
      "state: { connection: hot }",
      "connections:",
      `  eth: { type: evm, url: "${node.url}/key" }`,
      `  hot: { type: scylla, hosts: ["${server.address}"], keyspace: state }`,
      "sources:",
      "  chain: { type: evm.chain, connection: eth, start: 1, poll: 50ms }",
      "sinks:",
      "  logs: { type: file, from: chain.logs, path: logs.jsonl, " +
      "batch: { every: 50ms } }",
    ].join("\n")),
  );
  const stored = async () =>
    netRows("logs", jsonlChanges(await place.read("logs.jsonl")));
  const equals = async () => {
    const wanted = expectedRows("logs", canonicalRows(chain, { from: 1 }));
    return JSON.stringify(await stored()) === JSON.stringify(wanted);
  };
  const program = place.start("run", "spec.yaml");
  await until(equals, "the file equals the chain");
  await server.pause();
  const before = await stored();
  chain.reorg(2, 7);
  await program.said("The lease has run out");
  assert.deepEqual(await stored(), before, "nothing leaves without its state");
  await server.resume();
  await until(equals, "the file equals the chain again");
  await drain(program);
  const said = (line: string) => program.stderr.split(line).length - 1;
  const outages = said("The state store does not answer, waits");
  // One, unless the machine is so busy that the store seems to be away again.
  assert.ok(outages >= 1 && outages <= 3, program.stderr);
  assert.equal(said("The state store answers again"), outages);
  assert.ok(said("The lease is renewed, goes on") >= 1, program.stderr);
});
