/**
 * The program as a process: signals, exit codes, one writer a pipeline.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { jsonlChanges } from "../connectors/files/file_folder.ts";
import { SimulatedChain } from "../fixtures/simulated/chain.ts";
import { badGateway } from "../fixtures/simulated/dialect.ts";
import type { AskedCall } from "../fixtures/simulated/fault.ts";
import { SimulatedNode } from "../fixtures/simulated/node.ts";
import { canonicalRows } from "../fixtures/simulated/rows.ts";
import { Program, Workplace } from "./program.ts";
import { assertSameRows, expectedRows, netRows } from "./truth.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** What a second signal within 300 ms is taken for: the same Ctrl-C. */
const sameCtrlC = 300;

/** Seconds within which another process has taken over and read the rest. */
const takeover = 6;

const ports = ["blocks", "transactions", "logs"] as const;

/** A pipeline that would write nothing for a minute, if nobody drained it. */
function specOf(url: string, more: readonly string[] = []): string {
  return [
    "name: work",
    "connections:",
    `  eth: { type: evm, url: "${url}/key" }`,
    "sources:",
    "  chain: { type: evm.chain, connection: eth, start: 1, poll: 50ms }",
    ...more,
    "sinks:",
    ...ports.map((port) =>
      `  ${port}: { type: file, from: chain.${port}, ` +
      `path: data/${port}.jsonl, batch: { rows: 1000000, every: 60s } }`
    ),
  ].join("\n");
}

function startNode(blocks: number): Promise<SimulatedNode> {
  const chain = new SimulatedChain({ seed: 5, transactionsPerBlock: 2 });
  return SimulatedNode.start(chain.extend(blocks), { latencyMs: 2 });
}

/** Poll until something holds. */
async function until(
  holds: () => boolean | Promise<boolean>,
  program?: Program,
): Promise<void> {
  while (!await holds()) {
    if (program?.over) throw new Error(`It has ended: ${program.stderr}`);
    await delay(5);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Where each sink stands. */
async function positions(workplace: Workplace): Promise<number[]> {
  const { code, stderr, stdout } = await workplace.run(
    ...["status", "spec.yaml", "--json"],
  );
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).map(({ block }: { block: number }) => block);
}

async function assertStored(
  workplace: Workplace,
  { chain, to }: { chain: SimulatedChain; to: number },
): Promise<void> {
  const truth = canonicalRows(chain, { from: 1, to });
  for (const port of ports) {
    const text = await workplace.read(`data/${port}.jsonl`);
    const rows = netRows(port, jsonlChanges(text));
    assertSameRows(rows, expectedRows(port, truth), port);
  }
}

async function assertDrained(
  workplace: Workplace,
  chain: SimulatedChain,
): Promise<void> {
  const [to = 0, ...others] = await positions(workplace);
  assert(to > 0, "something was read");
  assert(others.every((other) => other === to), "all of it was stored");
  await assertStored(workplace, { chain, to });
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`sluice run stores what it has read and ends with 0 on ${signal}`, async () => {
    await using node = await startNode(400);
    await using workplace = await Workplace.make(specOf(node.url));
    await using program = workplace.start("run", "spec.yaml");
    await until(() => node.calls.length > 100, program);
    program.kill(signal);
    const { code, stderr, stdout } = await program.ended();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Draining; press Ctrl-C again to stop at once/);
    assert.match(stdout, /up to block/);
    await assertDrained(workplace, node.chain);
  });
}

Deno.test("sluice run drains while it follows the head, and goes on where it stopped", async () => {
  await using node = await startNode(30);
  await using workplace = await Workplace.make(specOf(node.url));
  const heads = () =>
    node.calls.filter(({ params }) => params[0] === "latest").length;
  for (const goal of [30, 45]) {
    await using program = workplace.start("run", "spec.yaml");
    const asked = heads();
    await until(() => heads() > asked + 3, program);
    program.kill("SIGTERM");
    assert.equal((await program.ended()).code, 0);
    assert.deepEqual(await positions(workplace), [goal, goal, goal]);
    await assertStored(workplace, { chain: node.chain, to: goal });
    node.chain.reorg(8, 23);
  }
});

Deno.test("sluice run drains while its node is gone", async () => {
  await using node = await startNode(400);
  await using workplace = await Workplace.make(specOf(node.url));
  await using program = workplace.start("run", "spec.yaml");
  await until(() => node.calls.length > 100, program);
  const { chain } = node;
  await node.close();
  await program.said("endpoint pauses");
  program.kill("SIGTERM");
  const { code, stderr } = await program.ended();
  assert.equal(code, 0, stderr);
  await assertDrained(workplace, chain);
});

