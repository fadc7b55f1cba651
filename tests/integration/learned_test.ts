/**
 * What one run finds out about an endpoint the next one knows: it makes no
 * call that is refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { methodMissing } from "../fixtures/simulated/dialect.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import type { KeyReport } from "../../runtime/component.ts";
import { until } from "../fixtures/until.ts";
import { LivePipeline } from "./live_pipeline.ts";
import { Workplace } from "./program.ts";
import { quickClock } from "./quick_clock.ts";

const speed = 40;
const range = 50;
const blocks = 150;
const minute = 60_000;

const secret = "secret-key-0123456789";

/** Logs come by ranges, and receipts by the block as long as that works. */
function specOf(
  url: string,
  { key = secret, sink = "blackhole", terms = "" } = {},
): string {
  return [
    "name: learned",
    "connections:",
    `  eth: { type: evm, url: "${url}/{key}", keys: ["${key}"]${terms} }`,
    "sources:",
    "  events: { type: evm.chain, connection: eth, start: 1 }",
    "  chain: { type: evm.chain, connection: eth, start: 1 }",
    "sinks:",
    `  logs: { type: ${sink}, from: events.logs }`,
    `  transactions: { type: ${sink}, from: chain.transactions }`,
  ].join("\n");
}

/** A node that takes ranges of some blocks, and knows no block receipts. */
async function limitedNode() {
  const chain = new SimulatedChain({ seed: 7, transactionsPerBlock: 2 });
  const node = await SimulatedNode.start(chain.extend(6 * blocks));
  const wide = node.fail({
    method: "eth_getLogs",
    when: ({ blocks }) =>
      blocks !== undefined && blocks[1] - blocks[0] >= range,
    fault: {
      kind: "error",
      code: -32614,
      message: `eth_getLogs is limited to a ${range} range`,
    },
  });
  const unknown = node.fail({
    method: "eth_getBlockReceipts",
    fault: methodMissing("eth_getBlockReceipts"),
  });
  let told = [0, 0];
  return {
    node,
    /** Refused calls since this was asked last: too wide, unknown. */
    refused() {
      const now = [wide.hits, unknown.hits];
      const more = now.map((count, index) => count - (told[index] ?? 0));
      told = now;
      return more;
    },
    [Symbol.asyncDispose]: () => node.close(),
  };
}

Deno.test("runPipeline() knows what earlier runs have found out, for an hour", async () => {
  await using bench = await limitedNode();
  const began = Date.now();
  await using pipeline = await LivePipeline.make(
    specOf(bench.node.url, { sink: "memory" }),
    quickClock(speed, began),
    { ledger: true },
  );
  const run = async (to: number, minutes: number) => {
    const clock = quickClock(speed, began + minutes * minute);
    await pipeline.start({ to, clock }).done;
    return bench.refused();
  };
  const [wide = 0, unknown = 0] = await run(blocks, 0);
  assert.ok(wide > 0 && unknown >= 2, `${wide}, ${unknown}`);
  assert.deepEqual(await run(2 * blocks, 30), [0, 0]);
  const again = await run(3 * blocks, 75);
  assert.ok(again.every((count) => count > 0), `${again}`);
  assert.deepEqual(await run(4 * blocks, 80), [0, 0]);
  const read = pipeline.table("transactions")
    .map(({ row }) => Number(row["block_number"]));
  assert.equal(Math.max(...read), 4 * blocks);
});

/** How many facts a file has that say so for sure. */
function storedIn(path: string): number {
  try {
    using db = new DatabaseSync(path, { readOnly: true });
    const { count } = db.prepare(
      "SELECT count(*) AS count FROM facts " +
        "WHERE name NOT LIKE 'lacks %' OR value >= 2",
    ).get() ?? {};
    return Number(count);
  } catch {
    return 0; // It is not there yet.
  }
}

/** All that the files of a folder hold, as text of single bytes. */
async function textOf(folder: string): Promise<string> {
  const files = await Array.fromAsync(Deno.readDir(folder));
  const bytes = await Promise.all(
    files.map(({ name }) => Deno.readFile(`${folder}/${name}`)),
  );
  const latin1 = new TextDecoder("latin1");
  return bytes.map((one) => latin1.decode(one)).join("\n");
}

Deno.test("sluice run remembers behind kill -9 what an endpoint cannot do", async () => {
  await using bench = await limitedNode();
  const { url } = bench.node;
  await using work = await Workplace.make(specOf(url));
  const run = async (to: number) => {
    const { code, stderr } = await work.run(
      "run",
      "spec.yaml",
      "--to",
      `${to}`,
    );
    assert.equal(code, 0, stderr);
    return bench.refused();
  };
  {
    await using program = work.start("run", "spec.yaml");
    await until(() => {
      if (program.over) throw new Error(program.stderr);
      return storedIn(work.path(".sluice/usage.db")) >= 2;
    }, "what it has learned is stored");
    program.kill("SIGKILL");
    await program.ended();
  }
  const first = bench.refused();
  assert.ok(first.every((count) => count > 0), `${first}`);

  const keys = await work.run("keys", "spec.yaml", "--json");
  const [report] = JSON.parse(keys.stdout) as KeyReport[];
  assert.deepEqual(report?.shortcomings?.map(({ what }) => what).sort(), [
    "eth_getBlockReceipts",
    `eth_getLogs of more than ${range} blocks`,
  ]);
  const table = await work.run("keys", "spec.yaml");
  assert.match(table.stdout, /eth_getBlockReceipts, until \d\d:\d\d UTC/);

  assert.deepEqual(await run(2 * blocks), [0, 0]);
  assert.ok(!(await textOf(work.path(".sluice"))).includes(secret));
  assert.ok(!(keys.stdout + table.stdout).includes(secret));
});

Deno.test("sluice run asks again under another plan and with another key", async () => {
  await using bench = await limitedNode();
  const { url } = bench.node;
  const specs = {
    first: specOf(url),
    plan: specOf(url, { terms: ", rate: 500/s" }),
    key: specOf(url, { key: "another-key-0123456789" }),
  };
  await using work = await Workplace.make(specs.first);
  let to = 0;
  const run = async (name: keyof typeof specs) => {
    await work.write("spec.yaml", specs[name]);
    to += blocks;
    const { code, stderr } = await work.run("run", "spec.yaml", `--to=${to}`);
    assert.equal(code, 0, stderr);
    return bench.refused().every((count) => count > 0);
  };
  assert.ok(await run("first"));
  assert.ok(await run("plan"));
  assert.ok(await run("key"));
  for (const name of ["first", "plan", "key"] as const) {
    assert.ok(!await run(name), name);
  }
});

Deno.test("sluice run leaves no file where nothing is shared", async () => {
  const chain = new SimulatedChain({ seed: 7, transactionsPerBlock: 2 });
  await using node = await SimulatedNode.start(chain.extend(blocks));
  await using work = await Workplace.make(specOf(node.url));
  const { code, stderr } = await work.run("run", "spec.yaml", "--to", "5");
  assert.equal(code, 0, stderr);
  assert.equal(await work.read(".sluice/usage.db"), "");
});