Deno.test("sluice run drains while its node cannot say where a fork began", async () => {
  await using node = await startNode(40);
  await using workplace = await Workplace.make(specOf(node.url));
  const run = ["run", "spec.yaml", "--to", "40"];
  assert.equal((await workplace.run(...run)).code, 0);
  const identifies = ({ params }: AskedCall) =>
    params[1] === false && String(params[0]).startsWith("0x");
  const handle = node.fail({ fault: badGateway(), when: identifies });
  await using program = workplace.start("run", "spec.yaml");
  await until(() => handle.hits > 2, program);
  program.kill("SIGTERM");
  const { code, stderr } = await program.ended();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await positions(workplace), [40, 40, 40]);
});

Deno.test("sluice run ends with 0 when it is told to before a database answers", async () => {
  await using node = await startNode(5);
  const spec = specOf(node.url)
    .replace(
      "sources:",
      '  gone: { type: clickhouse, url: "http://127.0.0.1:9" }\nsources:',
    );
  const sink = "  rows: { type: clickhouse, connection: gone, " +
    "from: chain.logs, table: logs, order_by: [block_number, log_index] }";
  await using workplace = await Workplace.make(`${spec}\n${sink}`);
  await using program = workplace.start("run", "spec.yaml");
  await program.said("does not answer, tries again");
  program.kill("SIGTERM");
  const { code, stderr } = await program.ended();
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /^\s+at /m);
});

/** A spec with a transform that never answers: its drain takes for ever. */
async function stuck(node: SimulatedNode): Promise<Workplace> {
  const spec = specOf(node.url, [
    "transforms:",
    "  stuck: { type: module, from: chain.blocks, module: stuck.ts, " +
    "columns: { number: uint64 } }",
  ]).replace("from: chain.blocks, path", "from: stuck, path");
  const workplace = await Workplace.make(spec);
  await workplace.write(
    "stuck.ts",
    `export function transform(): Promise<null> {
       Deno.writeTextFileSync("reached", "");
       return new Promise(() => {});
     }\n`,
  );
  return workplace;
}

async function reached(workplace: Workplace): Promise<boolean> {
  return await Deno.stat(workplace.path("reached"))
    .then(() => true, () => false);
}

Deno.test("sluice run stops at once, with 130, on a second Ctrl-C", async () => {
  await using node = await startNode(20);
  await using workplace = await stuck(node);
  await using program = workplace.start("run", "spec.yaml");
  await until(() => reached(workplace), program);
  program.kill("SIGINT");
  await program.said("Draining");
  // Ctrl-C through `deno task` arrives twice; that is not a second one.
  program.kill("SIGINT");
  await delay(sameCtrlC + 100);
  assert(!program.over, "the repetition was ignored");
  program.kill("SIGINT");
  const { code, signal } = await program.ended();
  assert.deepEqual([code, signal], [130, null]);
});

/** The tasks of the repository, for a folder elsewhere. */
async function startTask(workplace: Workplace): Promise<Program> {
  const config = JSON.parse(await Deno.readTextFile(`${repository}deno.json`));
  const command: string = config.tasks.run.command;
  await workplace.write(
    "deno.json",
    JSON.stringify({
      tasks: {
        run: command.replace(
          "deno run",
          `deno run --config=${repository}deno.json`,
        ).replace(" sluice.ts", ` ${repository}sluice.ts`),
      },
    }),
  );
  // A process group of its own, as a terminal makes one for each command.
  return workplace.adopt(
    new Program("setsid", [Deno.execPath(), "task", "run", "spec.yaml"], {
      cwd: workplace.folder,
    }),
  );
}

Deno.test("deno task run drains on one Ctrl-C and on SIGTERM", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await using node = await startNode(400);
    await using workplace = await Workplace.make(specOf(node.url));
    await using program = await startTask(workplace);
    await until(() => node.calls.length > 100, program);
    // A terminal sends Ctrl-C to the whole group, a supervisor to one.
    if (signal === "SIGINT") Deno.kill(-program.pid, signal);
    else program.kill(signal);
    const { code, stderr } = await program.ended();
    assert.equal(code, 0, stderr);
    await assertDrained(workplace, node.chain);
  }
});

Deno.test("deno task run stops at once on the second Ctrl-C", async () => {
  await using node = await startNode(20);
  await using workplace = await stuck(node);
  await using program = await startTask(workplace);
  await until(() => reached(workplace), program);
  Deno.kill(-program.pid, "SIGINT");
  await program.said("Draining");
  await delay(sameCtrlC + 100);
  assert(!program.over, "it drains");
  Deno.kill(-program.pid, "SIGINT");
  assert.equal((await program.ended()).code, 130);
});

Deno.test("sluice run waits for the process that runs the pipeline and takes over when it is killed", async () => {
  await using node = await startNode(60);
  await using workplace = await Workplace.make(specOf(node.url));
  await using first = workplace.start("run", "spec.yaml");
  await until(() => node.calls.length > 50, first);
  await using second = workplace.start("run", "spec.yaml", "--to", "60");
  await second.said(`is run by process ${first.pid} on`);
  assert(!second.over);
  first.kill("SIGKILL");
  const killed = performance.now();
  const { code, stderr } = await second.ended();
  assert.equal(code, 0, stderr);
  const seconds = (performance.now() - killed) / 1000;
  assert(seconds < takeover, `took over and ended after ${seconds} s`);
  await assertStored(workplace, { chain: node.chain, to: 60 });
});

Deno.test("sluice run ends with 0 when it is told to while it waits", async () => {
  await using node = await startNode(20);
  await using workplace = await Workplace.make(specOf(node.url));
  await using first = workplace.start("run", "spec.yaml");
  await until(() => node.calls.length > 20, first);
  await using second = workplace.start("run", "spec.yaml");
  await second.said("waits until that ends");
  second.kill("SIGTERM");
  assert.equal((await second.ended()).code, 0);
  first.kill("SIGTERM");
  assert.equal((await first.ended()).code, 0);
  await assertDrained(workplace, node.chain);
});

Deno.test("sluice run adds nothing when everything is done", async () => {
  await using node = await startNode(40);
  await using workplace = await Workplace.make(specOf(node.url));
  const run = ["run", "spec.yaml", "--to", "40"];
  assert.equal((await workplace.run(...run)).code, 0);
  const sizes = await workplace.sizes("data");
  const { code, stdout } = await workplace.run(...run);
  assert.equal(code, 0);
  assert.match(stdout, /\b0 blocks in/);
  assert.deepEqual(await workplace.sizes("data"), sizes);
  await assertStored(workplace, { chain: node.chain, to: 40 });
});

Deno.test("sluice run refuses a renamed sink and takes it with renamed_from", async () => {
  await using node = await startNode(20);
  const spec = specOf(node.url);
  await using workplace = await Workplace.make(spec);
  const run = ["run", "spec.yaml", "--to", "20"];
  assert.equal((await workplace.run(...run)).code, 0);

  await workplace.write("spec.yaml", spec.replace("\n  logs:", "\n  events:"));
  const { code, stderr } = await workplace.run(...run);
  assert.equal(code, 1);
  assert.match(stderr, /error: Sink "logs" has a cursor .* "events" is new/);
  assert.match(stderr, /renamed_from: logs/);
  assert.match(stderr, /reset spec.yaml --sink logs/);

  await workplace.write(
    "spec.yaml",
    spec.replace("\n  logs: {", "\n  events: { renamed_from: logs,"),
  );
  const again = await workplace.run(...run);
  assert.equal(again.code, 0, again.stderr);
  await assertStored(workplace, { chain: node.chain, to: 20 });
});

Deno.test("sluice ends with 1 when something fails and with 2 when the call or the spec is wrong", async () => {
  await using node = await startNode(5);
  await using workplace = await Workplace.make(specOf(node.url));
  await workplace.write("wrong.yaml", specOf(node.url) + "\n    colour: red");
  await node.close();
  const codes = await Promise.all([
    ["run", "spec.yaml", "--to", "5"],
    ["run", "wrong.yaml"],
    ["run", "nowhere.yaml"],
    ["run", "spec.yaml", "--to", "five"],
    ["ran", "spec.yaml"],
    ["check", "spec.yaml"],
  ].map(async (args) => {
    const { code, stderr } = await workplace.run(...args);
    assert.doesNotMatch(stderr, /^\s+at /m, "no stack for a mistake");
    return code;
  }));
  assert.deepEqual(codes, [1, 2, 2, 2, 2, 0]);
});
